"""The record of runs that take rows from where they lie: when each ran, what it moved, by which method, how it ended.

The archive run, cooling and destruction write it; commands and operators' pages read it, inside all_schools(). It never
commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.lease import Lease
from school_app.audit.events import Event
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.partitions import bytes_a_row
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.acting import acting
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
UNSYNCHRONIZED = {"synchronize_session": False}
LONGEST_ERROR, LONGEST_NAME = 1000, 200
BATCHES, EXCHANGE = "batches", "exchange"
COLD, DESTRUCTION = "cold", "destruction"
# What these did was put on record file by file.
OF_FILES = (COLD, DESTRUCTION)


def begin(lease: Lease, cutoff: datetime, *, method: str, expected: int | None = None) -> ArchiveRun:
    """Write the row of a run that holds the lease, after ending those that were killed.

    `expected` is how many rows it sets out to move, None where it does not know.
    """
    stop_killed(lease.session)
    run = ArchiveRun(
        cutoff=cutoff,
        fencing_token=lease.token,
        started_by=lease.holder,
        job_id=acting(lease.session).job_id,
        method=method,
        expected=expected,
    )
    lease.session.add(run)
    lease.session.flush()
    return run


def stop_killed(session: AnySession) -> None:
    """Write down how killed runs ended: all that say that they are running, as only the holder of the lease asks."""
    running = select(ArchiveRun.id, ArchiveRun.moved, ArchiveRun.method, ArchiveRun.cutoff)
    for run_id, moved, method, cutoff in session.execute(running.where(ArchiveRun.status == RunStatus.RUNNING)).all():
        if moved and method not in OF_FILES:
            # How many of them were whose is no longer known.
            _tell(session, None, f"{counted(moved, 'row')}, by a run that was broken off,", cutoff)
        after = f" after {counted(moved, 'row')}" if moved else ""
        end(session, run_id, RunStatus.STOPPED, f"It was broken off{after}; the next one goes on.")


def end(session: AnySession, run_id: int, status: RunStatus, error: str) -> None:
    """Write down how a run ended; one that failed before its first commit has no row."""
    kept = error[:LONGEST_ERROR] or None
    write(session, run_id, status=status, finished_at=clock.now(), error=kept, waits_for=None)


def write(session: AnySession, run_id: int, **values: Any) -> None:
    """Write to a run's row how far it is: columns of ArchiveRun."""
    own = update(ArchiveRun).where(ArchiveRun.id == run_id)
    session.execute(own.values(values), execution_options=UNSYNCHRONIZED)


@dataclass(slots=True)
class RunRecord:
    """What one archive run has done so far, and the row that says it."""

    session: AnySession
    cutoff: datetime
    run_id: int = 0
    moved: int = 0
    batches: int = 0
    methods: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    by_school: dict[int | None, int] = field(default_factory=dict)
    expected: int | None = None
    waited: float = 0.0
    waits_for: str | None = None
    _bytes_a_row: int = 0
    _latest: Mapping[int | None, int] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """By which methods rows were moved; empty before any were."""
        return ", ".join(self.methods)

    def begin(self, lease: Lease) -> None:
        """Write the row of a run that holds the lease."""
        self.run_id = begin(lease, self.cutoff, method="", expected=self.expected).id
        self._bytes_a_row = bytes_a_row(self.session)

    def count(self, method: str, by_school: Mapping[int | None, int]) -> int:
        """Add what has just been moved, in the transaction that moved it; returns how many rows that is."""
        rows = sum(by_school.values())
        self._latest = by_school
        self.batches += method == BATCHES
        if method not in self.methods:
            self.methods.append(method)
        self._add(by_school, 1)
        self._write(
            moved=self.moved,
            batches=self.batches,
            bytes=self.moved * self._bytes_a_row,
            method=self.method,
        )
        return rows

    def wait(self, waits_for: str | None, seconds: float) -> None:
        """Say that the run waits for a replica, and for how long it has in all; None where it goes on."""
        self.waits_for, self.waited = waits_for, self.waited + seconds
        self._write(waits_for=waits_for and waits_for[:LONGEST_NAME], waited=round(self.waited))

    def recall(self) -> None:
        """After a rollback: take back what was counted last, where it was rolled back as well."""
        kept = self.session.scalar(select(ArchiveRun.moved).where(ArchiveRun.id == self.run_id))
        if kept is not None and kept < self.moved:
            self._add(self._latest, -1)

    def end(self, status: RunStatus, *, tell: bool) -> None:
        """Write how it ended, and tell each school how many of its rows went where nobody has told yet."""
        end(self.session, self.run_id, status, "; ".join(self.notes))
        for school_id, number in sorted(self.by_school.items(), key=lambda item: item[0] or 0) if tell else ():
            if number:
                _tell(self.session, school_id, counted(number, "row"), self.cutoff)

    def _add(self, by_school: Mapping[int | None, int], times: int) -> None:
        for school_id, number in by_school.items():
            self.by_school[school_id] = self.by_school.get(school_id, 0) + number * times
        self.moved += sum(by_school.values()) * times

    def _write(self, **values: Any) -> None:
        write(self.session, self.run_id, **values)


def _tell(session: AnySession, school_id: int | None, rows: str, cutoff: datetime) -> None:
    reason = f"{rows} from before {cutoff:%Y-%m-%d %H:%M} UTC"
    record(session, Event.ROWS_ARCHIVED, reason=reason, school_id=school_id)


def runs(session: AnySession, limit: int = 20) -> list[ArchiveRun]:
    """The latest runs, newest first."""
    latest = select(ArchiveRun).order_by(ArchiveRun.started_at.desc(), ArchiveRun.id.desc()).limit(limit)
    return list(session.scalars(latest, execution_options={"populate_existing": True}))
