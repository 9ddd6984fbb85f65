"""School years as their page shows them: which are closed, where their rows lie, and what is unanswered in one.

years/ uses it. It reads the session's school.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.models import Alert, AlertStatus
from school_app.attendance.models import Register, RegisterState
from school_app.attendance.rows import ARCHIVED, LIVE, Tables
from school_app.core.errors import NotFound
from school_app.core.words import counted
from school_app.rosters.models import Import, ImportKind
from school_app.schools.models import SchoolYear
from school_app.schools.queries import school_years
from school_app.summaries.models import FormDay
from school_app.summaries.queries import due_spans

AnySession = Session | scoped_session[Any]


class YearState(enum.StrEnum):
    """How a school year stands; its rows are on their way while it is closing or reopening."""

    UNDER_WAY = "under way"
    OVER = "over"
    CLOSING = "closing"
    CLOSED = "closed"
    REOPENING = "reopening"


@dataclass(frozen=True, slots=True)
class Rows:
    """How many registers and marks of a year lie in one place."""

    registers: int
    marks: int

    @property
    def together(self) -> int:
        """All of them."""
        return self.registers + self.marks

    def __str__(self) -> str:
        return f"{counted(self.registers, 'register')} and {counted(self.marks, 'mark')}"


@dataclass(frozen=True, slots=True)
class YearShown:
    """A school year; `waiting` are the rows that are still to be moved, None where none are on their way."""

    year: SchoolYear
    state: YearState
    waiting: Rows | None


def state_of(year: SchoolYear, today: date) -> YearState:
    """How a school year stands on a day."""
    if year.reopening_since is not None:
        return YearState.REOPENING
    if year.closed_at is not None:
        return YearState.CLOSING if year.moved_at is None else YearState.CLOSED
    return YearState.UNDER_WAY if year.ends_on >= today else YearState.OVER


def years_shown(session: AnySession, today: date) -> list[YearShown]:
    """Every school year, the latest first; two statements more for each whose rows are on their way."""
    return [_shown(session, year, today) for year in reversed(school_years(session))]


def year_shown(session: AnySession, year_id: int, today: date) -> YearShown:
    """One school year. Raises NotFound."""
    year = session.get(SchoolYear, year_id)
    if year is None:
        raise NotFound("school year")
    return _shown(session, year, today)


def _shown(session: AnySession, year: SchoolYear, today: date) -> YearShown:
    state = state_of(year, today)
    places = {YearState.CLOSING: LIVE, YearState.REOPENING: ARCHIVED}
    return YearShown(year, state, rows_in(session, places[state], year) if state in places else None)


def years_on_their_way(session: AnySession) -> list[tuple[int, int]]:
    """The ids of the years whose rows are not where they belong, each with its school's. It sees all schools."""
    waits = or_(SchoolYear.moved_at.is_(None), SchoolYear.reopening_since.is_not(None))
    rows = session.execute(select(SchoolYear.id, SchoolYear.school_id).where(SchoolYear.closed_at.is_not(None), waits))
    return [(id_, school_id) for id_, school_id in rows]


def rows_in(session: AnySession, tables: Tables, year: SchoolYear) -> Rows:
    """How many rows of a year lie in one place."""
    numbers = [
        session.scalar(select(func.count()).select_from(one).where(one.date.between(year.starts_on, year.ends_on)))
        for one in (tables.register, tables.mark)
    ]
    return Rows(*(int(number or 0) for number in numbers))


def unanswered(session: AnySession, year: SchoolYear) -> list[str]:
    """What of a year still waits for somebody, in words, before it is closed: five statements."""
    return [f"{counted(number, one)} {rest}" for number, one, rest in _waiting(session, year) if number]


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _waiting(session: AnySession, year: SchoolYear) -> Iterator[tuple[int, str, str]]:
    within = (year.starts_on, year.ends_on)
    missing = select(func.sum(FormDay.registers_missing)).where(FormDay.date.between(*within))
    yield int(session.scalar(missing) or 0), "register", "not taken: these sessions stay unknown"
    back = select(func.count(Register.id)).where(
        Register.date.between(*within), Register.state == RegisterState.NOT_TAKEN
    )
    yield int(session.scalar(back) or 0), "register", "taken back, and not taken anew"
    due = due_spans(session, *within)
    uncounted = len({on for begin, end in due for on in _days(max(begin, within[0]), min(end, within[1]))})
    yield uncounted, "day", "whose figures are still to be counted anew"
    opened = select(func.count(Alert.id)).where(Alert.status == AlertStatus.OPEN, Alert.alert_date.between(*within))
    yield int(session.scalar(opened) or 0), "alert", "that nobody has answered"
    files = select(func.count(Import.id)).where(
        Import.kind == ImportKind.ATTENDANCE,
        Import.stored_as.is_not(None),
        or_(Import.first_day.is_(None), Import.first_day <= year.ends_on),
    )
    yield int(session.scalar(files) or 0), "file", "of attendance that waits under “Imports”"
