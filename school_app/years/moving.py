"""The run over a school year: its registers and marks go to the archive, or come back from it, some days at a time.

workers.jobs and `flask attendance` drive it: they commit after each step. It works inside all_schools(), past the audit
log, since rows that move are not changed. Killed anywhere, it has moved whole days; whoever comes next does the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, Row, Table, and_, func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.clocks import ClocksDiffer, compare_clocks
from school_app.archiving.columns import UnknownColumns, check_columns
from school_app.archiving.lease import ArchiveBusy, Lease, LeaseLost
from school_app.archiving.moving import Move, NotMoved, carry
from school_app.archiving.pace import Measure, Pace
from school_app.archiving.replicas import Replicas, ReplicasLag
from school_app.attendance.rows import ARCHIVED, LIVE, Tables
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.errors import Conflict, NotFound
from school_app.core.words import counted
from school_app.schools.context import CACHED_SECONDS
from school_app.schools.models import SchoolYear

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
BATCH = 10_000
# Until then some page may not know yet that the year is closed, and read the live tables alone.
KNOWN_AFTER = timedelta(seconds=CACHED_SECONDS + 30)
LOOK_EVERY_SECONDS = 1.0


class YearTurned(Conflict):
    """The year was closed or reopened meanwhile, so that its rows belong where they come from: another run does what
    is left, or nothing is."""


# With these a run ends on purpose; str() says why.
REFUSALS = (ArchiveBusy, LeaseLost, NotMoved, ClocksDiffer, UnknownColumns, ReplicasLag, YearTurned, NotFound)


@dataclass(frozen=True, slots=True)
class Days:
    """Some days of a year, both included, with how many registers and marks lay there when they were drawn."""

    first: date
    last: date
    rows: int


def lease_name(school_id: int) -> str:
    """The lease of the runs over one school's years."""
    return f"school-year-{school_id}"


def table_of(model: Any) -> Table:
    """A model's table, which the rows of a run are moved by."""
    return cast(Table, model.__table__)


