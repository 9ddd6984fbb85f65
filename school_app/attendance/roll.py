"""One register as it stands: who is on it, what was marked, who took it, and what its page has to know of the day.

attendance.service and attendance.routes use it, and so may home pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.attendance.codes import Code
from school_app.attendance.models import (
    AttendanceCode,
    Register,
    RegisterState,
    Session,
    Source,
)
from school_app.attendance.queries import WEIGHT
from school_app.attendance.rows import Chosen, Stored, Tables, read_lasting
from school_app.core.fingerprint import fingerprint
from school_app.core.lasting import lasting
from school_app.schools.models import DayType
from school_app.schools.queries import day_of
from school_app.students.models import Enrolment, Student, TeachingGroupMember

AnySession = DbSession | scoped_session[Any]
NOON = 12
SESSION_WORDS = {Session.DAY: "whole day", Session.AM: "morning session", Session.PM: "afternoon session"}
SHOWN = ("id", "state", "source", "taken_at", "taken_by_name", "corrected_at", "corrected_by_name")
NO_SCHOOL = {DayType.HOLIDAY: "a holiday", DayType.NON_INSTRUCTIONAL: "a day without lessons"}


@dataclass(frozen=True, slots=True)
class Group:
    """Whose register it is: a form's, or that of a class where `is_class`."""

    id: int
    title: str
    is_class: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """Which register of a group: its day and the part of it."""

    on: date
    part: Session


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark that counts for one student in a register."""

    code_id: int
    minutes_late: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A student who is on the register on its day, and their mark; None is present."""

    id: int
    name: str
    mark: Marked | None


@dataclass(frozen=True, slots=True)
class Roll:
    """A register with its students by name; `seen` is the fingerprint of all that it shows.

    `taken_by_name` is None for a register that a file states.
    """

    students: Sequence[Enrolled]
    register_id: int | None
    is_taken: bool
    is_imported: bool
    taken_at: datetime | None
    taken_by_name: str | None
    corrected_at: datetime | None
    corrected_by_name: str | None
    seen: str

    @property
    def used(self) -> set[int]:
        """The ids of the codes that stand in it."""
        return {one.mark.code_id for one in self.students if one.mark is not None}

    def counts(self, codes: Sequence[Code]) -> list[tuple[int, str]]:
        """How many students have each code, such as (24, "present"), without the codes that nobody has."""
        chosen = [chosen_code(one, codes) for one in self.students]
        return [(chosen.count(code), code.name.lower()) for code in codes if code in chosen]


def chosen_code(student: Enrolled, codes: Sequence[Code]) -> Code:
    """The code of a student's mark; without one the first, which is presence."""
    mark = student.mark
    return next((code for code in codes if mark is not None and code.id == mark.code_id), codes[0])


def present_part(parts: Sequence[Session], moment: datetime, *, zone: str) -> Session:
    """The part of the day that it is at the school; the last one from noon on."""
    return parts[0] if moment.astimezone(ZoneInfo(zone)).hour < NOON else parts[-1]


def why_no_register(session: AnySession, on: date, *, today: date) -> str | None:
    """The sentence that says why there is no register to take on a day; None where there is one."""
    day = day_of(session, on)
    if day is None:
        return "The calendar has no school on this day, so there is no register to take."
    if day.day_type is not DayType.INSTRUCTIONAL:
        note = f" ({day.note})" if day.note else ""
        return f"This is {NO_SCHOOL[day.day_type]}{note}, so there is no register to take."
    if on > today:
        return "This day is still to come; its register can be taken on the day."
    return None


def stored(session: AnySession, group: Group, slot: Slot) -> Stored | None:
    """What is stored of a register, wherever it lies."""
    statement = _of_class if group.is_class else _of_form
    rows = read_lasting(session, statement, first=slot.on, last=slot.on, group_id=group.id, part=slot.part)
    return next(iter(rows), None)


def _of_form(tables: Tables) -> Chosen:
    return _of(tables, tables.register.form_id)


def _of_class(tables: Tables) -> Chosen:
    return _of(tables, tables.register.teaching_group_id)


def _of(tables: Tables, whose: Any) -> Chosen:
    register = tables.register
    columns = [getattr(register, name) for name in SHOWN]
    return select(*columns).where(
        whose == bindparam("group_id"), _on(register.date), register.session == bindparam("part")
    )


