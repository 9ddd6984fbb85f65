"""Taking a register, and taking it back.

attendance.routes and the demo call these; the rule behind them is docs/decisions/0001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session, Source
from school_app.attendance.queries import enrolled_in
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.schools.queries import is_school_day

AnySession = DbSession | scoped_session[Any]
MOST_MINUTES = 600
REASON_LENGTH = 300


class InvalidRegister(DomainError):
    """The register cannot be taken so; str() says why and what to do."""


class RegisterChanged(Conflict):
    """Somebody else saved the register since the page was opened."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An exception to "present": which code, how late (minutes, or None), and the reason as it was given."""

    student_id: int
    code_id: int
    minutes_late: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sitting:
    """Which register is meant: a form's, of one day and session."""

    form_id: int
    on: date
    part: Session


def record_register(
    session: AnySession,
    sitting: Sitting,
    entries: Sequence[Entry],
    *,
    by: By,
    today: date,
    seen_taken_at: datetime | None,
) -> Register:
    """Save a whole register: who is not named in `entries` was present.

    Saving the same twice changes nothing the second time. `seen_taken_at` is when the page's register had been taken;
    RegisterChanged where somebody saved another one since. InvalidRegister on a day without school, or ahead of time.
    """
    if sitting.on > today:
        raise InvalidRegister("A register cannot be taken before its day.")
    if not is_school_day(session, sitting.on):
        raise InvalidRegister("There is no school on this day, so there is no register to take.")
    _refuse_strangers(entries, enrolled_in(session, sitting.form_id, sitting.on))
    register = _locked(session, sitting)
    changed = _write(session, register, {entry.student_id: entry for entry in entries}, by=by, seen=seen_taken_at)
    if changed or register.state is not RegisterState.TAKEN:
        register.state, register.source, register.taken_at = RegisterState.TAKEN, Source.PERSON, clock.now()
        register.taken_by, register.taken_by_name = by.id, by.name
        session.flush()
        record(session, Event.REGISTER_TAKEN, register, reason=f"{len(entries)} exceptions")
    return register


def take_back(session: AnySession, sitting: Sitting, *, reason: str) -> Register:
    """Say that a register that was taken is not right: its day is unknown again until it is taken anew."""
    register = _find(session, sitting)
    if register is None or register.state is not RegisterState.TAKEN:
        raise InvalidRegister("This register is not taken, so there is nothing to take back.")
    why = reason.strip()
    if len(why) < 3:
        raise InvalidRegister("Reason: write why in a few words.")
    register.state, register.taken_at, register.taken_by, register.taken_by_name = (
        RegisterState.NOT_TAKEN,
        None,
        None,
        None,
    )
    session.flush()
    record(session, Event.REGISTER_TAKEN_BACK, register, reason=why)
    return register


def _refuse_strangers(entries: Sequence[Entry], enrolled: set[int]) -> None:
    for entry in entries:
        if entry.student_id not in enrolled:
            raise NotFound("student in this form")
        if entry.minutes_late is not None and not 0 < entry.minutes_late <= MOST_MINUTES:
            raise InvalidRegister(f"Minutes late: enter a number from 1 to {MOST_MINUTES}.")
        if entry.reason is not None and len(entry.reason) > REASON_LENGTH:
            raise InvalidRegister(f"Reason: keep to {REASON_LENGTH} characters.")


def _find(session: AnySession, sitting: Sitting) -> Register | None:
    return session.scalar(
        select(Register)
        .where(Register.form_id == sitting.form_id, Register.date == sitting.on, Register.session == sitting.part)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _locked(session: AnySession, sitting: Sitting) -> Register:
    found = _find(session, sitting)
    if found is not None:
        return found
    made = Register(form_id=sitting.form_id, date=sitting.on, session=sitting.part, state=RegisterState.NOT_TAKEN)
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        # Somebody wrote it between the two statements; the unique key held, and theirs is the one to go on with.
        found = _find(session, sitting)
        if found is None:
            raise
        return found
    return made


def _write(
    session: AnySession, register: Register, wanted: Mapping[int, Entry], *, by: By, seen: datetime | None
) -> bool:
    stored: dict[int, list[AttendanceMark]] = {}
    for mark in session.scalars(select(AttendanceMark).where(AttendanceMark.register_id == register.id)):
        stored.setdefault(mark.student_id, []).append(mark)
    differing = [id_ for id_ in stored.keys() | wanted.keys() if not _same(stored.get(id_, []), wanted.get(id_))]
    if differing and register.state is RegisterState.TAKEN and register.taken_at != seen:
        raise RegisterChanged(
            f"{register.taken_by_name or 'An import'} saved this register meanwhile. Look at theirs, then correct it."
        )
    for student_id in differing:
        for mark in stored.get(student_id, []):
            session.delete(mark)
    session.flush()
    for student_id in differing:
        if student_id in wanted:
            session.add(_mark(register, wanted[student_id], by))
    session.flush()
    return bool(differing)


def _same(stored: Sequence[AttendanceMark], wanted: Entry | None) -> bool:
    if wanted is None:
        return not stored
    if len(stored) != 1:
        return False
    mark = stored[0]
    return (mark.code_id, mark.minutes_late, mark.reason) == (wanted.code_id, wanted.minutes_late, wanted.reason)


def _mark(register: Register, entry: Entry, by: By) -> AttendanceMark:
    return AttendanceMark(
        register_id=register.id,
        student_id=entry.student_id,
        date=register.date,
        session=register.session,
        code_id=entry.code_id,
        minutes_late=entry.minutes_late,
        reason=entry.reason,
        source=Source.PERSON,
        recorded_by=by.id,
        recorded_at=clock.now(),
    )
