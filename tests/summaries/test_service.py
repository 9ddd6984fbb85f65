"""Summaries are counted once, a piece at a time, and again where something is due; students' figures beside them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from school_app.attendance.history import histories
from school_app.schools.context import present_school
from school_app.schools.due import SummaryDue, note_due
from school_app.schools.models import SessionScheme
from school_app.schools.service import SchoolSettings, change_school
from school_app.students.models import Enrolment, Student
from school_app.summaries import service
from school_app.summaries.checking import SummariesDiffer, check, check_students
from school_app.summaries.models import STUDENT_FIGURES, FormDay, StudentFigures, SummaryState
from tests.factories import TwoSchools, added, school
from tests.summaries.keeping import TODAY, YESTERDAY, counted, due, kept, refresh


def test_the_first_refresh_counts_every_day_from_the_first_school_year_on(
    session: Any, two_schools: TwoSchools
) -> None:
    pieces = refresh(session)
    assert kept(session) == counted(session)
    assert len(pieces) > 2, "two hundred days are no single piece"
    assert session.scalars(select(SummaryState.counted_to)).one() == TODAY
    assert refresh(session) == []


def test_a_form_with_a_register_and_one_without_are_told_apart(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    refresh(session)
    first, second = (kept(session)[YESTERDAY, form.id] for form in (ours.form, ours.other_form))
    assert (first["enrolled"], first["present"], first["absent_unexcused"], first["unknown"]) == (3, 2, 1, 0)
    assert (second["present"], second["unknown"], second["registers_missing"]) == (0, 3, 1)


def test_a_new_day_is_counted_when_it_has_come(session: Any, two_schools: TwoSchools) -> None:
    refresh(session, YESTERDAY)
    assert (TODAY, two_schools.ours.form.id) not in kept(session)
    refresh(session, TODAY)
    assert kept(session)[TODAY, two_schools.ours.form.id]["unknown"] == 3


def test_a_long_note_is_shortened_piece_by_piece_and_a_run_that_breaks_off_loses_nothing(
    session: Any, two_schools: TwoSchools
) -> None:
    refresh(session)
    session.execute(update(FormDay).values(enrolled=99), execution_options={"synchronize_session": False})
    note_due(session, TODAY - timedelta(days=100), None)
    session.flush()
    next(service.refresh(session, today=TODAY))
    note = session.scalars(select(SummaryDue)).one()
    assert note.first_on == TODAY - timedelta(days=69)
    refresh(session)
    assert due(session) == 0
    # The days before the note are as they were left; those of the note are counted anew.
    assert {key[0] for key, row in kept(session).items() if row["enrolled"] == 99} <= {
        TODAY - timedelta(days=back) for back in range(101, 250)
    }


def test_days_to_come_are_not_counted_before_they_have_come(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    note_due(session, TODAY + timedelta(days=1), TODAY + timedelta(days=5))
    session.flush()
    refresh(session)
    assert due(session) == 0
    assert session.scalar(select(func.max(FormDay.date))) == TODAY


def test_what_was_counted_of_a_day_on_which_nothing_is_left_goes(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    form = two_schools.ours.form.id
    on = TODAY - timedelta(days=150)
    session.add(FormDay(date=on, place=form, form_id=form, enrolled=3))
    note_due(session, on, on)
    session.flush()
    refresh(session)
    assert (on, form) not in kept(session)


def test_a_students_figures_are_those_of_the_pages_of_a_student(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    session.expire_all()
    found = {row.student_id: row for row in session.scalars(select(StudentFigures))}
    year = two_schools.ours.things["year"]
    told = histories(session, found.keys(), first=year.starts_on, last=TODAY)
    for id_, row in found.items():
        share = told[id_].share()
        assert (row.year_counted, row.year_absent, row.year_unknown) == (share.counted, share.absent, share.unknown)
    first = found[two_schools.ours.student.id]
    assert (first.year_absent, first.incidents, first.open_alerts, first.open_cases) == (1, 1, 1, 1)
    assert {one.id for one in two_schools.ours.students} == found.keys()


def test_a_students_figures_follow_the_school_as_it_is_and_not_as_pages_still_know_it(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    refresh(session)
    whole = session.scalars(
        select(StudentFigures.year_unknown).where(StudentFigures.student_id == ours.student.id)
    ).one()
    halves = SchoolSettings(ours.school.name, "UTC", register_closes="09:15", session_scheme="am_pm")
    change_school(session, halves)
    assert present_school(session).session_scheme is SessionScheme.DAY
    refresh(session)
    session.expire_all()
    half = session.scalars(
        select(StudentFigures.year_unknown).where(StudentFigures.student_id == ours.student.id)
    ).one()
    assert half == 2 * whole > 0


def test_a_check_names_every_figure_that_is_not_what_the_rows_say(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    form = two_schools.ours.form
    wrong = update(FormDay).where(FormDay.date == YESTERDAY, FormDay.place == form.id).values(present=9)
    session.execute(wrong, execution_options={"synchronize_session": False})
    session.execute(
        delete(FormDay).where(FormDay.date == TODAY, FormDay.place == form.id),
        execution_options={"synchronize_session": False},
    )
    found = check(session, TODAY - timedelta(days=300), TODAY)
    told = [str(one) for one in found.differences if "present" in one.figure or one.on == TODAY]
    assert told[:3] == [
        f"{YESTERDAY} {form.name}: present is 9, the rows say 2",
        f"{TODAY} {form.name}: enrolled is 0, the rows say 3",
        f"{TODAY} {form.name}: registers_missing is 0, the rows say 1",
    ]
    assert str(SummariesDiffer(found.differences * 2)).endswith(f" and {len(found.differences) * 2 - 5} more")


def test_a_check_passes_over_what_is_due(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    session.execute(update(FormDay).values(present=9), execution_options={"synchronize_session": False})
    note_due(session, TODAY - timedelta(days=300), None)
    session.flush()
    found = check(session, YESTERDAY, TODAY)
    assert (found.differences, found.waiting) == ([], 2)


def test_a_check_names_every_figure_of_a_student_that_is_not_what_the_rows_say(
    session: Any, two_schools: TwoSchools
) -> None:
    refresh(session)
    assert (check_students(session, today=TODAY).rows, check_students(session, today=TODAY).differences) == (6, [])
    one = two_schools.ours.student.id
    wrong = update(StudentFigures).where(StudentFigures.student_id == one).values(year_absent=9, open_cases=0)
    session.execute(wrong, execution_options={"synchronize_session": False})
    found = check_students(session, today=TODAY)
    assert [str(each) for each in found.differences] == [
        f"student {one}: year_absent is 9, the rows say 1",
        f"student {one}: open_cases is 0, the rows say 1",
    ]


def test_a_check_passes_over_students_who_are_to_be_counted(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    session.execute(update(StudentFigures).values(year_absent=9), execution_options={"synchronize_session": False})
    note_due(session, TODAY, TODAY, student_id=two_schools.ours.student.id)
    note_due(session, TODAY, TODAY, form_id=two_schools.ours.other_form.id)
    session.flush()
    found = check_students(session, today=TODAY)
    assert (found.rows, found.waiting) == (2, 4)
    assert {one.student_id for one in found.differences} == {one.id for one in two_schools.ours.students[1:3]}
    note_due(session, TODAY, TODAY)
    session.flush()
    assert check_students(session, today=TODAY).rows == 0


def test_the_figures_that_are_compared_are_all_that_a_student_has() -> None:
    others = {"school_id", "student_id", "as_of", "is_stale", "computed_at"}
    assert set(STUDENT_FIGURES) == set(StudentFigures.__table__.columns.keys()) - others


def test_a_rebuild_counts_days_that_nothing_says_are_due(session: Any, two_schools: TwoSchools) -> None:
    refresh(session)
    session.execute(update(FormDay).values(present=9), execution_options={"synchronize_session": False})
    for _ in service.rebuild(session, None, None, today=TODAY):
        pass
    assert kept(session) == counted(session)


def test_a_school_without_a_year_has_nothing_to_count(session: Any) -> None:
    school(session, "empty")
    refresh(session)
    assert kept(session) == {}
    assert refresh(session) == []


@pytest.mark.parametrize("students", [6, 26])
def test_a_piece_takes_as_many_statements_however_many_students_there_are(
    session: Any, two_schools: TwoSchools, statements: list[str], students: int
) -> None:
    ours = two_schools.ours
    for number in range(students - 6):
        one = added(session, Student(given_name="More", family_name=str(number), form_id=ours.form.id))
        added(session, Enrolment(student_id=one.id, form_id=ours.form.id, starts_on=TODAY - timedelta(days=60)))
    refresh(session)
    note_due(session, TODAY - timedelta(days=20), TODAY)
    session.flush()
    statements.clear()
    next(service.refresh(session, today=TODAY))
    assert len(statements) == 13