class YearRun:
    """One run over one year: to the archive where it is closed, back where it is being reopened.

    `tell` is called with how far it is, in each of its transactions.
    """

    def __init__(
        self,
        session: AnySession,
        year_id: int,
        measure: Measure | None = None,
        *,
        started_by: str,
        batch: int = BATCH,
        replicas: Replicas | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.session, self.moved, self.expected, self.is_finished = session, 0, 0, False
        self._year_id, self._batch = year_id, batch
        self._year = self._found()
        self._lease = Lease(session, started_by, lease_name(self._year.school_id))
        self._pace = Pace(self._lease, replicas or Replicas(), measure or Measure(), moved=lambda: self.moved)
        self._tell = tell or (lambda said: None)

    @property
    def goes_back(self) -> bool:
        """Whether the rows are brought back, since the year is being reopened."""
        return self._year.reopening_since is not None

    def plan(self) -> int:
        """How many rows a run without limits would move now; nothing is written."""
        self.expected = sum(one.rows for one in self._drawn())
        return self.expected

    def steps(self) -> Iterator[int]:
        """Do the run: after each step, yielded as the rows it moved, the caller commits. Raises one of REFUSALS."""
        compare_clocks(self.session)
        self._lease.acquire()
        self._year = self._found()
        if self._year.closed_at is None:
            raise YearTurned(f"{self._year.name} is open, and its rows are where they belong.")
        yield 0
        for tables in (LIVE, ARCHIVED):
            for model in (tables.register, tables.mark):
                table = table_of(model)
                check_columns(self.session, table.columns.keys(), table)
        yield from self._until_it_is_known()
        self._pace.begin()
        self.plan()
        yield from self._in_batches()
        if not self._pace.is_over() or not self._drawn():
            self._finish()
        self._lease.release()
        yield 0

    def failed(self, error: Exception) -> None:
        """Let others in after a run was broken off; the caller has rolled back, and commits."""
        sentence = f"{type(error).__name__}: {error}"
        log.error("school_year_not_moved", year_id=self._year_id, moved=self.moved, error=sentence)
        self._lease.release()

    @property
    def _ways(self) -> tuple[Tables, Tables]:
        return (ARCHIVED, LIVE) if self.goes_back else (LIVE, ARCHIVED)

    def _found(self) -> Row[*tuple[Any, ...]]:
        """The year as it stands; nobody closes or reopens it until the transaction ends."""
        columns = ("id", "school_id", "name", "starts_on", "ends_on", "closed_at", "reopening_since")
        statement = select(*(getattr(SchoolYear, name) for name in columns)).where(SchoolYear.id == self._year_id)
        found = self.session.execute(statement.with_for_update(read=True)).first()
        if found is None:
            raise NotFound("school year")
        return found

    def _until_it_is_known(self) -> Iterator[int]:
        """Wait until every page knows that the year is closed, and so reads from both places."""
        while not self.goes_back and clock.now() < self._year.closed_at + KNOWN_AFTER:
            self._lease.hold()
            self._refuse_turned()
            self._tell("Waits until every page knows that the year is closed")
            yield 0
            time.sleep(LOOK_EVERY_SECONDS)

    def _in_batches(self) -> Iterator[int]:
        yield from self._replicas_heard()
        for days in self._drawn():
            if self._pace.is_over():
                return
            self._lease.hold()
            self._refuse_turned()
            rows = self._move(days)
            self.moved += rows
            self._tell(f"{self.moved:,} of {self.expected:,} rows moved")
            yield rows
            self._pace.rest()
            yield from self._replicas_heard()

    def _replicas_heard(self) -> Iterator[int]:
        for lagging, _ in self._pace.heard():
            self._lease.hold()
            self._tell(f"Waits for {lagging}" if lagging else "Goes on")
            yield 0

    def _refuse_turned(self) -> None:
        now = self._found()
        if (now.closed_at, now.reopening_since) != (self._year.closed_at, self._year.reopening_since):
            raise YearTurned(f"{self._year.name} was closed or reopened meanwhile; this run has stopped.")

    def _drawn(self) -> Sequence[Days]:
        """The days of the year on which rows are to be moved, put together to batches."""
        source, _ = self._ways
        rows: dict[date, int] = {}
        for model in (source.register, source.mark):
            table = table_of(model)
            by_day = select(table.c.date, func.count()).where(self._within(table)).group_by(table.c.date)
            for on, number in self.session.execute(by_day):
                rows[on] = rows.get(on, 0) + int(number)
        batches: list[Days] = []
        for on in sorted(rows):
            if batches and batches[-1].rows + rows[on] <= self._batch:
                batches[-1] = Days(batches[-1].first, on, batches[-1].rows + rows[on])
            else:
                batches.append(Days(on, on, rows[on]))
        return batches

    def _within(self, table: Table, days: Days | None = None) -> ColumnElement[bool]:
        first, last = (days.first, days.last) if days else (self._year.starts_on, self._year.ends_on)
        return and_(table.c.school_id == self._year.school_id, table.c.date.between(first, last))

    def _move(self, days: Days) -> int:
        """Move the rows of some days, and count them. Raises NotMoved."""
        source, target = self._ways
        moves = []
        for here, there in ((source.register, target.register), (source.mark, target.mark)):
            table, within = table_of(here), self._within(table_of(here), days)
            rows = int(self.session.scalar(select(func.count()).select_from(table).where(within)) or 0)
            moves.append(Move(table, table_of(there), table.columns.keys(), within, rows))
        carry(self.session, *moves)
        return sum(one.rows for one in moves)

    def _finish(self) -> None:
        """Write down that the year's rows are where they belong; what came late would be found here."""
        self._lease.hold()
        year = self.session.get_one(SchoolYear, self._year_id, with_for_update=True, populate_existing=True)
        if left := sum(one.rows for one in self._drawn()):
            raise NotMoved(f"{counted(left, 'row')} of {year.name} came while the others were moved; run it again.")
        self.is_finished = True
        if year.moved_at is not None and not self.goes_back:
            return
        if self.goes_back:
            year.closed_at = year.closed_by = year.moved_at = year.reopening_since = None
        else:
            year.moved_at = clock.now()
        where = "brought back" if year.closed_at is None else "moved to the archive"
        reason = f"{counted(self.moved, 'row')} of registers and marks {where} by this run"
        record(self.session, Event.YEAR_MOVED, year, reason=reason, school_id=year.school_id)
