"""Closing and reopening a school year: what is decided here at once, and what moves the year's rows afterwards.

Routes and commands call it and commit; then they forget the kept row of the school, and have years.moving do the rest.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.attendance.models import AttendanceMark, Register
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.errors import Conflict, NotFound
from school_app.core.words import counted, full_day
from school_app.schools.models import SchoolYear
from school_app.years.queries import unanswered

AnySession = Session | scoped_session[Any]
LEAST_REASON, REASON_LENGTH = 3, 300


class InvalidClosing(Conflict):
    """The year cannot be closed or reopened; str() says why, and what to do."""


def close(session: AnySession, year_id: int, *, by: str, today: date) -> SchoolYear:
    """Close a school year that is over: from the commit on its registers can be read, and not be changed.

    Whoever changes a register of it in this moment is waited for. Raises InvalidClosing or NotFound.
    """
    year = _locked(session, year_id)
    _refuse_unless_closable(session, year, today)
    left = unanswered(session, year)
    year.closed_at, year.closed_by, year.moved_at = clock.now(), by, None
    record(session, Event.YEAR_CLOSED, year, reason="; ".join(left) or "nothing was unanswered")
    return year


def reopen(session: AnySession, year_id: int, *, reason: str) -> SchoolYear:
    """Have the rows of a closed year brought back; when the last one is there, the year is open again.

    Raises InvalidClosing or NotFound.
    """
    year = _locked(session, year_id)
    if year.closed_at is None:
        raise InvalidClosing(f"{year.name} is not closed.")
    if year.reopening_since is not None:
        raise InvalidClosing(f"{year.name} is being reopened already.")
    reason = reason.strip()
    if not LEAST_REASON <= len(reason) <= REASON_LENGTH:
        raise InvalidClosing(f"Why: say in {LEAST_REASON} to {REASON_LENGTH} characters why {year.name} is reopened.")
    year.reopening_since = clock.now()
    record(session, Event.YEAR_REOPENED, year, reason=reason)
    return year


def _locked(session: AnySession, year_id: int) -> SchoolYear:
    statement = select(SchoolYear).where(SchoolYear.id == year_id).with_for_update()
    year = session.scalar(statement, execution_options={"populate_existing": True})
    if year is None:
        raise NotFound("school year")
    return year


def _refuse_unless_closable(session: AnySession, year: SchoolYear, today: date) -> None:
    if year.reopening_since is not None:
        raise InvalidClosing(f"{year.name} is being reopened. Close it again when its registers are back.")
    if year.closed_at is not None:
        raise InvalidClosing(f"{year.name} is closed already.")
    if year.ends_on >= today:
        raise InvalidClosing(f"{year.name} ends on {full_day(year.ends_on)}, and can be closed from the day after it.")
    others = select(SchoolYear.name).where(
        SchoolYear.id != year.id, SchoolYear.starts_on <= year.ends_on, SchoolYear.ends_on >= year.starts_on
    )
    if other := session.scalars(others.order_by(SchoolYear.starts_on).limit(1)).first():
        raise InvalidClosing(
            f"{year.name} and {other} share days, so that it is not clear which registers would be closed. "
            "Correct the days of the years in the roster, and bring it in."
        )
    if astray := _marks_astray(session, year):
        raise InvalidClosing(
            f"{counted(astray, 'mark')} of {year.name} stand in a register of another day, which no page and no file "
            "makes. Ask the platform’s operator to look at them."
        )


def _marks_astray(session: AnySession, year: SchoolYear) -> int:
    """Marks in a register of another day, where either is of the year: one would go without the other.

    Two statements, as each finds its rows by the days of one table.
    """
    days = (year.starts_on, year.ends_on)
    of_year = AttendanceMark.date.between(*days)
    statement = (
        select(func.count())
        .select_from(AttendanceMark)
        .join(Register, Register.id == AttendanceMark.register_id)
        .where(Register.date != AttendanceMark.date)
    )
    each = (statement.where(of_year), statement.where(Register.date.between(*days), ~of_year))
    return sum(int(session.scalar(one) or 0) for one in each)
