"""What pages read of the summaries, and what of them is still due; nothing here reads the rows behind them.

summaries/ itself, the features above it, and the workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock
from school_app.core.figures import attended, tenths
from school_app.schools.due import SummaryDue
from school_app.schools.models import Form, School
from school_app.students.access import Reach
from school_app.students.models import Student
from school_app.summaries.models import FIGURES, FormDay, StudentFigures, SummaryState
from school_app.summaries.periods import Span
from school_app.summaries.rules import absent, counted

AnySession = Session | scoped_session[Any]


def waiting_schools(session: AnySession) -> list[int]:
    """The open schools of which something is to be counted: a new day, or what is due. It sees all schools."""
    due = select(SummaryDue.school_id).distinct()
    rows = session.execute(
        select(School.id, School.timezone, SummaryState.counted_to, School.id.in_(due).label("is_due"))
        .join(SummaryState, SummaryState.school_id == School.id, isouter=True)
        .where(School.is_active)
        .order_by(School.id)
    ).all()
    return [
        row.id for row in rows if row.is_due or row.counted_to is None or row.counted_to < clock.today(row.timezone)
    ]


def due_spans(session: AnySession, first: date, last: date) -> list[tuple[date, date]]:
    """The days between two days that are due to be counted anew, from a day to a day each."""
    rows = session.execute(select(SummaryDue.first_on, SummaryDue.last_on).where(*_due_between(first, last)))
    return [(begin, last if end is None else end) for begin, end in rows]


def _due_between(first: date, last: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return SummaryDue.first_on <= last, or_(SummaryDue.last_on.is_(None), SummaryDue.last_on >= first)


def share(absences: int, sessions: int) -> Decimal | None:
    """Attendance in percent; None where no session is known."""
    return attended(absences, sessions) if sessions else None


def trend(one: StudentFigures) -> Decimal | None:
    """Points of attendance in the last four weeks less those of the four before; None where either is unknown."""
    now, before = share(one.weeks_absent, one.weeks_counted), share(one.before_absent, one.before_counted)
    return None if now is None or before is None else tenths(now - before)


class Figures:
    """The sums of some rows of forms and days, by the names of their columns."""

    def __init__(self, sums: Mapping[str, int] | None = None) -> None:
        self.sums: Mapping[str, int] = sums or {}

    def __getitem__(self, name: str) -> int:
        return self.sums.get(name, 0)

    @property
    def counted(self) -> int:
        """The sessions that stand in the rate."""
        return counted(self.sums)

    @property
    def absent(self) -> int:
        """The sessions absent for any reason."""
        return absent(self.sums)

    @property
    def percent(self) -> Decimal | None:
        """Attendance in percent; None where no session is known."""
        return share(self.absent, self.counted)


@dataclass(frozen=True, slots=True)
class FormFigures:
    """A form's figures of a span of days; `form_id` is None for students in no form."""

    form_id: int | None
    name: str | None
    figures: Figures


def figures_by_form(session: AnySession, reach: Reach, span: Span) -> list[FormFigures]:
    """The figures of the forms in reach, by name, and last those of students in no form for who sees the school."""
    sums = [func.sum(getattr(FormDay, name)).label(name) for name in FIGURES]
    rows = session.execute(
        select(Form.id, Form.name, *sums)
        .select_from(FormDay)
        .join(Form, Form.id == FormDay.form_id, isouter=True)
        .where(FormDay.date.between(span.first, span.last), _in_reach(reach))
        .group_by(Form.id, Form.name)
    )
    found = [FormFigures(row.id, row.name, _figures(row)) for row in rows]
    return sorted(found, key=lambda one: (one.form_id is None, (one.name or "").casefold(), one.form_id))


def figures_by_day(session: AnySession, reach: Reach, span: Span) -> dict[date, Figures]:
    """The figures of the forms in reach taken together, day by day."""
    sums = [func.sum(getattr(FormDay, name)).label(name) for name in FIGURES]
    rows = session.execute(
        select(FormDay.date, *sums)
        .select_from(FormDay)
        .join(Form, Form.id == FormDay.form_id, isouter=True)
        .where(FormDay.date.between(span.first, span.last), _in_reach(reach))
        .group_by(FormDay.date)
        .order_by(FormDay.date)
    )
    return {row.date: _figures(row) for row in rows}


def together(found: Iterable[Figures]) -> Figures:
    """Several figures as one."""
    total: Counter[str] = Counter()
    for one in found:
        total.update(one.sums)
    return Figures(total)


def _figures(row: Any) -> Figures:
    # A sum is a decimal on some servers.
    return Figures({name: int(getattr(row, name)) for name in FIGURES})


def _in_reach(reach: Reach) -> ColumnElement[bool]:
    return true() if reach.everyone else reach.forms()


def students_of_form(session: AnySession, form_id: int) -> list[tuple[Student, StudentFigures | None]]:
    """The students who are in a form now, by name, each with the figures; None where they are not counted yet."""
    rows = session.execute(
        select(Student, StudentFigures)
        .join(StudentFigures, StudentFigures.student_id == Student.id, isouter=True)
        .where(Student.form_id == form_id, Student.is_active)
        .order_by(Student.family_name, Student.given_name, Student.id)
    )
    return [(student, figures) for student, figures in rows]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the figures of some days are: until when days are counted, when, and what changed and is not yet."""

    counted_to: date | None
    refreshed_at: datetime | None
    registers: int
    others: int


def standing(session: AnySession, reach: Reach, span: Span) -> Standing:
    """How far the figures of a span of days are, in two statements."""
    state = session.execute(select(SummaryState.counted_to, SummaryState.refreshed_at)).first()
    rows = session.execute(
        select(SummaryDue.form_id)
        .join(Form, Form.id == SummaryDue.form_id, isouter=True)
        .where(*_due_between(span.first, span.last), or_(SummaryDue.form_id.is_(None), _in_reach(reach)))
    )
    registers = [form_id is not None for (form_id,) in rows]
    counted_to, refreshed_at = (state.counted_to, state.refreshed_at) if state else (None, None)
    return Standing(counted_to, refreshed_at, sum(registers), len(registers) - sum(registers))
