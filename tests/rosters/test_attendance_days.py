"""For which days and schools a file of attendance speaks, and which rows refuse it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from school_app.core import clock
from school_app.rosters.local import Known
from school_app.rosters.merge import Counts
from tests.factories import TwoSchools
from tests.rosters.attendance_files import TODAY, bring_in, day, refusal, row, year_before


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


def test_presence_with_minutes_late_refuses_the_file(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    said = refusal(session, tmp_path, row(two_schools.ours.student, 3, "AM", "present", "12,"))
    assert said == (
        "attendance.csv, line 2, column minutesLate: 'present' is presence, and yet the row names 12 minutes late. "
        "Write the code of lateness, or leave the minutes empty."
    )


def test_a_code_of_another_school_is_no_error_here(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    rows = row(two_schools.ours.student, 3), f"elsewhere,{day(3)},DAY,their own,,"
    bring_in(session, tmp_path, *rows, known=Known(frozenset({"elsewhere"})))


def test_a_school_of_which_a_file_says_nothing_is_left_alone_and_named(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    rows = f"elsewhere,{day(6)},DAY,late,,", f"elsewhere,{day(3)},DAY,late,,"
    counts, notes = bring_in(session, tmp_path, *rows, known=Known(frozenset({"elsewhere"})))
    assert counts.as_dict() == Counts().as_dict()
    assert notes == [
        "attendance.csv: No row is about a student of School canary-ours, so nothing was changed there. "
        "The file may not be about it."
    ]
