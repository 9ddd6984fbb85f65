"""Closed school years: what lies in one can be read, and not be changed.

Whatever changes registers or days of the calendar asks here first, in the transaction of its change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.errors import Conflict
from school_app.schools.models import SchoolYear

AnySession = Session | scoped_session[Any]
Years = Sequence[Row[*tuple[Any, ...]]]


class YearClosed(Conflict):
    """A day lies in a closed school year; str() names the year, and what to do."""


def refuse_closed(session: AnySession, first: date, last: date) -> None:
    """Raise YearClosed where a day from `first` to `last` lies in a closed year.

    Until the transaction ends no year of these days can be closed, so that what is written in it is closed with it.
    """
    for year in locked_years(session, first, last):
        if year.closed_at is not None:
            raise YearClosed(closed_sentence(year.name))


def locked_years(session: AnySession, first: date | None = None, last: date | None = None) -> Years:
    """The years that days from one to another (None: any) lie in, which nobody closes until the transaction ends."""
    years = select(
        *(SchoolYear.id, SchoolYear.sourced_id, SchoolYear.name),
        *(SchoolYear.starts_on, SchoolYear.ends_on, SchoolYear.closed_at),
    )
    if last is not None:
        years = years.where(SchoolYear.starts_on <= last)
    if first is not None:
        years = years.where(SchoolYear.ends_on >= first)
    return session.execute(years.order_by(SchoolYear.starts_on, SchoolYear.id).with_for_update(read=True)).all()


def closed_year_on(session: AnySession, on: date) -> str | None:
    """The name of the closed year in which a day lies; None where it lies in none."""
    closed = select(SchoolYear.name).where(
        SchoolYear.starts_on <= on, SchoolYear.ends_on >= on, SchoolYear.closed_at.is_not(None)
    )
    return session.scalars(closed.order_by(SchoolYear.starts_on).limit(1)).first()


def closed_sentence(name: str) -> str:
    """What is said where somebody would change what lies in a closed year."""
    return (
        f"The school year {name} is closed: its registers and its calendar can be read, and not be changed. "
        "An admin can reopen it under “Set-up”, “School years”."
    )
