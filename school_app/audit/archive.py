"""The archive run: rows past their hot days move to the archive, whole years by exchange, the rest in batches.

workers.jobs and `flask audit archive` drive it: they commit after each step. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.clocks import ClocksDiffer, compare_clocks
from school_app.archiving.columns import UnknownColumns, check_columns
from school_app.archiving.lease import ArchiveBusy, Lease, LeaseLost
from school_app.archiving.moving import NotMoved
from school_app.archiving.pace import Measure, Pace
from school_app.archiving.replicas import Replicas, ReplicasLag
from school_app.archiving.years import Partition
from school_app.audit.batches import ARCHIVE, HOT, STAGED, Eligible, move, next_batch
from school_app.audit.digests import COLUMNS
from school_app.audit.exchange import Contents, Exchange, NotExchanged
from school_app.audit.models import RunStatus
from school_app.audit.runs import BATCHES, EXCHANGE, RunRecord
from school_app.audit.sealed import Sealed, SealsDiffer
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
HOT_DAYS = 90
BATCH = 10_000
TRIES = 3

# With these a run ends on purpose; str() says why.
REFUSALS = (ArchiveBusy, LeaseLost, NotMoved, SealsDiffer, ClocksDiffer, UnknownColumns, ReplicasLag)
# Of these, what a later run may not meet again.
PASSING = (ArchiveBusy, LeaseLost, NotMoved, ClocksDiffer, ReplicasLag)


@dataclass(frozen=True, slots=True)
class Limits:
    """How old a row has to be, and how much one run may do; `pause` is seconds between batches.

    A partition of fewer rows than `exchange_from` goes in batches, so that nobody waits for a change of the table.
    """

    older_than: timedelta = timedelta(days=HOT_DAYS)
    batch: int = BATCH
    exchange_from: int = 2 * BATCH
    max_rows: int | None = None
    max_seconds: float | None = None
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Portion:
    """What a run would move by one method: a partition by exchange, or all else in batches."""

    method: str
    what: str
    rows: int


class Run:
    """One run. The cutoff is fixed when it is made, in UTC.

    Years are exchanged where the session is bound to a server's engine, not to one open connection.
    """

    def __init__(
        self,
        session: AnySession,
        limits: Limits,
        started_by: str,
        *,
        cutoff: datetime | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        self.session, self.limits, self.started_by = session, limits, started_by
        self.cutoff = cutoff or clock.now() - limits.older_than
        self.record = RunRecord(session, self.cutoff)
        self._lease = Lease(session, started_by)
        measure = Measure(limits.max_rows, limits.max_seconds, limits.pause)
        self._pace = Pace(self._lease, replicas or Replicas(), measure, moved=lambda: self.moved)
        bind = session.get_bind()
        engine = bind if isinstance(bind, Engine) and bind.dialect.name != "sqlite" else None
        self._sealed = Sealed(session, engine)
        self._exchange = None if engine is None else Exchange(engine, self._lease)

    @property
    def moved(self) -> int:
        """How many rows are in the archive that were not there before."""
        return self.record.moved

    @property
    def batches(self) -> int:
        """In how many goes they were moved."""
        return self.record.batches

    def plan(self) -> list[Portion]:
        """What a run without limits would move now, and how; nothing is written. The run's record keeps the sum."""
        eligible = (Eligible(HOT, self.cutoff), Eligible(STAGED))
        counts = (select(func.count()).select_from(one.source).where(one.where(one.source)) for one in eligible)
        rest = sum(int(self.session.scalar(statement) or 0) for statement in counts)
        years = [(year, contents) for year, contents in self._whole_years() if not contents.without_day]
        portions = [Portion(EXCHANGE, year.name, contents.rows) for year, contents in years]
        self.record.expected = self._pace.allowed(rest)
        return [*portions, Portion(BATCHES, "the rest", rest - sum(one.rows for one in portions))]

    def steps(self) -> Iterator[int]:
        """Do the run: after each step, yielded as the rows it moved, the caller commits.

        Raises one of REFUSALS, or what the server says; the caller rolls back, and calls failed().
        """
        try:
            yield from self._all_steps()
        finally:
            self._sealed.close()

    def _all_steps(self) -> Iterator[int]:
        compare_clocks(self.session)
        self._lease.acquire()
        self.record.begin(self._lease)
        self._pace.begin()
        yield 0
        check_columns(self.session, COLUMNS, HOT, STAGED, ARCHIVE)
        self._sealed.look()
        # What is written from here on is for the next run, however old it says it is: so every run comes to an end.
        up_to_id = self._sealed.up_to_id or self.session.scalar(select(func.max(HOT.c.id))) or 0
        yield 0
        yield from self._staged()
        yield from self._years()
        yield from self._in_batches(Eligible(HOT, self.cutoff, up_to_id))
        self._end(RunStatus.DONE)
        yield 0

    def failed(self, error: Exception) -> None:
        """Write down how a run ended that was broken off; the caller has rolled back, and commits."""
        sentence = f"{type(error).__name__}: {error}"
        if self.record.run_id:
            self.record.recall()
        log.critical("audit_archive_failed", run_id=self.record.run_id, moved=self.moved, error=sentence)
        if self.record.run_id:
            self.record.notes.append(sentence)
            self._end(RunStatus.FAILED)

    def _end(self, status: RunStatus) -> None:
        # What a run did that slept past its lease, its successor has told.
        self.record.end(status, tell=self._lease.release())

    def _whole_years(self) -> Iterator[tuple[Partition, Contents]]:
        """The live partitions of which every row is old enough, and what they hold; those with few are left out."""
        if self._exchange is None:
            return
        for year in self._exchange.over(self.cutoff):
            contents = self._exchange.contents(HOT, year.name)
            if contents is not None and contents.rows >= self.limits.exchange_from:
                yield year, contents

    def _years(self) -> Iterator[int]:
        """Exchange the years that are over; what a server refuses is left to the batches, and noted."""
        for year, contents in self._whole_years():
            yield from self._replicas_heard()
            if self._pace.is_over() or self._pace.allowed(contents.rows) < contents.rows:
                continue
            if not self._sealed.holds(contents.last_id):
                self.record.notes.append(f"{year.name} was not exchanged: not all of it is sealed")
                continue
            if contents.without_day:
                rows = counted(contents.without_day, "row")
                self.record.notes.append(f"{year.name} was not exchanged: “flask audit verify” tells {rows} on no day")
                continue
            yield from self._checked(contents.earliest, contents.latest)
            try:
                self._exchanges.take_out(year)
            except NotExchanged as refused:
                self.record.notes.append(f"{year.name} was not exchanged: {refused}")
            yield from self._staged()

    def _staged(self) -> Iterator[int]:
        """Bring what lies in the staging table to the archive, whether this run put it there or one that was killed."""
        contents = None if self._exchange is None else self._exchanges.contents(STAGED)
        if contents is not None:
            try:
                self._exchanges.bring_in(contents)
            except NotExchanged as refused:
                self.record.notes.append(f"The staging table was not exchanged: {refused}")
            else:
                self._lease.hold()
                yield self.record.count(EXCHANGE, contents.by_school)
                return
        yield from self._in_batches(Eligible(STAGED))

    @property
    def _exchanges(self) -> Exchange:
        if self._exchange is None or (isinstance(self.session, Session) and self.session.in_transaction()):
            raise RuntimeError("Partitions are exchanged between transactions: commit after each step.")
        return self._exchange

    def _in_batches(self, eligible: Eligible) -> Iterator[int]:
        after_id, tries = 0, 0
        yield from self._replicas_heard()
        while not self._pace.is_over():
            self._lease.hold()
            batch = next_batch(self.session, eligible, after_id=after_id, size=self._pace.allowed(self.limits.batch))
            if batch is None:
                break
            if eligible.source is HOT and not self._sealed.is_checked(batch.earliest, batch.latest):
                yield from self._checked(batch.earliest, batch.latest, ahead=self.cutoff)
                continue
            try:
                move(self.session, batch, compare=eligible.source is STAGED or self._sealed.up_to_id is None)
            except NotMoved:
                # A row came late among them: the batch is drawn anew, with it.
                tries += 1
                if tries == TRIES:
                    raise
                continue
            after_id, tries = batch.last_id, 0
            yield self.record.count(BATCHES, batch.by_school)
            self._pace.rest()
            yield from self._replicas_heard()
        yield 0

    def _replicas_heard(self) -> Iterator[int]:
        """Wait until no replica is far behind what was committed last. Raises ReplicasLag."""
        for lagging, seconds in self._pace.heard():
            self._lease.hold()
            self.record.wait(lagging, seconds)
            yield 0

    def _checked(self, first: datetime, last: datetime, *, ahead: datetime | None = None) -> Iterator[int]:
        """Compare the days between two moments with their seals, some in each step, and while at it those ahead."""
        while not self._sealed.is_checked(first, last):
            self._lease.hold()
            self._sealed.check(first, last, ahead=ahead or last)
            yield 0
