"""The pages of an admin's set-up: duties with dates, the calendar, the settings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from school_app.accounts.models import AccountRole
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools
from school_app.schools.models import CalendarDay, DayType, FormMaster, HeadOfYear, School, Subject
from tests.days import TODAY
from tests.factories import TwoSchools
from tests.visits import log_in, send


def test_a_new_master_takes_over_and_the_old_one_sees_nothing_more(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.admin)
    send(client, f"/admin/forms/{ours.form.id}/master", account=str(ours.teacher.id), **{"from": TODAY.isoformat()})
    duties = session.scalars(
        select(FormMaster).where(FormMaster.form_id == ours.form.id).order_by(FormMaster.starts_on)
    ).all()
    assert [(one.account_id, one.ends_on) for one in duties] == [
        (ours.form_master.id, TODAY - timedelta(days=1)),
        (ours.teacher.id, None),
    ]
    held = session.scalars(select(AccountRole.role).where(AccountRole.account_id == ours.teacher.id)).all()
    assert set(held) == {Role.TEACHER, Role.FORM_MASTER}
    before = log_in(client.application.test_client(), ours.form_master)
    assert before.get(f"/students/{ours.student.id}").status_code == 404


def test_an_operator_sets_a_roster_id_once(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    with all_schools(session):
        session.execute(update(School).values(sourced_id=None), execution_options={"audit_reason": "no rosters yet"})
        session.commit()
    log_in(client, two_schools.operator)
    send(client, f"/platform/schools/{theirs}/roster-id", sourced_id="7")
    send(client, f"/platform/schools/{ours}/roster-id", sourced_id="7")
    assert "is another school’s" in client.get("/platform/schools").text
    send(client, f"/platform/schools/{ours}/roster-id", sourced_id="77")
    assert "roster id 77" in client.get("/platform/schools").text
    send(client, f"/platform/schools/{ours}/roster-id", sourced_id="78")
    send(client, f"/platform/schools/{ours}/roster-id", sourced_id=" ")
    with all_schools(session):
        assert session.scalar(select(School.sourced_id).where(School.id == ours)) == "77"
    assert send(client, "/platform/schools/999999/roster-id", sourced_id="9").status_code == 404


def test_nobody_of_another_school_becomes_a_master(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.admin)
    path = f"/admin/forms/{ours.form.id}/master"
    send(client, path, account=str(two_schools.theirs.teacher.id), **{"from": TODAY.isoformat()})
    assert "choose a member of staff" in client.get("/admin/forms").text
    send(client, path, account=str(ours.teacher.id), **{"from": "1926-03-02"})
    assert "choose a day within 120 days of today" in client.get("/admin/forms").text
    held = session.scalars(select(FormMaster.account_id).where(FormMaster.form_id == ours.form.id)).all()
    assert held == [ours.form_master.id]


def test_a_head_of_year_is_appointed_from_a_day_on(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.admin)
    group = ours.things["year_group"].id
    send(
        client, "/admin/years/head", year_group=str(group), account=str(ours.teacher.id), **{"from": TODAY.isoformat()}
    )
    now = session.scalars(select(HeadOfYear.account_id).where(HeadOfYear.ends_on.is_(None))).all()
    assert now == [ours.teacher.id]


def test_a_day_is_set_and_the_month_shows_it(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    send(client, "/admin/calendar", date="2031-05-05", kind="holiday", note="May Day")
    day = session.scalars(select(CalendarDay).where(CalendarDay.date == datetime(2031, 5, 5).date())).one()
    assert (day.day_type, day.note) == (DayType.HOLIDAY, "May Day")
    assert "holiday: May Day" in client.get("/admin/calendar?month=2031-05").text
    assert client.get("/admin/calendar?month=soon").status_code == 404


def test_settings_that_cannot_hold_are_refused_by_name(client: Any, session: Any, two_schools: TwoSchools) -> None:
    school = two_schools.ours.school
    session.commit()
    log_in(client, two_schools.ours.admin)
    good = {"name": "Hill", "timezone": "Europe/Paris", "register_closes": "08:45", "session_scheme": "am_pm"}
    for field, value, said in (
        ("timezone", "Moon/Base", "Time zone: write one such as"),
        ("register_closes", "25:00", "Registers close: write a time"),
        ("name", " ", "Name: write the school"),
    ):
        send(client, "/admin/school", **{**good, field: value})
        assert said in client.get("/admin/school").text
    send(client, "/admin/school", **good)
    session.expire_all()
    assert (school.name, school.timezone, school.register_closes) == ("Hill", "Europe/Paris", "08:45")


def test_core_subjects_are_the_schools_own(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    send(client, "/admin/subjects")
    session.expire_all()
    assert session.scalars(select(Subject.is_core)).all() == [False]
