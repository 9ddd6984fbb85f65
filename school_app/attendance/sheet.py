"""What the pages of registers print: one register with all around it, and the classes' registers of a day.

attendance.routes uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.alerts.thresholds import Thresholds
from school_app.attendance.codes import Code, codes_of
from school_app.attendance.models import Register, Session
from school_app.attendance.parts import sessions_of
from school_app.attendance.queries import Taken, attendance_facts_of, taken_on
from school_app.attendance.roll import (
    SESSION_WORDS,
    Enrolled,
    Group,
    Roll,
    Slot,
    chosen_code,
    roll_of,
    why_no_register,
)
from school_app.attendance.rows import is_closed
from school_app.schools.closed import closed_sentence, closed_year_on
from school_app.schools.context import PresentSchool
from school_app.schools.queries import classes_of_teacher, school_day_after, school_day_before

AnySession = DbSession | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One student's fields on the page; `context` is a short sentence, `absent_days` the days in a row before.

    `minutes` is what a person typed where it was refused.
    """

    id: int
    name: str
    code: str
    minutes: int | str | None
    reason: str | None
    absent_days: int = 0
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A register's page. `not_school_day` is a sentence where there is nothing to take; `state` says who took it.

    `day_before` and `day_after` are school days with a register to open; `closes_at` is of today's alone. `closed` says
    that the register lies in a closed school year, where it can only be read.
    """

    title: str
    on: date
    session_word: str
    parts: Sequence[Session]
    rows: Sequence[Row]
    codes: Sequence[Code]
    counts: Sequence[tuple[int, str]]
    seen: str
    is_taken: bool
    state: str | None
    taken_at: datetime | None
    corrected_at: datetime | None
    corrected_by_name: str | None
    closes_at: datetime | None
    not_school_day: str | None
    closed: str | None
    day_before: date | None
    day_after: date | None


@dataclass(frozen=True, slots=True)
class ClassDay:
    """A class and its registers of one day, by session; a session without one was not taken."""

    group_id: int
    name: str
    registers: Mapping[str, Taken]


def sheet_of(session: AnySession, group: Group, slot: Slot, *, school: PresentSchool, today: date) -> Sheet:
    """A register's page, in a number of statements that does not grow with the students."""
    roll = roll_of(session, group, slot)
    codes = codes_of(session, used=roll.used)
    before = {} if group.is_class else _absent_before(session, roll, slot.on)
    after = school_day_after(session, slot.on)
    return Sheet(
        title=group.title,
        on=slot.on,
        session_word=SESSION_WORDS[slot.part],
        parts=sessions_of(session),
        rows=[_row(one, codes, before) for one in roll.students],
        codes=codes,
        counts=roll.counts(codes),
        seen=roll.seen,
        is_taken=roll.is_taken,
        state=_state(roll),
        taken_at=roll.taken_at,
        corrected_at=roll.corrected_at,
        corrected_by_name=roll.corrected_by_name,
        closes_at=_closes_at(school, slot) if slot.on == today and not group.is_class else None,
        not_school_day=why_no_register(session, slot.on, today=today),
        closed=_closed(session, slot.on),
        day_before=school_day_before(session, slot.on),
        day_after=after if after is not None and after <= today else None,
    )


def _closed(session: AnySession, on: date) -> str | None:
    name = closed_year_on(session, on) if is_closed(session, on, on) else None
    return None if name is None else closed_sentence(name)


def _row(student: Enrolled, codes: Sequence[Code], before: Mapping[int, int]) -> Row:
    mark = student.mark
    minutes, reason = (mark.minutes_late, mark.reason) if mark else (None, None)
    return Row(
        student.id,
        student.name,
        chosen_code(student, codes).code,
        minutes=minutes,
        reason=reason,
        absent_days=before.get(student.id, 0),
    )


def _absent_before(session: AnySession, roll: Roll, on: date) -> dict[int, int]:
    """For how many school days in a row each student was absent before a day."""
    ids = [one.id for one in roll.students]
    facts = attendance_facts_of(session, ids, as_of=on - timedelta(1), thresholds=Thresholds())
    return {id_: one.consecutive_absent_days for id_, one in facts.items()}


def _state(roll: Roll) -> str | None:
    if not roll.is_taken:
        return None
    return "Stated by an imported file" if roll.taken_by_name is None else f"Taken by {roll.taken_by_name}"


def _closes_at(school: PresentSchool, slot: Slot) -> datetime | None:
    if slot.part is Session.PM:
        return None
    return datetime.combine(slot.on, time.fromisoformat(school.register_closes), ZoneInfo(school.timezone))


def class_registers_of_day(session: AnySession, account_id: int, on: date) -> list[ClassDay]:
    """The classes that a person teaches today, with their registers that were taken; two statements.

    Today lies in no closed year.
    """
    classes = classes_of_teacher(session, account_id, on)
    taken = taken_on(session, on, Register.teaching_group_id, [one.id for one in classes])
    return [ClassDay(one.id, one.name, taken.get(one.id, {})) for one in classes]
