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

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Source
from school_app.attendance.models import Session as Part
from school_app.core import clock
from school_app.rosters.csv_reader import Layout, Row
from school_app.rosters.fields import Reader
from school_app.rosters.local import REASON, AnySession, File, Known, ids_of
from school_app.rosters.merge import Counts
from school_app.schools.models import Form, School, SessionScheme
from school_app.schools.queries import school_days
from school_app.students.models import Enrolment, Student

ATTENDANCE = Layout(("studentSourcedId", "date", "session", "code"), ("minutesLate", "reason"))
BATCH = 1_000
MOST_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One row of attendance.csv, read."""

    row: Row
    student_id: int
    on: date
    part: Part
    code: str
    minutes: int | None
    reason: str | None


def import_attendance(session: AnySession, file: File, known: Known) -> Counts:
    """Bring in exceptions, and take the registers that they stand in as taken by the import.

    The file states that everybody was present on every school day from its first day to its last, but for its rows: so
    each form gets a taken register for each of these days that has none. A mark that a person made stays. A mark on a
    day without school, or of a student who was in no form that day, is kept without a register and counts nowhere.
    """
    counts = Counts()
    students = ids_of(session, Student)
    codes = {one.code: one for one in session.scalars(select(AttendanceCode))}
    found, days = [], set()
    with file.path.open("rb") as stream:
        for read in file.rows(stream, ATTENDANCE):
            days.add(read.needed_day("date"))
            one = _exceptional(read, file, known, students=students, codes=codes)
            if one is not None:
                found.append(one)
    file.problems.refuse_if_any()
    if not found:
        return counts
    ids = _codes(session, {one.code for one in found}, counts)
    # The file speaks for every day that it spans, whichever school its first and last row belong to.
    registers = _registers(session, min(days), max(days), counts)
    _write_marks(session, file, found, ids, registers=registers, counts=counts)
    return counts


def _exceptional(
    read: Reader, file: File, known: Known, *, students: Mapping[str, int], codes: Mapping[str, AttendanceCode]
) -> Exceptional | None:
    student, on = read.text("studentSourcedId", needed=True), read.needed_day("date")
    part, code = read.choice("session", [one.value for one in Part]), read.text("code", needed=True, longest=40)
    minutes, reason = read.text("minutesLate"), read.text("reason", longest=300)
    if code and code not in codes and code not in {one.value for one in AttendanceCategory}:
        accepted = ", ".join([*codes, *(one.value for one in AttendanceCategory)])
        file.wrong(read.row, "code", f"{code!r} is no code of the school.", f"Accepted: {accepted}.")
    if minutes and not (minutes.isdecimal() and len(minutes) < 6 and int(minutes) <= MOST_MINUTES):
        file.wrong(read.row, "minutesLate", f"{minutes!r} is no number of minutes.", "Write it as 12.")
        return None
    if student not in students:
        if student not in known.elsewhere:
            file.wrong(read.row, "studentSourcedId", f"There is no student {student!r}.", "Import the roster first.")
        return None
    if not part or not code:
        return None
    number = int(minutes) if minutes else None
    return Exceptional(read.row, students[student], on, Part(part), code, minutes=number, reason=reason or None)


def _codes(session: AnySession, used: set[str], counts: Counts) -> dict[str, int]:
    """The ids of the codes in use; those of a standard name that the school lacks are made."""
    stored = {one.code: one.id for one in session.scalars(select(AttendanceCode))}
    place = len(stored)
    rows = [
        {
            "code": code,
            "name": code.replace("_", " ").capitalize(),
            "category": AttendanceCategory(code),
            "ordinal": place + n,
        }
        for n, code in enumerate(sorted(used - stored.keys()))
    ]
    if rows:
        session.execute(insert(AttendanceCode), rows, execution_options={"audit_reason": REASON})
        counts.note("added", "attendance_code", len(rows))
    return {one.code: one.id for one in session.scalars(select(AttendanceCode))}


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
            file.noted(one.row, None, "The student has a mark for this session already.", "The first one is kept.")
            continue
        seen.add(place)
        register_id = registers.of(one.student_id, one.on, register_part)
        values = {"code_id": codes[one.code], "minutes_late": one.minutes, "reason": one.reason}
        mark = stored.get(place)
        if mark is None:
            if register_id is None:
                file.noted(one.row, "date", f"{one.on} has no register.", "The mark is kept, and counts in no rate.")
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
