"""Who is absent today: section 4 of the home, and the counts beside a register that was taken.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, and_, bindparam, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.history import History
from school_app.attendance.models import AttendanceCode, RegisterState
from school_app.attendance.queries import WEIGHT
from school_app.attendance.roll import Slot
from school_app.attendance.rows import Chosen, Stored, Tables, read_lasting
from school_app.core import clock
from school_app.core.slots import good_until
from school_app.students.queries import FormStudent

AnySession = Session | scoped_session[Any]
STATES = ("unexplained", "explained", "back")
KEY, TAKEN = ("id", "date", "session"), ("taken_at", "taken_by_name", "corrected_at")
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
    """The register that says who is absent: when and by whom it was taken, and each student's mark in it.

    `is_present` is that of the present session; otherwise it is the form's last one, of a day before.
    """

    on: date
    is_present: bool
    taken_at: datetime | None
    taken_by_name: str | None
    corrected_at: datetime | None
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
) -> Absent:
    """Who is absent by a register, unexplained first, and who is back; `contacts` are the notes of contacts_since().

    Until today's register is taken it is those who were absent at the form's last one, whom a master looks for in the
    morning.
    """
    if asked is None:
        return Absent([], register_taken=False)
    latest, rows = _latest(contacts), []
    for student in students:
        history, mark = histories.get(student.id), asked.marks.get(student.id)
        row = _row(student, history, mark, latest.get(student.id), today=asked.on)
        if row is not None and (asked.is_present or row.state != "back"):
            rows.append(row)
    ordered = sorted(rows, key=lambda row: (STATES.index(row.state), -(row.day_number or 0)))
    return Absent(ordered, asked.is_present, asked.on)


def contacts_since() -> datetime:
    """From when on a contact with a student's home answers an absence."""
    return clock.now() - CONTACT_LASTS


def asked_of(session: AnySession, form_id: int, slot: Slot) -> Asked | None:
    """The form's register of the present slot where it is taken, otherwise its last one before today; one statement."""
    rows = read_lasting(session, _last_taken, first=slot.on - LOOK_BACK, last=slot.on, form_id=form_id, part=slot.part)
    if not rows:
        return None
    # Where a school year was closed meanwhile, both tables have a last one.
    last = max(rows, key=lambda row: (row.date, row.session))
    marks = [row for row in rows if row.id == last.id and row.student_id is not None]
    return Asked(
        last.date,
        last.date == slot.on,
        last.taken_at,
        last.taken_by_name,
        last.corrected_at,
        {row.student_id: row for row in sorted(marks, key=lambda row: WEIGHT[row.category])},
    )


def _last_taken(tables: Tables) -> Chosen:
    """A form's last register, as often as it has marks, with each; of today's none but that of the present session."""
    register, mark = tables.register, tables.mark
    first, today = bindparam("first", type_=Date), bindparam("last", type_=Date)
    last = (
        select(*(getattr(register, name) for name in (*KEY, *TAKEN)))
        .where(
            register.form_id == bindparam("form_id"),
            register.date.between(first, today),
            or_(register.date < today, register.session == bindparam("part")),
            register.state == RegisterState.TAKEN,
        )
        .order_by(register.date.desc(), register.session.desc())
        .limit(1)
        .subquery()
    )
    return (
        select(*last.c, mark.student_id, mark.reason, AttendanceCode.name, AttendanceCode.category)
        .join(mark, and_(mark.register_id == last.c.id, mark.date.between(first, today)), isouter=True)
        .join(AttendanceCode, AttendanceCode.id == mark.code_id, isouter=True)
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
