"""calendar.csv: which days are school days.

Commands and jobs call this inside one school.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from school_app.rosters.csv_reader import Layout
from school_app.rosters.local import REASON, AnySession, File, Known, finished
from school_app.rosters.merge import Counts, merge
from school_app.schools.models import CalendarDay, DayType, School

CALENDAR = Layout(("schoolSourcedId", "date", "dayType"), ("note",))


def import_calendar(session: AnySession, file: File, known: Known) -> Counts:
    """Bring in the school's days. Rows of schools in `known.elsewhere` are passed by."""
    counts = Counts()
    days: dict[date, dict[str, Any]] = {}
    own = session.scalars(select(School.sourced_id)).one()
    with file.path.open("rb") as stream:
        for read in file.rows(stream, CALENDAR):
            school, on = read.text("schoolSourcedId", needed=True), read.needed_day("date")
            kind = read.choice("dayType", [one.value for one in DayType])
            if school == own and kind:
                if on in days:
                    file.wrong(read.row.line, "date", f"{on} stands in the file twice.", "Keep one of the rows.")
                days[on] = {"date": on, "day_type": kind, "note": read.text("note") or None}
            elif school != own and school not in known.elsewhere:
                file.wrong(
                    read.row.line, "schoolSourcedId", f"There is no school {school!r}.", "Import its roster first."
                )
    file.problems.refuse_if_any()
    rows = [{**row, "day_type": DayType(row["day_type"])} for row in days.values()]
    merge(session, CalendarDay, rows, key=("date",), counts=counts, reason=REASON, only_new=("note",))
    finished(session, file, counts)
    return counts