def _on(column: Any) -> Any:
    return column.between(bindparam("first"), bindparam("last"))


def is_stored(session: AnySession, group: Group, slot: Slot) -> bool:
    """Whether anything was ever stored for a register."""
    return stored(session, group, slot) is not None


def register_of(session: AnySession, group: Group, slot: Slot) -> Register | None:
    """The row of a register of an open year, where anything was ever stored for it."""
    return session.scalar(_REGISTER[group.is_class], {"group_id": group.id, "on": slot.on, "part": slot.part})


def roll_of(session: AnySession, group: Group, slot: Slot) -> Roll:
    """A register as it stands, wherever it lies; three statements."""
    return roll_in(session, group, slot, stored(session, group, slot))


def roll_in(session: AnySession, group: Group, slot: Slot, register: Stored | Register | None) -> Roll:
    """A register as it stands that is read already, or None where nothing was ever stored for it; two statements."""
    marks = {} if register is None else _marks(session, register.id, slot.on)
    students = [
        Enrolled(id_, f"{given} {family}".strip(), marks.get(id_))
        for id_, given, family in _enrolled(session, group, slot.on)
    ]
    taken = register is not None and register.state is RegisterState.TAKEN
    return Roll(
        students,
        None if register is None else register.id,
        is_taken=taken,
        is_imported=register is not None and register.source is Source.IMPORT,
        taken_at=register.taken_at if register is not None and taken else None,
        taken_by_name=register.taken_by_name if register is not None and taken else None,
        corrected_at=register.corrected_at if register is not None and taken else None,
        corrected_by_name=register.corrected_by_name if register is not None and taken else None,
        seen=fingerprint(taken, [_shown(one) for one in sorted(students, key=lambda one: one.id)]),
    )


def enrolled_ids(session: AnySession, group: Group, on: date) -> list[int]:
    """The ids of the students who are on a group's register on a day."""
    return [id_ for id_, *_ in _enrolled(session, group, on)]


def _shown(student: Enrolled) -> list[Any]:
    mark = student.mark
    return [student.id, *((mark.code_id, mark.minutes_late, mark.reason) if mark else ())]


def _marks(session: AnySession, register_id: int, on: date) -> dict[int, Marked]:
    """Each student's mark in a register; of several, as a file may bring, the one that counts in the rate."""
    rows = read_lasting(session, _in_register, first=on, last=on, register_id=register_id)
    lightest_first = sorted(rows, key=lambda row: (WEIGHT[row.category], row.id))
    return {row.student_id: Marked(row.code_id, row.minutes_late, row.reason) for row in lightest_first}


def _in_register(tables: Tables) -> Chosen:
    mark = tables.mark
    return (
        select(mark.id, mark.student_id, mark.code_id, mark.minutes_late, mark.reason, AttendanceCode.category)
        .join(AttendanceCode, AttendanceCode.id == mark.code_id)
        .where(mark.register_id == bindparam("register_id"), _on(mark.date))
    )


def _enrolled(session: AnySession, group: Group, on: date) -> Sequence[Stored]:
    return session.execute(_ENROLLED[group.is_class], {"group_id": group.id, "on": on}).all()


def _asked_enrolled(place: Any, whose: Any) -> Any:
    on: Any = bindparam("on")
    return lasting(
        select(Student.id, Student.given_name, Student.family_name)
        .join(place, place.student_id == Student.id)
        .where(whose == bindparam("group_id"), place.starts_on <= on, or_(place.ends_on.is_(None), place.ends_on >= on))
        .distinct()
        .order_by(Student.family_name, Student.given_name, Student.id)
    )


def _asked_register(whose: Any) -> Any:
    of_slot = (Register.date == bindparam("on"), Register.session == bindparam("part"))
    # As it is stored now, whatever the session has read of it before.
    asked = select(Register).where(whose == bindparam("group_id"), *of_slot)
    return lasting(asked.execution_options(populate_existing=True))


# By whether the group is a class.
_ENROLLED = {
    False: _asked_enrolled(Enrolment, Enrolment.form_id),
    True: _asked_enrolled(TeachingGroupMember, TeachingGroupMember.teaching_group_id),
}
_REGISTER = {False: _asked_register(Register.form_id), True: _asked_register(Register.teaching_group_id)}
