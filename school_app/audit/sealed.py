"""What an archive run asks of the seals: up to which row it may move, and whether days are as they were sealed.

audit.archive uses it, inside all_schools(). Days that the run will come to are compared on a connection of their own
meanwhile: the comparison takes the server about a seventh of the time that it takes to move the rows.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit import seals
from school_app.audit.differences import differences_in
from school_app.audit.models import AuditSeal
from school_app.audit.sources import Tables
from school_app.core.db import OwnSession, db
from school_app.core.tenancy import all_schools

AnySession = Session | scoped_session[Any]
# What is compared with its seals at once, a step of a run with the lease renewed after it: so many days, and no more of
# them than hold so many sealed rows, though one day in any case.
DAYS_AT_ONCE, ROWS_AT_ONCE = 62, 50_000
# Fewer rows than these are not worth another connection.
AHEAD_FROM = 10_000
MOST_TOLD = 3


class SealsDiffer(RuntimeError):
    """Rows are not as they were sealed; nothing of their days is moved until somebody has looked."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days that are compared at once, both ends among them, and how many rows were sealed of them."""

    first: date
    last: date
    rows: int


class Sealed:
    """The seals as one run sees them. Where nothing was ever sealed they ask for nothing.

    `engine` is where days are compared ahead, on a second connection; None compares each when it is asked for.
    """

    def __init__(self, session: AnySession, engine: Engine | None = None) -> None:
        self._session = session
        self.up_to_id: int | None = None
        self._checked: set[date] = set()
        self._tables = Tables(session)
        self._beside = None if engine is None else _Beside(engine)
        self._ahead: tuple[Days, Future[None]] | None = None

    def look(self) -> None:
        """Ask up to which row the log is sealed; it stays that row for the whole run."""
        self.up_to_id = seals.sealed_up_to(self._session) or None

    def holds(self, last_id: int) -> bool:
        """Whether rows up to this one may move."""
        return self.up_to_id is None or last_id <= self.up_to_id

    def is_checked(self, first: datetime, last: datetime) -> bool:
        """Whether nothing is left to compare for the days between two moments."""
        return self.up_to_id is None or not self._unchecked(first, last)

    def check(self, first: datetime, last: datetime, *, ahead: datetime) -> None:
        """Compare some of the days between two moments with their seals. Raises SealsDiffer.

        It goes on to days up to `ahead`, beside whatever is done until it is asked again: many days at once cost less
        than each alone.
        """
        self._collect()
        missing = self._unchecked(first, last)
        now = self._enough(missing[0], ahead.date()) if missing else None
        self._begin_ahead(now.last if now else last.date(), ahead.date())
        if now:
            _compare(self._session, self._tables, now)
            self._checked.update(_days(now.first, now.last))

    def close(self) -> None:
        """Wait for what is compared ahead. Nothing of its days was moved, so that what it finds is for the next run."""
        if self._beside is not None:
            self._beside.close()

    def _unchecked(self, first: datetime, last: datetime) -> list[date]:
        return [day for day in _days(first.date(), last.date()) if day not in self._checked]

    def _collect(self) -> None:
        if self._ahead is not None:
            (days, compared), self._ahead = self._ahead, None
            compared.result()
            self._checked.update(_days(days.first, days.last))

    def _begin_ahead(self, after: date, until: date) -> None:
        missing = [day for day in _days(after, until) if day > after and day not in self._checked]
        if self._beside is None or not missing:
            return
        days = self._enough(missing[0], until)
        if days.rows >= AHEAD_FROM:
            self._ahead = days, self._beside.begin(days)

    def _enough(self, first: date, last: date) -> Days:
        """The days that are compared at once."""
        last = min(last, first + timedelta(days=DAYS_AT_ONCE - 1))
        statement = select(AuditSeal.day, func.sum(AuditSeal.rows)).where(AuditSeal.day.between(first, last))
        rows = 0
        for day, more in self._session.execute(statement.group_by(AuditSeal.day).order_by(AuditSeal.day)):
            if rows + int(more) > ROWS_AT_ONCE and day > first:
                return Days(first, day - timedelta(days=1), rows)
            rows += int(more)
        return Days(first, last, rows)


class _Beside:
    """Compares days on a connection of its own. It reads only, so it needs no lease."""

    def __init__(self, engine: Engine) -> None:
        self._session = OwnSession(db, bind=engine)
        self._tables = Tables(self._session)
        self._thread = ThreadPoolExecutor(max_workers=1)

    def begin(self, days: Days) -> Future[None]:
        """Begin to compare; the result is None, or the error, once it is known."""
        return self._thread.submit(self._compare, days)

    def close(self) -> None:
        """Let what was begun come to its end."""
        self._thread.shutdown()
        self._session.close()

    def _compare(self, days: Days) -> None:
        try:
            with all_schools(self._session):
                _compare(self._session, self._tables, days)
        finally:
            self._session.rollback()


def _compare(session: AnySession, tables: Tables, days: Days) -> None:
    found = [one for one in differences_in(session, tables, days.first, days.last) if not one.is_warning]
    if found:
        raise SealsDiffer("; ".join(str(one) for one in found[:MOST_TOLD]))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
