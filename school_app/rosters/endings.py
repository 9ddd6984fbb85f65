"""The end of what a roster gave and lists no longer: dated, so that the history stays.

rosters.places, rosters.duties and rosters.leavers use it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from school_app.rosters.roster import Roster


def end_unlisted(roster: Roster, model: Any, listed: Collection[int]) -> None:
    """End the rows of a dated table that came from a roster and are not among `listed`, by their own ids."""
    rows = roster.session.scalars(select(model).where(model.sourced_id.is_not(None), holds_from(model, roster)))
    end_all(roster, [one for one in rows if one.id not in listed])


def end_all(roster: Roster, rows: Collection[Any]) -> None:
    """Give dated rows the day before today as their last. What was only to begin is taken away: it never held."""
    yesterday = roster.target.today - timedelta(days=1)
    for one in rows:
        if one.starts_on > yesterday:
            roster.session.delete(one)
        else:
            one.ends_on = yesterday
        roster.counts.note("ended", one.__tablename__)
    roster.session.flush()


def holds_from(model: Any, roster: Roster) -> ColumnElement[bool]:
    """The condition that a dated row holds today or on a day to come."""
    today: date = roster.target.today
    return or_(model.ends_on.is_(None), model.ends_on >= today)


def later(one: date | None, other: date | None) -> date | None:
    """The later of two last days; None, until further notice, is the latest."""
    return None if one is None or other is None else max(one, other)
