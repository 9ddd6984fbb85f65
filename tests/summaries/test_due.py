"""Whatever changes a day has its summary counted anew: each of these fails where the writer does not say so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from school_app.alerts.evaluation import evaluate
from school_app.alerts.models import Alert, AlertStatus, DecisionKind
from school_app.alerts.service import Answer, decide, set_thresholds
from school_app.alerts.sources import EXTENSION
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import Session
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.attendance.service import Entry, record_register, take_back
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.service import Report, correct_incident, record_incident, withdraw_incident
from school_app.cases.models import Case, Outcome
from school_app.cases.service import Ending, Plan, close, open_case
from school_app.core.acting import By
from school_app.core.tenancy import use_school
from school_app.rosters.attendance import import_attendance
from school_app.rosters.behaviour import import_behaviour
from school_app.rosters.calendar import import_calendar
from school_app.rosters.local import File, Known
from school_app.rosters.problems import Problems
from school_app.schools.due import SummaryDue
from school_app.schools.models import DayType
from school_app.schools.service import SchoolSettings, change_school, set_day
from school_app.summaries.models import StudentFigures
from tests.factories import TwoSchools, World
from tests.rosters import bundles, imports
from tests.rosters.attendance_files import file_of, row
from tests.rosters.test_places import gone, moved, two_forms
from tests.summaries.keeping import TODAY, YESTERDAY, due, is_brought_up_to_date, refresh


@pytest.fixture
def ours(two_schools: TwoSchools) -> World:
    return two_schools.ours


def by(world: World) -> By:
    return By(world.form_master.id, world.form_master.name)


def take(session: Any, world: World, *, present: bool = False) -> None:
    """Take today's register of the first form, its first student absent unless all are present."""
    group, slot = Group(world.form.id, world.form.name), Slot(TODAY, Session.DAY)
    codes = {category.value: code.code for category, code in world.codes.items()}
    found = [Entry(one.id, codes["present"]) for one in world.students[:3]]
    if not present:
        found[0] = Entry(world.student.id, codes["absent_unexcused"])
    seen = roll_of(session, group, slot).seen
    record_register(session, group, slot=slot, entries=found, seen=seen, by=by(world), today=TODAY)


def test_a_register_that_is_taken_and_one_that_is_corrected(session: Any, ours: World) -> None:
    is_brought_up_to_date(session, lambda: take(session, ours))
    is_brought_up_to_date(session, lambda: take(session, ours, present=True))


def test_a_register_that_is_taken_back(session: Any, ours: World) -> None:
    group, slot = Group(ours.form.id, ours.form.name), Slot(YESTERDAY, Session.DAY)
    is_brought_up_to_date(session, lambda: take_back(session, group, slot=slot, reason="Wrong day"))


def test_a_file_of_attendance(session: Any, ours: World, tmp_path: Path) -> None:
    file = file_of(tmp_path, [row(ours.student, 4), row(ours.students[1], 3)])
    is_brought_up_to_date(session, lambda: import_attendance(session, file, Known()))


def test_a_file_of_incidents_also_where_it_moves_one_to_another_day(session: Any, ours: World, tmp_path: Path) -> None:
    def bring_in(back: int) -> None:
        path = tmp_path / "behaviour.csv"
        on = TODAY - timedelta(back)
        head = "sourcedId,studentSourcedId,date,category,severity,description,reportedBySourcedId"
        path.write_text(f"{head}\nI1,{ours.student.sourced_id},{on},Conduct,3,What happened,\n")
        import_behaviour(session, File(path, path.name, Problems()), Known())

    is_brought_up_to_date(session, lambda: bring_in(20))
    is_brought_up_to_date(session, lambda: bring_in(5))


def test_a_file_of_days(session: Any, ours: World, tmp_path: Path) -> None:
    ours.school.sourced_id = "S-ours"
    path = tmp_path / "calendar.csv"
    path.write_text(f"schoolSourcedId,date,dayType,note\nS-ours,{YESTERDAY},holiday,Snow\n")
    file = File(path, path.name, Problems())
    is_brought_up_to_date(session, lambda: import_calendar(session, file, Known()))


def test_a_day_of_the_calendar(session: Any, ours: World) -> None:
    is_brought_up_to_date(session, lambda: set_day(session, YESTERDAY, DayType.HOLIDAY, note="Snow"))


def test_whole_days_that_become_halves(session: Any, ours: World) -> None:
    halves = SchoolSettings(ours.school.name, "UTC", register_closes="09:15", session_scheme="am_pm")
    is_brought_up_to_date(session, lambda: change_school(session, halves))


