"""Taking registers and taking them back.

attendance.routes calls it; nothing here commits, and whose register a person may take is the route's to ask.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.codes import Code, codes_of
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Source
from school_app.attendance.roll import Enrolled, Group, Roll, Slot, register_of, roll_in, why_no_register
from school_app.audit.events import Event
from school_app.audit.service import record, together
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.core.lasting import lasting
from school_app.schools.closed import refuse_closed
from school_app.schools.due import note_due
from school_app.schools.models import Form, TeachingGroup

AnySession = DbSession | scoped_session[Any]
MINUTES_OF_DAY = 1440
REASON_LENGTH = 300
LEAST_REASON = 3


class InvalidRegister(DomainError):
    """What was entered cannot stand in a register; str() names the student and the remedy."""


class RegisterChanged(Conflict):
    """Somebody else saved the register after the page was opened."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person entered for one student; minutes count for lateness only, a reason for all but presence."""

    student_id: int
    code: str
    minutes_late: int | None = None
    reason: str | None = None


def record_register(
    session: AnySession,
    group: Group,
    *,
    slot: Slot,
    entries: Sequence[Entry],
    seen: str,
    by: By,
    today: date,
) -> Register:
    """Store a whole register: a mark for each exception, none for those present.

    `seen` is the fingerprint of the register that the person saw. Sending the same twice changes nothing the second
    time. Raises InvalidRegister, RegisterChanged, YearClosed, or NotFound for a student who is not on the register.
    """
    _lock(session, group)
    refuse_closed(session, slot.on, slot.on)
    if sentence := why_no_register(session, slot.on, today=today):
        raise InvalidRegister(sentence)
    register = register_of(session, group, slot)
    roll = roll_in(session, group, slot, register)
    codes = codes_of(session, used=roll.used)
    if seen != roll.seen and {one.student_id for one in entries} != {one.id for one in roll.students}:
        raise _changed(roll)
    wanted = _wanted(roll, codes, entries)
    changed = [one for one in roll.students if _differs(one, wanted[one.id], codes)]
    if register is not None and roll.is_taken and not changed:
        return register
    if seen != roll.seen:
        raise _changed(roll)
    with together(session):
        taken = _taken(session, register or _new(session, group, slot), by=by)
        _store(session, taken, wanted, changed=changed, by=by)
        _report(session, taken, roll, wanted)
        _count_anew(session, group, slot)
    return taken


def take_back(session: AnySession, group: Group, *, slot: Slot, reason: str) -> Register:
    """Make a register untaken again: its sessions are unknown and its marks wait for whoever takes it anew.

    Raises InvalidRegister without a reason, YearClosed, or NotFound where nothing was taken. Taking back twice is
    harmless.
    """
    _lock(session, group)
    refuse_closed(session, slot.on, slot.on)
    register = register_of(session, group, slot)
    if register is None:
        raise NotFound("register")
    reason = reason.strip()
    if not LEAST_REASON <= len(reason) <= REASON_LENGTH:
        raise InvalidRegister(f"Reason: say why in {LEAST_REASON} to {REASON_LENGTH} characters.")
    if register.state is RegisterState.TAKEN:
        register.state, register.taken_by, register.taken_by_name, register.taken_at = _NOT_TAKEN
        register.corrected_by_name = register.corrected_at = None
        record(session, Event.REGISTER_TAKEN_BACK, register, reason=reason)
        _count_anew(session, group, slot)
    return register


_NOT_TAKEN: tuple[RegisterState, None, None, None] = (RegisterState.NOT_TAKEN, None, None, None)


def _count_anew(session: AnySession, group: Group, slot: Slot) -> None:
    """Have the day's summary counted as soon as the request has ended; a class's register stands in no rate."""
    if not group.is_class:
        note_due(session, slot.on, slot.on, form_id=group.id)


def _changed(roll: Roll) -> RegisterChanged:
    who = roll.corrected_by_name or roll.taken_by_name or "Somebody else"
    return RegisterChanged(
        f"{who} changed this register after you opened it. Below is how it stands now; enter your changes again."
    )


def _lock(session: AnySession, group: Group) -> None:
    """Two people who save registers of one group do so one after the other."""
    model: type[Form] | type[TeachingGroup] = TeachingGroup if group.is_class else Form
    session.execute(select(model.id).where(model.id == group.id).with_for_update())


