"""Who is absent today: section 4 of the home, and the counts beside a register that was taken.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.history import History
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState
from school_app.attendance.queries import WEIGHT
from school_app.core import clock
from school_app.students.models import Note, NoteKind, Student

AnySession = Session | scoped_session[Any]
STATES = ("unexplained", "explained", "back")


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
class Absent:
    """Section 4."""

    rows: Sequence[Row]
    register_taken: bool

    @property
    def unexplained(self) -> int:
        """How many are absent without a reason, and nobody has called yet."""
        return sum(row.state == "unexplained" and row.contacted is None for row in self.rows)


def absent(
    session: AnySession,
    students: Sequence[Student],
    histories: Mapping[int, History],
    *,
    register: Register | None,
    today: date,
) -> Absent:
    """Who is absent, unexplained first, and who is back; two statements. Without today's register nobody is known."""
    taken = register is not None and register.state is RegisterState.TAKEN
    marks = _marks(session, register.id) if register is not None and taken else {}
    contacts = _contacts(session, [student.id for student in students])
    rows = []
    for student in students if taken else ():
        history = histories.get(student.id)
        row = _row(student, history, marks.get(student.id), contacts.get(student.id), today=today)
        if row is not None:
            rows.append(row)
    return Absent(sorted(rows, key=lambda row: (STATES.index(row.state), -(row.day_number or 0))), taken)


def _row(
    student: Student,
    history: History | None,
    mark: tuple[AttendanceMark, AttendanceCode] | None,
    contact: Note | None,
    *,
    today: date,
) -> Row | None:
    contacted = None if contact is None else contact.body
    if mark is not None and mark[1].category.is_absent:
        run = history.absent_run(today) if history else 1
        explained = mark[1].category is AttendanceCategory.ABSENT_EXCUSED
        context = mark[0].reason or (mark[1].name if explained else "no reason yet")
        return Row(student.id, student.name, STATES[int(explained)], run, context, contacted)
    before = history.absent_run(today - timedelta(days=1)) if history else 0
    if before == 0:
        return None
    return Row(student.id, student.name, "back", None, f"after {before} {'day' if before == 1 else 'days'}", contacted)


def _marks(session: AnySession, register_id: int) -> dict[int, tuple[AttendanceMark, AttendanceCode]]:
    rows = session.execute(
        select(AttendanceMark, AttendanceCode)
        .join(AttendanceCode, AttendanceCode.id == AttendanceMark.code_id)
        .where(AttendanceMark.register_id == register_id)
    ).all()
    return {mark.student_id: (mark, code) for mark, code in sorted(rows, key=lambda row: WEIGHT[row[1].category])}


def _contacts(session: AnySession, ids: Sequence[int]) -> dict[int, Note]:
    recent = clock.now() - timedelta(hours=12)
    rows = session.scalars(
        select(Note)
        .where(Note.student_id.in_(ids), Note.kind == NoteKind.CONTACT, Note.created_at >= recent)
        .order_by(Note.created_at)
    )
    return {note.student_id: note for note in rows}


def counts(session: AnySession, register: Register | None, enrolled: int) -> list[tuple[int, str]]:
    """How many were present, late, absent, by the names of the school's codes."""
    if register is None:
        return []
    marks = _marks(session, register.id)
    found: dict[str, int] = {}
    for _, code in marks.values():
        found[code.name.lower()] = found.get(code.name.lower(), 0) + 1
    return [(enrolled - len(marks), "present"), *((number, word) for word, number in sorted(found.items()))]
