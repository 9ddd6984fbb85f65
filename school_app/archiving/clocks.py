"""Whether the database's clock can be trusted: a cutoff is the application's time beside the database's moments.

Every run that moves rows asks before it begins.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock

CLOCKS_DIFFER_BY = timedelta(seconds=60)


class ClocksDiffer(RuntimeError):
    """The database's clock is not the application's, so that no cutoff can be trusted."""


def compare_clocks(session: Session | scoped_session[Any]) -> None:
    """Raise ClocksDiffer where the two are more than a minute apart. SQLite has no clock of its own."""
    if session.get_bind().dialect.name == "sqlite":
        return
    there = session.scalar(select(func.utc_timestamp(6)))
    if not isinstance(there, datetime) or abs(there.replace(tzinfo=UTC) - clock.now()) > CLOCKS_DIFFER_BY:
        raise ClocksDiffer(f"The database says it is {there} UTC; set its clock, or this machine’s, before archiving.")
