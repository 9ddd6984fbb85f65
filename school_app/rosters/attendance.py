"""attendance.csv: exceptions to presence, and the registers in which they stand.

Commands and jobs call this inside one school; what a file states is docs/decisions/0019.
"""

from __future__ import annotations

from sqlalchemy import select

from school_app.core import clock
from school_app.rosters.attendance_marks import Marks
from school_app.rosters.attendance_rows import codes_for, read_exceptions
from school_app.rosters.local import AnySession, File, Known, finished
from school_app.rosters.merge import Counts
from school_app.rosters.registers import state_registers
from school_app.rosters.span import Calendar, Span, span_of
from school_app.schools.due import note_due
from school_app.schools.models import School, SchoolYear


def import_attendance(
    session: AnySession, file: File, known: Known, *, named: Span | None = None, is_chosen: bool = False
) -> Counts:
    """Bring in exceptions, and take the registers that they stand in as taken by the import.

    The file states that everybody was present on every school day from its first day to its last, or of those `named`,
    but for its rows. It speaks for a school of whose students it has a row; for another one only where a person named
    the days and chose the school. What a person stated, in a register or by a mark, stays.
    """
    counts = Counts()
    rows = read_exceptions(session, file, known)
    name, timezone = session.execute(select(School.name, School.timezone)).one()
    if not (rows.are_about_school or (named and is_chosen)):
        file.problems.refuse_if_any()
        message = f"No row is about a student of {name}, so nothing was changed there."
        file.noted(None, None, message, "If all were present, name the school and the first and the last day.")
        return counts
    years = session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on.desc())).all()
    spoken = span_of(file, rows, Calendar(years, clock.today(timezone)), named)
    codes = codes_for(session, rows, counts)
    registers = state_registers(session, file, spoken, counts)
    Marks(session, file, registers, codes, counts).bring_in(rows.own, spoken.span)
    if counts.differences:
        note_due(session, spoken.span.first, spoken.span.last)
    finished(session, file, counts)
    return counts
