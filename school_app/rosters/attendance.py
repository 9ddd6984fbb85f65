"""attendance.csv: exceptions to presence, and the registers in which they stand.

Commands and jobs call this inside one school.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, or_, select

from school_app.attendance.models import AttendanceMark, Register, RegisterState, Source
from school_app.attendance.models import Session as Part
from school_app.core import clock
from school_app.rosters.attendance_rows import Exceptional, codes_for, read_exceptions
from school_app.rosters.local import REASON, AnySession, File, Known
from school_app.rosters.merge import Counts
from school_app.rosters.span import Calendar, span_of
from school_app.schools.models import Form, School, SchoolYear, SessionScheme
from school_app.schools.queries import school_days
from school_app.students.models import Enrolment

BATCH = 1_000


def import_attendance(session: AnySession, file: File, known: Known) -> Counts:
    """Bring in exceptions, and take the registers that they stand in as taken by the import.

    The file states that everybody was present on every school day from its first day to its last, but for its rows: so
    each form gets a taken register for each of these days that has none. It speaks for a school of whose students it
    has a row. A mark that a person made stays. A mark on a day without school, or of a student who was in no form that
    day, is kept without a register and counts nowhere.
    """
    counts = Counts()
    rows = read_exceptions(session, file, known)
    name, timezone = session.execute(select(School.name, School.timezone)).one()
    if not rows.are_about_school:
        file.problems.refuse_if_any()
        message = f"No row is about a student of {name}, so nothing was changed there."
        file.noted(None, None, message, "The file may not be about it.")
        return counts
    years = session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on.desc())).all()
    spoken = span_of(file, rows, Calendar(years, clock.today(timezone)), None)
    codes = codes_for(session, rows, counts)
    registers = _registers(session, spoken.span.first, spoken.span.last, counts)
    if rows.own:
        _write_marks(session, file, rows.own, codes.ids, registers=registers, counts=counts)
    return counts


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers of the days of a file, by form, day and session, and where each student was enrolled."""

    ids: Mapping[tuple[int, date, Part], int]
    places: Mapping[int, Sequence[Enrolment]]
    sessions: tuple[Part, ...]

    def of(self, student_id: int, on: date, part: Part) -> int | None:
        """The register in which a mark stands; None where there is none."""
        for place in self.places.get(student_id, ()):
            if place.starts_on <= on and (place.ends_on is None or on <= place.ends_on):
                return self.ids.get((place.form_id, on, part))
        return None


def _registers(session: AnySession, first: date, last: date, counts: Counts) -> Registers:
    scheme = session.scalars(select(School.session_scheme)).one()
    sessions = (Part.AM, Part.PM) if scheme is SessionScheme.AM_PM else (Part.DAY,)
    places: dict[int, list[Enrolment]] = defaultdict(list)
    statement = select(Enrolment).where(
        Enrolment.starts_on <= last, or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= first)
    )
    for place in session.scalars(statement.order_by(Enrolment.starts_on)):
        places[place.student_id].append(place)
    forms = {place.form_id for found in places.values() for place in found}
    active = set(session.scalars(select(Form.id).where(Form.id.in_(forms))))
    stored = {
        (one.form_id or 0, one.date, one.session): one
        for one in session.scalars(select(Register).where(Register.date.between(first, last)))
    }
    wanted = [
        (form, day, part) for form in sorted(active) for day in school_days(session, first, last) for part in sessions
    ]
    now = clock.now()
    fresh = [
        {
            "form_id": form,
            "date": day,
            "session": part,
            "state": RegisterState.TAKEN,
            "source": Source.IMPORT,
            "taken_at": now,
        }
        for form, day, part in wanted
        if (form, day, part) not in stored
    ]
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        session.execute(insert(Register), batch, execution_options={"audit_reason": REASON})
    counts.note("added", "register", len(fresh))
    counts.note("unchanged", "register", len(wanted) - len(fresh))
    for place_, one in stored.items():
        if one.state is RegisterState.NOT_TAKEN and place_ in set(wanted):
            one.state, one.source, one.taken_at = RegisterState.TAKEN, Source.IMPORT, now
            counts.note("changed", "register")
    session.flush()
    rows = session.execute(
        select(Register.form_id, Register.date, Register.session, Register.id).where(Register.date.between(first, last))
    )
    return Registers({(form or 0, day, part): id_ for form, day, part, id_ in rows}, places, sessions)


def _write_marks(
    session: AnySession,
    file: File,
    found: Sequence[Exceptional],
    codes: Mapping[str, int],
    *,
    registers: Registers,
    counts: Counts,
) -> None:
    first, last = min(one.on for one in found), max(one.on for one in found)
    stored = {
        (one.student_id, one.date, one.session): one
        for one in session.scalars(select(AttendanceMark).where(AttendanceMark.date.between(first, last)))
    }
    now, fresh, seen = clock.now(), [], set()
    for one, part, register_part in _parts(found, registers):
        place = (one.student_id, one.on, part)
        if place in seen:
            file.noted(one.line, None, "The student has a mark for this session already.", "The first one is kept.")
            continue
        seen.add(place)
        register_id = registers.of(one.student_id, one.on, register_part)
        values = {"code_id": codes[one.code], "minutes_late": one.minutes, "reason": one.reason}
        mark = stored.get(place)
        if mark is None:
            if register_id is None:
                file.noted(one.line, "date", f"{one.on} has no register.", "The mark is kept, and counts in no rate.")
            fresh.append(
                {
                    **values,
                    "register_id": register_id,
                    "student_id": one.student_id,
                    "date": one.on,
                    "session": part,
                    "source": Source.IMPORT,
                    "recorded_at": now,
                }
            )
        elif mark.source is Source.PERSON:
            counts.note("unchanged", "attendance_mark")
        else:
            counts.note("changed" if _changed(mark, values) else "unchanged", "attendance_mark")
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        session.execute(insert(AttendanceMark), batch, execution_options={"audit_reason": REASON})
    counts.note("added", "attendance_mark", len(fresh))
    _end_missing(session, stored, seen, {one.student_id for one in found}, counts)
    session.flush()


def _parts(found: Sequence[Exceptional], registers: Registers) -> Iterable[tuple[Exceptional, Part, Part]]:
    """Each exception with the session it is marked for, and the session of the register that it stands in."""
    for one in found:
        if registers.sessions == (Part.DAY,):
            yield one, one.part, Part.DAY
        elif one.part is Part.DAY:
            for part in registers.sessions:
                yield one, part, part
        else:
            yield one, one.part, one.part


def _changed(mark: AttendanceMark, values: Mapping[str, Any]) -> bool:
    changed = False
    for name, value in values.items():
        if getattr(mark, name) != value:
            setattr(mark, name, value)
            changed = True
    return changed


def _end_missing(
    session: AnySession,
    stored: Mapping[tuple[int, date, Part], AttendanceMark],
    seen: set[tuple[int, date, Part]],
    students: set[int],
    counts: Counts,
) -> None:
    # What an earlier file said of the same days and students, and this one does not, was corrected at its source.
    for place, mark in stored.items():
        if place not in seen and mark.source is Source.IMPORT and mark.student_id in students:
            session.delete(mark)
            counts.note("ended", "attendance_mark")
