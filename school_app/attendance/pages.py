"""What the page of a register shows: its students, the codes to choose from, who took it.

attendance.routes alone uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Session
from school_app.attendance.queries import WEIGHT, attendance_facts_of, enrolled_in
from school_app.attendance.service import Entry, InvalidRegister, Sitting
from school_app.schools.models import CalendarDay, DayType, School, SessionScheme
from school_app.schools.queries import day_of
from school_app.students.models import Student

AnySession = DbSession | scoped_session[Any]
PRESENT = "present"
SESSION_WORDS = {Session.AM: "morning session", Session.PM: "afternoon session", Session.DAY: "whole day"}
DAY_WORDS = {DayType.HOLIDAY: "Holiday", DayType.NON_INSTRUCTIONAL: "No lessons"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A code as the page offers it; `id` is None for "present", which leaves no mark."""

    id: int | None
    code: str
    name: str
    key: str
    category: str


@dataclass(frozen=True, slots=True)
class Row:
    """A student of the register with what is chosen now."""

    id: int
    name: str
    context: str | None
    absent_days: int
    code: str
    minutes: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """One register as its page shows it."""

    taken_at: datetime | None
    taken_by_name: str | None
    not_school_day: str | None
    students: Sequence[Row]
    codes: Sequence[Choice]


def sessions_of(session: AnySession) -> tuple[Session, ...]:
    """The sessions that a school day has at the session's school."""
    scheme = session.scalars(select(School.session_scheme)).one()
    return (Session.AM, Session.PM) if scheme is SessionScheme.AM_PM else (Session.DAY,)


def choices(session: AnySession) -> list[Choice]:
    """The school's codes in their order, "present" first, each with a letter of its own."""
    rows = session.scalars(
        select(AttendanceCode).where(AttendanceCode.is_active).order_by(AttendanceCode.ordinal)
    ).all()
    present = next((row.name for row in rows if row.category is AttendanceCategory.PRESENT), "Present")
    letters = {"p"}
    found = [Choice(None, PRESENT, present, "p", AttendanceCategory.PRESENT.value)]
    for row in rows:
        if row.category is not AttendanceCategory.PRESENT:
            key = _letter(row.name, letters)
            found.append(Choice(row.id, f"c{row.id}", row.name, key, row.category.value))
    return found


def _letter(name: str, taken: set[str]) -> str:
    for letter in (*name.casefold(), *"abcdefghijklmnopqrstuvwxyz0123456789"):
        if letter.isascii() and letter.isalnum() and letter not in taken:
            taken.add(letter)
            return letter
    return "?"


def register_page(session: AnySession, sitting: Sitting) -> RegisterPage:
    """What the page of a register shows, in a fixed number of statements."""
    closed = _why_no_school(day_of(session, sitting.on))
    codes = choices(session)
    register = session.scalar(
        select(Register).where(
            Register.form_id == sitting.form_id, Register.date == sitting.on, Register.session == sitting.part
        )
    )
    taken = register is not None and register.state is RegisterState.TAKEN
    return RegisterPage(
        taken_at=register.taken_at if register and taken else None,
        taken_by_name=(register.taken_by_name or "an import") if register and taken else None,
        not_school_day=closed,
        students=[] if closed else _rows(session, sitting, codes, register=register),
        codes=codes,
    )


def _why_no_school(day: CalendarDay | None) -> str | None:
    if day is None:
        return "The school’s calendar does not list this day as a school day, so there is no register to take."
    if day.day_type is DayType.INSTRUCTIONAL:
        return None
    return f"{day.note or DAY_WORDS[day.day_type]}: there is no register to take."


def _rows(session: AnySession, sitting: Sitting, codes: Sequence[Choice], *, register: Register | None) -> list[Row]:
    ids = enrolled_in(session, sitting.form_id, sitting.on)
    students = session.scalars(
        select(Student).where(Student.id.in_(ids)).order_by(Student.family_name, Student.given_name, Student.id)
    ).all()
    before = attendance_facts_of(session, ids, as_of=sitting.on - timedelta(1), thresholds=Thresholds())
    marks = _marks(session, register)
    by_id = {choice.id: choice.code for choice in codes}
    return [
        Row(
            id=one.id,
            name=one.name,
            context=None,
            absent_days=before[one.id].consecutive_absent_days if one.id in before else 0,
            code=by_id.get(marks[one.id].code_id, PRESENT) if one.id in marks else PRESENT,
            minutes=marks[one.id].minutes_late if one.id in marks else None,
            reason=marks[one.id].reason if one.id in marks else None,
        )
        for one in students
    ]


def _marks(session: AnySession, register: Register | None) -> dict[int, AttendanceMark]:
    if register is None:
        return {}
    rows = session.execute(
        select(AttendanceMark, AttendanceCode.category)
        .join(AttendanceCode, AttendanceCode.id == AttendanceMark.code_id)
        .where(AttendanceMark.register_id == register.id)
    ).all()
    # Of several marks in one register, as an import may bring, the page shows the one that counts.
    ordered = sorted(rows, key=lambda row: WEIGHT[row[1]])
    return {mark.student_id: mark for mark, _ in ordered}


def entries(posted: Mapping[str, str], codes: Sequence[Choice]) -> list[Entry]:
    """The exceptions in what the form of a register posts. InvalidRegister where a field cannot be read."""
    by_code = {choice.code: choice for choice in codes}
    found = []
    for name, value in posted.items():
        kind, _, number = name.partition("-")
        if kind != "code" or not number.isdecimal():
            continue
        if value not in by_code:
            raise InvalidRegister("One of the codes is not in use any more. Look at the register again.")
        choice = by_code[value]
        if choice.id is not None:
            late = choice.category == AttendanceCategory.LATE.value
            minutes = _minutes(posted.get(f"minutes-{number}", "")) if late else None
            reason = posted.get(f"reason-{number}", "").strip() or None
            found.append(Entry(int(number), choice.id, minutes, reason=reason))
    return found


def _minutes(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 4:
        raise InvalidRegister("Minutes late: enter a whole number, such as 12.")
    return int(text)


def neighbours(on: date, days: Sequence[date]) -> tuple[date | None, date | None]:
    """The school days before and after a day."""
    before = [day for day in days if day < on]
    after = [day for day in days if day > on]
    return (before[-1] if before else None), (after[0] if after else None)