def test_an_incident_recorded_corrected_and_withdrawn(session: Any, ours: World) -> None:
    made: list[Incident] = []
    report = Report(IncidentKind.CONCERN, TODAY, "Conduct", severity=3, description="What happened")
    moved_on = Report(IncidentKind.POSITIVE, YESTERDAY, "Conduct", severity=0, description="What happened")
    is_brought_up_to_date(
        session, lambda: made.append(record_incident(session, ours.student.id, report, by=by(ours), today=TODAY))
    )
    is_brought_up_to_date(session, lambda: correct_incident(session, made[0].id, moved_on, today=TODAY))
    is_brought_up_to_date(session, lambda: withdraw_incident(session, made[0].id, reason="A mistake", by=by(ours)))


def test_an_alert_that_is_raised_and_one_that_is_raised_again(app: Flask, session: Any, ours: World) -> None:
    before, ids = session.scalars(select(Alert.id)).all(), [one.id for one in ours.students]
    found = app.extensions[EXTENSION]
    again = Incident(
        student_id=ours.student.id, occurred_on=YESTERDAY, category="Conduct", severity=4, description="Again"
    )
    session.add(again)
    is_brought_up_to_date(session, lambda: evaluate(session, found, ids, as_of=TODAY))
    raised = session.scalars(select(Alert).where(Alert.id.not_in(before))).one()
    raised.status, raised.opened_at = AlertStatus.RESOLVED, datetime.now(UTC) - timedelta(days=6)
    session.add(SummaryDue(first_on=TODAY - timedelta(days=6), last_on=TODAY))
    is_brought_up_to_date(session, lambda: evaluate(session, found, ids, as_of=TODAY))


def test_an_alert_that_is_decided(session: Any, ours: World) -> None:
    alert = session.scalars(select(Alert).where(Alert.status == AlertStatus.OPEN)).first()
    answer = Answer(DecisionKind.NOT_A_CONCERN, "The doctor has written")
    is_brought_up_to_date(session, lambda: decide(session, alert.id, answer, by=by(ours), today=TODAY))


def test_a_case_that_is_opened_and_closed(session: Any, ours: World) -> None:
    made: list[Case] = []
    plan = Plan("To be here every day", "A call each Monday")
    is_brought_up_to_date(
        session, lambda: made.append(open_case(session, ours.student.id, plan, by=by(ours), today=TODAY))
    )
    ending = Ending(Outcome.GOAL_MET, "Came every day")
    is_brought_up_to_date(session, lambda: close(session, made[0].id, ending, by=by(ours)))


def this_year(rows: bundles.Rows, ends_on: date = TODAY + timedelta(days=90)) -> bundles.Rows:
    """A bundle whose school year has not ended yet, or ended on some day."""
    return imports.changed(rows, "academicSessions.csv", "SY", endDate=str(ends_on))


def test_a_student_who_moves_and_one_who_leaves(session: Any, tmp_path: Path) -> None:
    imports.bring_in(session, tmp_path, this_year(two_forms()))
    _school_was_open(session)

    def bring(rows: bundles.Rows) -> None:
        imports.bring_in(session, tmp_path, this_year(rows), force=True)

    is_brought_up_to_date(session, lambda: bring(moved(YESTERDAY - timedelta(days=3))))
    is_brought_up_to_date(session, lambda: bring(gone(two_forms())))


def test_a_year_that_ends_on_another_day(session: Any, tmp_path: Path) -> None:
    imports.bring_in(session, tmp_path, this_year(two_forms()))
    _school_was_open(session)
    shorter = this_year(two_forms(), TODAY - timedelta(days=5))
    is_brought_up_to_date(session, lambda: imports.bring_in(session, tmp_path, shorter, force=True))


def _school_was_open(session: Any) -> None:
    """Say that there was school on the last days, so that who is enrolled is counted."""
    for back in range(12):
        set_day(session, TODAY - timedelta(days=back), DayType.INSTRUCTIONAL, note="")


def test_thresholds_that_are_set_make_every_students_figures_stale(session: Any, ours: World) -> None:
    refresh(session)
    before = session.scalars(select(StudentFigures.computed_at)).all()
    set_thresholds(session, Thresholds(), version=0)
    session.flush()
    refresh(session)
    session.expire_all()
    assert min(session.scalars(select(StudentFigures.computed_at))) > max(before)


def test_what_is_done_to_one_school_is_due_at_that_school_alone(session: Any, two_schools: TwoSchools) -> None:
    take(session, two_schools.ours)
    session.flush()
    with use_school(session, two_schools.theirs.school.id):
        assert due(session) == 0
    assert due(session) == 1


def test_another_time_zone_is_a_reason_to_count_anew_and_another_name_is_none(session: Any, ours: World) -> None:
    def change(name: str, timezone: str) -> int:
        refresh(session)
        settings = SchoolSettings(name, timezone, register_closes="09:15", session_scheme="day")
        change_school(session, settings)
        session.flush()
        return due(session)

    assert change("Another name", "UTC") == 0
    assert change("Another name", "Asia/Tokyo") == 1
