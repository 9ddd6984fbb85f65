"""The first pages of a school day are ready before the masters come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from school_app.accounts.models import AccountStatus
from school_app.core.db import db
from school_app.core.jobs import JobRun
from school_app.core.tenancy import all_schools, enter_school, use_school
from school_app.dashboards import warming
from school_app.dashboards.models import LastLook
from school_app.schools.models import CalendarDay, DayType, School
from tests.days import TODAY
from tests.factories import TwoSchools
from tests.visits import log_in, long_after_writing
from workers import jobs


def test_the_page_that_was_made_ahead_is_the_one_that_the_master_gets(
    app: Flask, client: FlaskClient, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    ours = two_schools.ours
    before = datetime.now(UTC) - timedelta(hours=15)
    session.add(LastLook(account_id=ours.form_master.id, looked_at=before))
    session.commit()
    with app.app_context(), use_school(db.session, ours.school.id):
        assert warming.warm(db.session) == 2
    log_in(client, ours.form_master)
    long_after_writing(client)
    statements.clear()
    page = client.get("/").text
    assert "by drift" in page
    assert f"Since you last looked: {before:%A}" in page
    assert not [one for one in statements if "FROM incident" in one or "FROM alert" in one]


def test_on_a_day_without_school_and_for_who_may_not_come_none_is_made(
    app: Flask, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    ours.other_master.status = AccountStatus.DISABLED
    session.commit()
    with app.app_context(), use_school(db.session, ours.school.id):
        assert warming.warm(db.session) == 1
        db.session.scalars(select(CalendarDay).where(CalendarDay.date == TODAY)).one().day_type = DayType.HOLIDAY
        db.session.commit()
        assert warming.warm(db.session) == 0


@pytest.mark.parametrize(("minutes", "expected"), [(-1, 0), (0, 1), (29, 1), (30, 0)])
def test_schools_are_made_ready_by_their_own_clocks(
    app: Flask, session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch, minutes: int, expected: int
) -> None:
    ours = two_schools.ours.school.id
    warm_at = datetime.combine(TODAY, time(6, 30), ZoneInfo("Asia/Kolkata"))
    enter_school(session, None)
    with all_schools(session):
        for school in session.scalars(select(School)):
            school.timezone = "Asia/Kolkata" if school.slug == "ours" else "UTC"
        session.commit()
    monkeypatch.setattr(jobs.clock, "now", lambda: warm_at.astimezone(UTC) + timedelta(minutes=minutes))
    with app.app_context(), all_schools(db.session):
        assert jobs.warm_all_homes() == {"schools": expected}
        named = db.session.scalars(select(JobRun).where(JobRun.name == "workers.jobs.warm_homes")).all()
        assert [one.school_id for one in named] == [ours] * expected


def test_the_hour_is_a_setting(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from school_app.config import BadSettings, Settings

    env = {"FORMROOM_ENV": "embedded"}
    assert Settings.from_env(env).warm_at == time(6, 30)
    assert Settings.from_env({**env, "FORMROOM_WARM_AT": "05:45"}).warm_at == time(5, 45)
    for wrong in ("6:30", "24:00", "06:60", "early"):
        with pytest.raises(BadSettings, match="FORMROOM_WARM_AT"):
            Settings.from_env({**env, "FORMROOM_WARM_AT": wrong})
    assert replace(Settings.from_env({**env, "FORMROOM_FRAGMENTS": "off"})).fragments is False
    with pytest.raises(BadSettings, match="FORMROOM_FRAGMENTS"):
        Settings.from_env({**env, "FORMROOM_FRAGMENTS": "no"})
