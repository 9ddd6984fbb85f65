"""No page stays wrong where the day turns, Redis refuses, or whoever changes what it shows dies in the middle."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import OutOfMemoryError

from school_app.config import Settings
from school_app.core import fragments
from school_app.schools.context import school_changed
from tests.days import TODAY
from tests.factories import TwoSchools
from tests.fragments.changes import rename_student


def test_nobody_keeps_a_page_of_a_version_that_is_asked_for_first_while_it_changes(
    master: FlaskClient,
    store: fragments.Fragments,
    session: Any,
    two_schools: TwoSchools,
    monkeypatch: pytest.MonkeyPatch,
    made: list[str],
) -> None:
    """As when a process is killed after the commit, whose versions Redis did not know before it."""
    store.clear(two_schools.ours.school.id)
    with monkeypatch.context() as patch:
        patch.setattr(fragments.Fragments, "raise_", lambda store, versions: None)
        rename_student(session, two_schools.ours)
        session.commit()
    for _ in range(2):
        assert "Changed" in master.get("/").text
    assert made == ["home"] * 2


def test_a_full_redis_keeps_no_page_that_is_wrong_for_other_processes(
    settings: Settings,
    app: Flask,
    master: FlaskClient,
    store: fragments.Fragments,
    session: Any,
    two_schools: TwoSchools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It answers what is asked and refuses what is to be written, as it does under its policy noeviction."""
    other = fragments.Fragments(Redis.from_url(str(settings.redis_url)), None)
    refused = []

    def full(pipeline: Pipeline, *args: object, **kwargs: object) -> Any:
        refused.append(pipeline)
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "execute", full)
        rename_student(session, two_schools.ours)
        session.commit()
    assert refused
    monkeypatch.setitem(app.extensions, "formroom.fragments", other)
    assert "Changed" in master.get("/").text


def test_the_day_of_a_kept_page_turns_at_the_school_s_own_midnight(
    master: FlaskClient, session: Any, two_schools: TwoSchools, made: list[str]
) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    two_schools.ours.school.timezone = zone.key
    session.commit()
    school_changed(session)
    midnight = datetime.combine(TODAY + timedelta(1), time(), zone).astimezone(UTC)
    shown = {}
    for seconds in (-10, -5, 5, 10):
        with time_machine.travel(midnight + timedelta(seconds=seconds)):
            shown[seconds] = master.get("/").text
    for seconds, day in ((-10, TODAY), (-5, TODAY), (5, TODAY + timedelta(1)), (10, TODAY + timedelta(1))):
        assert f"{day:%A} {day.day} {day:%B}" in shown[seconds]
    assert made == ["home"] * 2
