"""Who is absent today: section 4 of the home, and the counts beside a register that was taken.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.history import History
from school_app.attendance.models import AttendanceCode, RegisterState
from school_app.attendance.queries import WEIGHT
from school_app.attendance.rows import Chosen, Stored, Tables, read_lasting
from school_app.core import clock
from school_app.core.slots import good_until
from school_app.students.queries import FormStudent

AnySession = Session | scoped_session[Any]
STATES = ("unexplained", "explained", "back")
# How far back the last register is looked for, over the longest holidays.
LOOK_BACK = timedelta(days=70)
# For how long a call or message to a student's home answers an absence.
CONTACT_LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Row:
    """A student who is absent, or back."""

    student_id: int
    student_name: str
    state: str
    day_number: int | None
    context: str
    contacted: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The register that says who is absent: its day, and each student's mark in it."""

    on: date
    marks: Mapping[int, Stored]


@dataclass(frozen=True, slots=True)
class Absent:
    """Section 4. Until the register is taken its rows are those who were absent at the last one, on `as_of`."""

    rows: Sequence[Row]
    register_taken: bool
    as_of: date | None = None

    @property
    def unexplained(self) -> int:
        """How many are absent today without a reason, and nobody has called yet."""
        return (
            0
            if not self.register_taken
            else sum(row.state == "unexplained" and row.contacted is None for row in self.rows)
        )


def absent(
    students: Sequence[FormStudent],
    histories: Mapping[int, History],
    asked: Asked | None,
    contacts: Iterable[Any],
    *,
    taken: bool,
) -> Absent:
    """Who is absent by a register, unexplained first, and who is back; `contacts` are the notes of contacts_since().

    Until today's register is taken it is those who were absent at the form's last one, whom a master looks for in the
    morning.
    """
    if asked is None:
        return Absent([], taken)
    latest, rows = _latest(contacts), []
    for student in students:
        history, mark = histories.get(student.id), asked.marks.get(student.id)
        row = _row(student, history, mark, latest.get(student.id), today=asked.on)
        if row is not None and (taken or row.state != "back"):
            rows.append(row)
    ordered = sorted(rows, key=lambda row: (STATES.index(row.state), -(row.day_number or 0)))
    return Absent(ordered, taken, asked.on)


def contacts_since() -> datetime:
    """From when on a contact with a student's home answers an absence."""
    return clock.now() - CONTACT_LASTS


def asked_of(session: AnySession, form_id: int, *, taken_id: int | None, today: date) -> Asked | None:
    """Today's register by its id where it is taken, otherwise the form's last one; in one statement, or two."""
    if taken_id is not None:
        return Asked(today, _marks(session, taken_id, today))
    last = _last_register(session, form_id, today)
    return None if last is None else Asked(last.date, _marks(session, last.id, last.date))


def _last_register(session: AnySession, form_id: int, today: date) -> Stored | None:
    rows = read_lasting(session, _taken, first=today - LOOK_BACK, last=today - timedelta(days=1), form_id=form_id)
    return max(rows, key=lambda row: (row.date, row.session), default=None)


def _taken(tables: Tables) -> Chosen:
    register = tables.register
    return (
        select(register.id, register.date, register.session)
        .where(
            register.form_id == bindparam("form_id"),
            register.date.between(bindparam("first"), bindparam("last")),
            register.state == RegisterState.TAKEN,
        )
        .order_by(register.date.desc(), register.session.desc())
        .limit(1)
    )


def _row(
    student: FormStudent,
    history: History | None,
    mark: Stored | None,
    contact: Any,
    *,
    today: date,
) -> Row | None:
    contacted = None if contact is None else contact.body
    if mark is not None and mark.category.is_absent:
        run = history.absent_run(today) if history else 1
        explained = mark.category is AttendanceCategory.ABSENT_EXCUSED
        context = mark.reason or (mark.name if explained else "no reason yet")
        return Row(student.id, student.name, STATES[int(explained)], run, context, contacted)
    before = history.absent_run(today - timedelta(days=1)) if history else 0
    if before == 0:
        return None
    return Row(student.id, student.name, "back", None, f"after {before} {'day' if before == 1 else 'days'}", contacted)


def _marks(session: AnySession, register_id: int, on: date) -> dict[int, Stored]:
    """Each student's mark in a register of a day: its reason, and the name and category of its code."""
    rows = read_lasting(session, _marks_in, first=on, last=on, register_id=register_id)
    return {row.student_id: row for row in sorted(rows, key=lambda row: WEIGHT[row.category])}


def _marks_in(tables: Tables) -> Chosen:
    mark = tables.mark
    return (
        select(mark.student_id, mark.reason, AttendanceCode.name, AttendanceCode.category)
        .join(AttendanceCode, AttendanceCode.id == mark.code_id)
        .where(mark.register_id == bindparam("register_id"), mark.date.between(bindparam("first"), bindparam("last")))
    )


def _latest(contacts: Iterable[Any]) -> dict[int, Any]:
    found = {note.student_id: note for note in contacts}
    for note in found.values():
        good_until(note.created_at + CONTACT_LASTS)
    return found


def counts(marks: Mapping[int, Stored], enrolled: int) -> list[tuple[int, str]]:
    """How many were present, late, absent in a register that was taken, by the names of the school's codes."""
    found: dict[str, int] = {}
    for mark in marks.values():
        found[mark.name.lower()] = found.get(mark.name.lower(), 0) + 1
    return [(enrolled - len(marks), "present"), *((number, word) for word, number in sorted(found.items()))]
