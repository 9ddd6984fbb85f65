"""calendar.csv: which days are school days.

Commands and jobs call this inside one school.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from school_app.rosters.csv_reader import Layout
from school_app.rosters.local import REASON, AnySession, File, Known, finished
from school_app.rosters.merge import Counts, merge
from school_app.schools.closed import closed_sentence, locked_years
from school_app.schools.due import note_due
from school_app.schools.models import CalendarDay, DayType, School

CALENDAR = Layout(("schoolSourcedId", "date", "dayType"), ("note",))


def import_calendar(session: AnySession, file: File, known: Known) -> Counts:
    """Bring in the school's days. Rows of schools in `known.elsewhere` are passed by."""
    counts = Counts()
    days: dict[date, dict[str, Any]] = {}
    lines: dict[date, int] = {}
    own = session.scalars(select(School.sourced_id)).one()
    with file.path.open("rb") as stream:
        for read in file.rows(stream, CALENDAR):
            school, on = read.text("schoolSourcedId", needed=True), read.needed_day("date")
            kind = read.choice("dayType", [one.value for one in DayType])
            if school == own and kind:
                if on in days:
                    file.wrong(read.row.line, "date", f"{on} stands in the file twice.", "Keep one of the rows.")
                days[on] = {"date": on, "day_type": kind, "note": read.text("note") or None}
                lines[on] = read.row.line
            elif school != own and school not in known.elsewhere:
                file.wrong(
                    read.row.line, "schoolSourcedId", f"There is no school {school!r}.", "Import its roster first."
                )
    rows = [{**row, "day_type": DayType(row["day_type"])} for row in days.values()]
    _refuse_closed(session, file, rows, lines)
    file.problems.refuse_if_any()
    merge(session, CalendarDay, rows, key=("date",), counts=counts, reason=REASON, only_new=("note",))
    if counts.differences:
        note_due(session, min(days), max(days))
    finished(session, file, counts)
    return counts


def _refuse_closed(
    session: AnySession, file: File, rows: Sequence[Mapping[str, Any]], lines: Mapping[date, int]
) -> None:
    """Note each row that would change a day of a closed school year; what says the same as before may stand."""
    closed = [year for year in locked_years(session) if year.closed_at is not None] if rows else []
    if not closed:
        return
    stored = {on: kind for on, kind in session.execute(select(CalendarDay.date, CalendarDay.day_type))}
    for row in rows:
        on = row["date"]
        year = next((one for one in closed if one.starts_on <= on <= one.ends_on), None)
        if year is not None and stored.get(on) is not row["day_type"]:
            file.wrong(
                lines[on], "date", closed_sentence(year.name), f"Leave {on} as it is, or have the year reopened."
            )
