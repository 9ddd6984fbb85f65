"""For which days and schools a file of attendance speaks, and which rows refuse it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from school_app.attendance.models import Register, Source
from school_app.core import clock
from school_app.core.tenancy import use_school
from school_app.rosters.commands import attendance as command
from school_app.rosters.local import Known
from school_app.rosters.merge import Counts
from school_app.rosters.span import Span
from tests.factories import TwoSchools
from tests.rosters.attendance_files import TODAY, bring_in, day, file_of, imported, marks, refusal, row, year_before


def test_a_row_of_a_day_to_come_refuses_the_file(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    one = two_schools.ours.student
    said = refusal(session, tmp_path, row(one, 3), row(one, -1))
    assert said == (
        f"attendance.csv, line 3, column date: {day(-1)} is still to come. "
        "Correct the date, or bring the row in when the day has come."
    )


def test_today_is_the_schools_own(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    ours = two_schools.ours
    ours.school.timezone = "Pacific/Niue"
    session.flush()
    # At any moment this place's date lies ahead of that one's.
    ahead = clock.today("Pacific/Kiritimati")
    assert "is still to come" in refusal(session, tmp_path, row(ours.student, (TODAY - ahead).days))


def test_a_stray_date_refuses_the_file_instead_of_taking_years_of_registers(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    one = two_schools.ours.student
    said = refusal(session, tmp_path, row(one, 3), row(one, 3650), row(one, 2))
    assert said == (
        f"attendance.csv, line 3, column date: {day(3650)} lies in no school year of the school. "
        "Correct the date, or enter the school year first."
    )


def test_rows_of_two_school_years_refuse_the_file_and_the_few_are_named(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    year_before(session, ours)
    said = refusal(session, tmp_path, row(ours.student, 300), row(ours.student, 3), row(ours.student, 2))
    assert said == (
        f"attendance.csv, line 2, column date: {day(300)} lies in The year before, but most rows in "
        f"Year canary-ours. Correct the date, or split the file by school year."
    )
    assert "lies in no school year" in refusal(session, tmp_path, row(ours.student, 205))


def test_a_row_of_the_year_before_alone_is_one_of_that_year(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    year_before(session, ours)
    # There is no form of that year, so that no register is stated and none of the present forms.
    counts, notes = bring_in(session, tmp_path, row(ours.student, 300))
    assert counts.added == {"attendance_mark": 1}
    assert "has no register" in notes[0]


def test_a_day_without_school_within_the_year_is_no_error(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    counts, notes = bring_in(session, tmp_path, row(ours.student, 100), row(ours.student, 90))
    assert counts.added == {"attendance_mark": 2}
    assert len(notes) == 2


def test_rows_of_other_schools_stretch_the_days_but_not_beyond_the_schools_year(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours, known = two_schools.ours, Known(frozenset({"elsewhere"}))
    others = [f"elsewhere,{day(back)},DAY,a code of theirs,," for back in (205, 4)]
    counts, _ = bring_in(session, tmp_path, row(ours.students[3], 6), *others, known=known)
    # Thirty days of the calendar lie from the school year's first day to the last row, less one in our own form.
    assert counts.added == {"register": 2 * 27, "attendance_mark": 1}
    year_before(session, ours)
    stray = f"elsewhere,{day(300)},DAY,late,,"
    assert "line 3, column date" in refusal(session, tmp_path, row(ours.student, 6), stray, known=known)


def test_a_stray_date_of_another_school_refuses_the_file_though_no_school_year_has_it(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    known = Known(frozenset({"elsewhere"}))
    rows = row(two_schools.ours.student, 6), f"elsewhere,{day(3650)},DAY,late,,"
    assert refusal(session, tmp_path, *rows, known=known) == (
        f"attendance.csv, line 3, column date: {day(3650)} lies far from Year canary-ours, in which most rows lie. "
        "Correct the date, or split the file by school year."
    )


def test_days_that_are_named_are_spoken_for_when_their_rows_are_gone(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    first, second = ours.students[:2]
    named = Span(day(6), day(3))
    bring_in(session, tmp_path, row(first, 6), row(second, 5), row(first, 3), named=named)
    counts, _ = bring_in(session, tmp_path, row(second, 5), named=named)
    assert counts.ended == {"attendance_mark": 2}
    assert (marks(session, first, 6), marks(session, first, 3)) == ([], [])


def test_a_row_outside_the_days_that_are_named_refuses_the_file(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    one, known = two_schools.ours.student, Known(frozenset({"elsewhere"}))
    rows = row(one, 6), row(one, 7), f"elsewhere,{day(2)},DAY,late,,"
    assert refusal(session, tmp_path, *rows, known=known, named=Span(day(6), day(3))).splitlines() == [
        f"attendance.csv, line {line}, column date: {on} is none of the days from {day(6)} to {day(3)}, for which the "
        "file is to speak. Correct the date, or the days."
        for line, on in ((3, day(7)), (4, day(2)))
    ]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (3, 6, "lies after the last"),
        (3, -1, "is still to come. End with"),
        (3000, 2990, "lie in no school year of the school"),
        (300, 3, "lie in several school years (Year canary-ours, The year before)"),
    ],
)
def test_days_for_which_no_file_can_speak_are_refused(
    session: Any, two_schools: TwoSchools, tmp_path: Path, first: int, last: int, said: str
) -> None:
    year_before(session, two_schools.ours)
    assert said in refusal(session, tmp_path, named=Span(day(first), day(last)), is_chosen=True)


@pytest.mark.parametrize(
    "how",
    [{}, {"is_chosen": True}, {"named": Span(day(6), day(3))}],
)
def test_a_school_of_which_a_file_says_nothing_is_left_alone_and_named(
    session: Any, two_schools: TwoSchools, tmp_path: Path, how: dict[str, Any]
) -> None:
    rows = f"elsewhere,{day(6)},DAY,late,,", f"elsewhere,{day(3)},DAY,late,,"
    counts, notes = bring_in(session, tmp_path, *rows, known=Known(frozenset({"elsewhere"})), **how)
    assert counts.as_dict() == Counts().as_dict()
    assert notes == [
        "attendance.csv: No row is about a student of School canary-ours, so nothing was changed there. "
        "If all were present, name the school and the first and the last day."
    ]


def test_a_school_that_is_chosen_with_its_days_is_spoken_for_without_rows(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    bring_in(session, tmp_path, row(ours.student, 4))
    counts, _ = bring_in(session, tmp_path, named=Span(day(6), day(3)), is_chosen=True)
    assert (counts.added, counts.ended) == ({"register": 6}, {"attendance_mark": 1})


def test_presence_with_minutes_late_refuses_the_file(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    said = refusal(session, tmp_path, row(two_schools.ours.student, 3, "AM", "present", "12,"))
    assert said == (
        "attendance.csv, line 2, column minutesLate: 'present' is presence, and yet the row names 12 minutes late. "
        "Write the code of lateness, or leave the minutes empty."
    )


def test_a_code_of_another_school_is_no_error_here(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    rows = row(two_schools.ours.student, 3), f"elsewhere,{day(3)},DAY,their own,,"
    counts, _ = bring_in(session, tmp_path, *rows, known=Known(frozenset({"elsewhere"})))
    assert counts.added["attendance_mark"] == 1
    assert marks(session, two_schools.ours.student, 3) == [imported("absent_excused")]


def test_the_command_speaks_for_the_days_and_the_school_that_are_named(
    app: Any, session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    two_schools.ours.school.sourced_id = "S1"
    file = file_of(tmp_path, [row(two_schools.theirs.student, 4)])
    session.commit()
    days = ["--from", str(day(6)), "--to", str(day(3))]

    def run(*more: str) -> str:
        with app.app_context():
            return str(app.test_cli_runner().invoke(command, ["import", str(file.path), *more]).output)

    def stated(school_id: int) -> int:
        with use_school(session, school_id):
            return len(session.scalars(select(Register.id).where(Register.source == Source.IMPORT)).all())

    assert "No row is about a student of School canary-ours" in run(*days)
    assert (stated(ours), stated(theirs)) == (0, 8)
    assert "canary-theirs" not in run(*days, "--org", "S1")
    assert (stated(ours), stated(theirs)) == (8, 8)
    assert "There is no school 'S7'. The schools are: S1." in run("--org", "S7")
    assert "Name both days" in run(*days[:2])
