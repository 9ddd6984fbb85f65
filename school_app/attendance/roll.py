"""One register as it stands: who is on it, what was marked, who took it, and what its page has to know of the day.

attendance.service and attendance.routes use it, and so may home pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.attendance.codes import Code
from school_app.attendance.models import (
    AttendanceCode,
    AttendanceMark,
    Register,
    RegisterState,
    Session,
    Source,
)
from school_app.attendance.queries import WEIGHT
from school_app.core.fingerprint import fingerprint
from school_app.schools.models import DayType, School, SessionScheme
from school_app.schools.queries import day_of
from school_app.students.models import Enrolment, Student, TeachingGroupMember

AnySession = DbSession | scoped_session[Any]
NOON = 12
PARTS = {SessionScheme.DAY: (Session.DAY,), SessionScheme.AM_PM: (Session.AM, Session.PM)}
SESSION_WORDS = {Session.DAY: "whole day", Session.AM: "morning session", Session.PM: "afternoon session"}
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


def sessions_of(session: AnySession) -> tuple[Session, ...]:
    """The parts of a day for which the school takes registers."""
    return PARTS[session.scalars(select(School.session_scheme)).one()]


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


def register_of(session: AnySession, group: Group, slot: Slot) -> Register | None:
    """The row of a register, where anything was ever stored for it."""
    whose = Register.teaching_group_id if group.is_class else Register.form_id
    return session.scalar(
        select(Register).where(whose == group.id, Register.date == slot.on, Register.session == slot.part)
    )


def roll_of(session: AnySession, group: Group, slot: Slot) -> Roll:
    """A register as it stands, in three statements."""
    register = register_of(session, group, slot)
    marks = {} if register is None else _marks(session, register.id)
    students = [
        Enrolled(id_, f"{given} {family}".strip(), marks.get(id_))
        for id_, given, family in session.execute(_enrolled(group, slot.on))
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
    return [id_ for id_, *_ in session.execute(_enrolled(group, on))]


def _shown(student: Enrolled) -> list[Any]:
    mark = student.mark
    return [student.id, *((mark.code_id, mark.minutes_late, mark.reason) if mark else ())]


def _marks(session: AnySession, register_id: int) -> dict[int, Marked]:
    """Each student's mark in a register; of several, as a file may bring, the one that counts in the rate."""
    rows = session.execute(
        select(
            AttendanceMark.student_id,
            AttendanceMark.code_id,
            AttendanceMark.minutes_late,
            AttendanceMark.reason,
            AttendanceCode.category,
        )
        .join(AttendanceCode, AttendanceCode.id == AttendanceMark.code_id)
        .where(AttendanceMark.register_id == register_id)
        .order_by(AttendanceMark.id)
    ).all()
    lightest_first = sorted(rows, key=lambda row: WEIGHT[row.category])
    return {row.student_id: Marked(row.code_id, row.minutes_late, row.reason) for row in lightest_first}


def _enrolled(group: Group, on: date) -> Select[int, str, str]:
    place: Any = TeachingGroupMember if group.is_class else Enrolment
    whose = TeachingGroupMember.teaching_group_id if group.is_class else Enrolment.form_id
    return (
        select(Student.id, Student.given_name, Student.family_name)
        .join(place, place.student_id == Student.id)
        .where(whose == group.id, place.starts_on <= on, or_(place.ends_on.is_(None), place.ends_on >= on))
        .distinct()
        .order_by(Student.family_name, Student.given_name, Student.id)
    )
