"""Moving audit rows past their hot days to the archive: in batches, verified, one commit each.

workers.jobs and `flask audit archive` drive it: they commit after each step. It works inside all_schools().
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, ArchiveLease, ArchiveRun, AuditRow, RunStatus
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.errors import Conflict

AnySession = Session | scoped_session[Any]
HOT_DAYS = 90
LEASE = "audit"
LEASE_LIVES = timedelta(minutes=10)
CLOCKS_DIFFER_BY = timedelta(seconds=60)
HOT, COLD = cast(Table, AuditRow.__table__), cast(Table, ArchivedAuditRow.__table__)
COLUMNS = [column.name for column in HOT.columns]


class ArchiveBusy(Conflict):
    """Another run holds the lease."""


class LeaseLost(Conflict):
    """This run was stopped for so long that another has taken over; it changes nothing any more."""


class NotMoved(RuntimeError):
    """What was copied is not what was to be deleted; the batch is rolled back."""


class ClocksDiffer(RuntimeError):
    """The database's clock is not the application's, so that no cutoff can be trusted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How old a row has to be, and how much one run may do; `pause` is seconds between batches."""

    older_than: timedelta = timedelta(days=HOT_DAYS)
    batch: int = 5_000
    max_rows: int | None = None
    max_seconds: float | None = None
    pause: float = 0.0


@dataclass(slots=True)
class Run:
    """One run. The cutoff is fixed when it is made, in UTC."""

    session: AnySession
    limits: Limits
    started_by: str
    cutoff: datetime = field(init=False)
    moved: int = 0
    batches: int = 0
    by_school: dict[int | None, int] = field(default_factory=dict)
    _token: int = 0
    _run_id: int = 0
    _after_id: int = 0

    def __post_init__(self) -> None:
        self.cutoff = clock.now() - self.limits.older_than

    def waiting(self) -> int:
        """How many rows a run would move now."""
        statement = select(func.count()).select_from(HOT).where(HOT.c.created_at < self.cutoff)
        return int(self.session.scalar(statement) or 0)

    def steps(self) -> Iterator[int]:
        """Do the run: after each step, yielded as the rows it moved, the caller commits.

        Raises ArchiveBusy, LeaseLost, NotMoved or ClocksDiffer; the caller rolls back, and calls failed().
        """
        _compare_clocks(self.session)
        self._acquire()
        yield 0
        started = time.monotonic()
        while not self._is_over(started):
            moved = self._batch()
            if not moved:
                break
            yield moved
            if self.limits.pause:
                time.sleep(self.limits.pause)
        self._finish(RunStatus.DONE)
        yield 0

    def failed(self, error: Exception) -> None:
        """Write down how a run ended that was broken off; the caller has rolled back, and commits."""
        if self._run_id:
            self._finish(RunStatus.FAILED, error=f"{type(error).__name__}: {error}"[:1000])

    def _is_over(self, started: float) -> bool:
        limits = self.limits
        if limits.max_rows is not None and self.moved >= limits.max_rows:
            return True
        return limits.max_seconds is not None and time.monotonic() - started >= limits.max_seconds

    def _acquire(self) -> None:
        lease = self._lease()
        now = clock.now()
        if lease.holder is not None and lease.expires_at is not None and lease.expires_at > now:
            raise ArchiveBusy(f"{lease.holder} is archiving already. Wait until it has ended.")
        lease.token += 1
        lease.holder, lease.expires_at = self.started_by, now + LEASE_LIVES
        run = ArchiveRun(cutoff=self.cutoff, fencing_token=lease.token, started_by=self.started_by)
        self.session.add(run)
        self.session.flush()
        self._token, self._run_id = lease.token, run.id

    def _lease(self) -> ArchiveLease:
        statement = select(ArchiveLease).where(ArchiveLease.name == LEASE).with_for_update()
        found = self.session.scalar(statement.execution_options(populate_existing=True))
        if found is not None:
            return found
        try:
            with self.session.begin_nested():
                self.session.add(ArchiveLease(name=LEASE, token=0))
                self.session.flush()
        except IntegrityError:
            # Another first run wrote it a moment before; its row is locked now and read below.
            self.session.expire_all()
        return self.session.scalars(statement.execution_options(populate_existing=True)).one()

    def _hold(self) -> ArchiveLease:
        # Checked inside every batch's own transaction: a run that slept past its lease finds a newer token.
        lease = self._lease()
        if lease.token != self._token:
            raise LeaseLost("Another run has taken over; this one has stopped and changed nothing more.")
        lease.expires_at = clock.now() + LEASE_LIVES
        return lease

    def _batch(self) -> int:
        self._hold()
        size = self.limits.batch
        if self.limits.max_rows is not None:
            size = min(size, self.limits.max_rows - self.moved)
        rows = self.session.execute(
            select(HOT.c.id, HOT.c.created_at)
            .where(HOT.c.id > self._after_id, HOT.c.created_at < self.cutoff)
            .order_by(HOT.c.id)
            .limit(size)
        ).all()
        if not rows:
            return 0
        within = self._predicate(rows[0].id, rows[-1].id, [row.created_at for row in rows])
        by_school = self.session.execute(select(HOT.c.school_id, func.count()).where(within).group_by(HOT.c.school_id))
        counted = {school_id: int(number) for school_id, number in by_school}
        moved = self._move(within, sum(counted.values()))
        self._after_id = rows[-1].id
        self._count(moved, counted)
        return moved

    def _predicate(self, first: int, last: int, moments: list[datetime]) -> ColumnElement[bool]:
        # One predicate for copy, comparison and deletion; its dates let the server pass by other partitions.
        return and_(
            HOT.c.id.between(first, last),
            HOT.c.created_at < self.cutoff,
            HOT.c.created_at.between(min(moments), max(moments)),
        )

    def _move(self, within: ColumnElement[bool], counted: int) -> int:
        columns = [HOT.c[name] for name in COLUMNS]
        copied = _rows(self.session.execute(insert(COLD).from_select(COLUMNS, select(*columns).where(within))))
        equal = self._equal(within)
        deleted = _rows(self.session.execute(delete(HOT).where(within)))
        if not copied == equal == deleted == counted:
            raise NotMoved(f"{counted} counted, {copied} copied, {equal} equal, {deleted} deleted: rolled back.")
        return deleted

    def _equal(self, within: ColumnElement[bool]) -> int:
        same = [COLD.c[name].is_not_distinct_from(HOT.c[name]) for name in COLUMNS]
        statement = select(func.count()).select_from(HOT.join(COLD, and_(*same))).where(within)
        return int(self.session.scalar(statement) or 0)

    def _count(self, moved: int, counted: dict[int | None, int]) -> None:
        self.moved += moved
        self.batches += 1
        for school_id, number in counted.items():
            self.by_school[school_id] = self.by_school.get(school_id, 0) + number
        run = self.session.get_one(ArchiveRun, self._run_id)
        run.moved, run.batches = self.moved, self.batches

    def _finish(self, status: RunStatus, error: str | None = None) -> None:
        run = self.session.get_one(ArchiveRun, self._run_id)
        run.status, run.finished_at, run.error = status, clock.now(), error
        lease = self._lease()
        if lease.token == self._token:
            lease.holder = lease.expires_at = None
        for school_id, number in sorted(self.by_school.items(), key=lambda item: item[0] or 0):
            reason = f"{number} rows from before {self.cutoff:%Y-%m-%d %H:%M} UTC"
            record(self.session, Event.ROWS_ARCHIVED, reason=reason, school_id=school_id)
        self.session.flush()


def _rows(result: Any) -> int:
    return int(result.rowcount)


def _compare_clocks(session: AnySession) -> None:
    if session.get_bind().dialect.name == "sqlite":
        return
    there = session.scalar(select(func.utc_timestamp(6)))
    if not isinstance(there, datetime) or abs(there.replace(tzinfo=UTC) - clock.now()) > CLOCKS_DIFFER_BY:
        raise ClocksDiffer(f"The database says it is {there} UTC; set its clock, or this machine’s, before archiving.")


def runs(session: AnySession, limit: int = 20) -> list[ArchiveRun]:
    """The latest runs, newest first."""
    return list(
        session.scalars(select(ArchiveRun).order_by(ArchiveRun.started_at.desc(), ArchiveRun.id.desc()).limit(limit))
    )
