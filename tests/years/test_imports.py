"""Files that would change what lies in a closed year are refused, in words that name the year and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from school_app.rosters.calendar import import_calendar
from school_app.rosters.local import File, Known
from school_app.rosters.problems import ImportRefused, Problems
from school_app.rosters.years import bring_years
from school_app.years import service
from tests.factories import TwoSchools
from tests.rosters.attendance_files import refusal, row
from tests.years.past import ENDS, STARTS, TODAY, Past


def close(session: Any, past: Past) -> None:
    service.close(session, past.year_id, by="Ada Admin", today=TODAY)


def calendar(tmp_path: Path, days: Iterable[tuple[date, str]]) -> File:
    path = tmp_path / "calendar.csv"
    lines = [f"S1,{on},{kind},a note" for on, kind in days]
    path.write_text("\n".join(["schoolSourcedId,date,dayType,note", *lines]) + "\n")
    return File(path, path.name, Problems())


def test_a_file_of_attendance_for_a_closed_year_is_refused(
    session: Any, two_schools: TwoSchools, past: Past, tmp_path: Path
) -> None:
    close(session, past)
    back = (TODAY - past.days[0]).days
    said = refusal(session, tmp_path, row(two_schools.ours.student, back))
    assert "The school year Before is closed" in said
    assert "have the year reopened" in said


def test_a_calendar_may_say_the_same_of_a_closed_year_and_nothing_else(
    session: Any, two_schools: TwoSchools, past: Past, tmp_path: Path
) -> None:
    two_schools.ours.school.sourced_id = "S1"
    close(session, past)
    same = [(on, "instructional") for on in past.days]
    assert import_calendar(session, calendar(tmp_path, same), Known()).differences == 0
    other = [*same[1:], (past.days[0], "holiday"), (TODAY + timedelta(30), "holiday")]
    with pytest.raises(ImportRefused) as refused:
        import_calendar(session, calendar(tmp_path, other), Known())
    (problem,) = refused.value.problems
    assert (problem.line, "Before is closed" in problem.message) == (len(other), True)


@pytest.mark.parametrize(("sourced_id", "first", "last"), [("y-0", STARTS, TODAY), ("y-9", ENDS, TODAY)])
def test_a_roster_cannot_change_the_days_of_a_closed_year_or_give_them_to_another(
    session: Any, past: Past, sourced_id: str, first: date, last: date
) -> None:
    past.year(session).sourced_id = "y-0"
    close(session, past)
    given = SimpleNamespace(sourced_id=sourced_id, title="New", type="schoolYear", starts_on=first, ends_on=last)
    roster: Any = SimpleNamespace(
        session=session, part=SimpleNamespace(parts=SimpleNamespace(sessions={sourced_id: given}))
    )
    with pytest.raises(ImportRefused, match="would touch a closed year"):
        bring_years(roster)
