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
# How far back the last register is looked for, over the longest holidays.
LOOK_BACK = timedelta(days=70)


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
    session: AnySession,
    students: Sequence[Student],
    histories: Mapping[int, History],
    *,
    form_id: int,
    register: Register | None,
    today: date,
) -> Absent:
    """Who is absent, unexplained first, and who is back; two statements, or three until the register is taken.

    Until then it is those who were absent at the form's last register, whom a master looks for in the morning.
    """
    taken = register is not None and register.state is RegisterState.TAKEN
    asked = register if taken else _last_register(session, form_id, today)
    marks = _marks(session, asked.id) if asked is not None else {}
    contacts = _contacts(session, [student.id for student in students])
    rows = []
    for student in students if asked is not None else ():
        history, on = histories.get(student.id), asked.date if asked is not None else today
        row = _row(student, history, marks.get(student.id), contacts.get(student.id), today=on)
        if row is not None and (taken or row.state != "back"):
            rows.append(row)
    ordered = sorted(rows, key=lambda row: (STATES.index(row.state), -(row.day_number or 0)))
    return Absent(ordered, taken, asked.date if asked is not None else None)


def _last_register(session: AnySession, form_id: int, today: date) -> Register | None:
    found: Register | None = session.scalar(
        select(Register)
        .where(
            Register.form_id == form_id,
            Register.date < today,
            Register.date >= today - LOOK_BACK,
            Register.state == RegisterState.TAKEN,
        )
        .order_by(Register.date.desc(), Register.session.desc())
        .limit(1)
    )
    return found


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
        .where(
            Note.student_id.in_(ids),
            Note.kind == NoteKind.CONTACT,
            Note.created_at >= recent,
            Note.withdrawn_at.is_(None),
        )
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
