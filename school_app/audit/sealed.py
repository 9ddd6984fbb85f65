"""What an archive run asks of the seals: up to which row it may move, and whether days are as they were sealed.

audit.archive uses it, inside all_schools().
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit import seals
from school_app.audit.differences import differences_in
from school_app.audit.models import AuditSeal
from school_app.audit.sources import Tables

AnySession = Session | scoped_session[Any]
# What is compared with its seals at once, a step of a run with the lease renewed after it: so many days, and no more of
# them than hold so many sealed rows, though one day in any case.
DAYS_AT_ONCE, ROWS_AT_ONCE = 62, 50_000
MOST_TOLD = 3


class SealsDiffer(RuntimeError):
    """Rows are not as they were sealed; nothing of their days is moved until somebody has looked."""


class Sealed:
    """The seals as one run sees them. Where nothing was ever sealed they ask for nothing."""

    def __init__(self, session: AnySession) -> None:
        self._session = session
        self.up_to_id: int | None = None
        self._checked: set[date] = set()
        self._tables = Tables(session)

    def look(self) -> None:
        """Ask up to which row the log is sealed; it stays that row for the whole run."""
        self.up_to_id = seals.sealed_up_to(self._session) or None

    def holds(self, last_id: int) -> bool:
        """Whether rows up to this one may move."""
        return self.up_to_id is None or last_id <= self.up_to_id

    def is_checked(self, first: datetime, last: datetime) -> bool:
        """Whether nothing is left to compare for the days between two moments."""
        return self.up_to_id is None or set(_days(first.date(), last.date())) <= self._checked

    def check(self, first: datetime, last: datetime) -> None:
        """Compare some days from `first` on, no later than `last`'s, with their seals. Raises SealsDiffer.

        It may be asked for more days than those of the rows to be moved next: many at once cost less than each alone.
        """
        open_days = [day for day in _days(first.date(), last.date()) if day not in self._checked]
        until = self._enough(open_days[0], last.date())
        found = [one for one in differences_in(self._session, self._tables, open_days[0], until) if not one.is_warning]
        if found:
            raise SealsDiffer("; ".join(str(one) for one in found[:MOST_TOLD]))
        self._checked.update(_days(open_days[0], until))

    def _enough(self, first: date, last: date) -> date:
        """The last of the days that are compared at once."""
        last = min(last, first + timedelta(days=DAYS_AT_ONCE - 1))
        statement = select(AuditSeal.day, func.sum(AuditSeal.rows)).where(AuditSeal.day.between(first, last))
        rows = 0
        for day, more in self._session.execute(statement.group_by(AuditSeal.day).order_by(AuditSeal.day)):
            rows += int(more)
            if rows > ROWS_AT_ONCE:
                return max(first, day - timedelta(days=1))
        return last


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