def _wanted(roll: Roll, codes: Sequence[Code], entries: Collection[Entry]) -> dict[int, tuple[Entry, Code]]:
    by_code = {code.code: code for code in codes}
    names = {one.id: one.name for one in roll.students}
    found = {}
    for entry in entries:
        if entry.student_id not in names:
            raise NotFound("student")
        code = by_code.get(entry.code)
        if code is None:
            raise InvalidRegister(f"{names[entry.student_id]}: {entry.code!r} is no attendance code of this school.")
        found[entry.student_id] = (_fit(entry, code, names[entry.student_id]), code)
    if missing := names.keys() - found.keys():
        raise InvalidRegister(f"{names[min(missing)]}: choose a code for every student on the register.")
    return found


def _fit(entry: Entry, code: Code, name: str) -> Entry:
    """The entry with what its code can hold; fields that the page hides for a code are not meant."""
    minutes = entry.minutes_late if code.category is AttendanceCategory.LATE else None
    if minutes is not None and not 0 <= minutes <= MINUTES_OF_DAY:
        raise InvalidRegister(f"{name}: minutes late are from 0 to {MINUTES_OF_DAY}.")
    reason = None if code.is_present else (entry.reason or "").strip() or None
    if reason is not None and len(reason) > REASON_LENGTH:
        raise InvalidRegister(f"{name}: keep the reason to {REASON_LENGTH} characters; it has {len(reason)}.")
    return Entry(entry.student_id, entry.code, minutes_late=minutes, reason=reason)


def _differs(student: Enrolled, wanted: tuple[Entry, Code], codes: Sequence[Code]) -> bool:
    entry, code = wanted
    mark = student.mark
    if mark is None or any(one.id == mark.code_id and one.is_present for one in codes):
        return not code.is_present
    return (mark.code_id, mark.minutes_late, mark.reason) != (code.id, entry.minutes_late, entry.reason)


def _new(session: AnySession, group: Group, slot: Slot) -> Register:
    register = Register(date=slot.on, session=slot.part)
    register.form_id, register.teaching_group_id = (None, group.id) if group.is_class else (group.id, None)
    session.add(register)
    return register


def _taken(session: AnySession, register: Register, *, by: By) -> Register:
    if register.state is RegisterState.TAKEN and register.taken_by_name is not None:
        register.corrected_by_name, register.corrected_at = by.name, clock.now()
    else:
        register.state, register.source = RegisterState.TAKEN, Source.PERSON
        register.taken_by, register.taken_by_name, register.taken_at = by.id, by.name, clock.now()
    session.flush()
    return register


def _store(
    session: AnySession,
    register: Register,
    wanted: Mapping[int, tuple[Entry, Code]],
    *,
    changed: Sequence[Enrolled],
    by: By,
) -> None:
    if marked := [one.id for one in changed if one.mark is not None]:
        for mark in session.scalars(OLD_MARKS, {"register_id": register.id, "ids": marked}):
            session.delete(mark)
        # What goes has to be gone before what takes its place under the same unique key comes.
        session.flush()
    moment = clock.now()
    rows = (_mark(register, *wanted[one.id], by=by, moment=moment) for one in changed)
    session.add_all(row for row in rows if row is not None)
    session.flush()


OLD_MARKS = lasting(
    select(AttendanceMark).where(
        AttendanceMark.register_id == bindparam("register_id"),
        AttendanceMark.student_id.in_(bindparam("ids", expanding=True)),
    )
)


def _mark(register: Register, entry: Entry, code: Code, *, by: By, moment: datetime) -> AttendanceMark | None:
    if code.is_present or code.id is None:
        return None
    return AttendanceMark(
        register_id=register.id,
        student_id=entry.student_id,
        date=register.date,
        session=register.session,
        code_id=code.id,
        minutes_late=entry.minutes_late,
        reason=entry.reason,
        source=Source.PERSON,
        recorded_by=by.id,
        recorded_at=moment,
    )


def _report(session: AnySession, register: Register, before: Roll, wanted: Mapping[int, tuple[Entry, Code]]) -> None:
    event = Event.REGISTER_CORRECTED if before.is_taken else Event.REGISTER_TAKEN
    exceptions = sum(not code.is_present for _, code in wanted.values())
    record(session, event, register, changes={"students": [None, len(wanted)], "exceptions": [None, exceptions]})
