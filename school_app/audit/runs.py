"""The record of archive runs: when each ran, what it moved and by which method, and how it ended.

audit.archive writes it; commands and operators' pages read it, inside all_schools(). It never commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.partitions import bytes_a_row
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.acting import acting

AnySession = Session | scoped_session[Any]
UNSYNCHRONIZED = {"synchronize_session": False}
LONGEST_ERROR, LONGEST_NAME = 1000, 200
BATCHES, EXCHANGE = "batches", "exchange"
# Its rows were put on record file by file.
DESTRUCTION = "destruction"


@dataclass(slots=True)
class RunRecord:
    """What one run has done so far, and the row that says it."""

    session: AnySession
    cutoff: datetime
    started_by: str
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

    def begin(self, token: int) -> None:
        """Write the row. Its writer holds the lease, so whichever other run says that it is running was killed."""
        self._end_killed()
        run = ArchiveRun(
            cutoff=self.cutoff,
            fencing_token=token,
            started_by=self.started_by,
            job_id=acting(self.session).job_id,
            method="",
            expected=self.expected,
        )
        self.session.add(run)
        self.session.flush()
        self.run_id, self._bytes_a_row = run.id, bytes_a_row(self.session)

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
        error = "; ".join(self.notes)[:LONGEST_ERROR] or None
        self._write(status=status, finished_at=clock.now(), error=error, waits_for=None)
        for school_id, number in sorted(self.by_school.items(), key=lambda item: item[0] or 0) if tell else ():
            if number:
                self._tell(school_id, f"{number} rows")

    def _add(self, by_school: Mapping[int | None, int], times: int) -> None:
        for school_id, number in by_school.items():
            self.by_school[school_id] = self.by_school.get(school_id, 0) + number * times
        self.moved += sum(by_school.values()) * times

    def _end_killed(self) -> None:
        running = select(ArchiveRun.id, ArchiveRun.moved, ArchiveRun.method)
        for run_id, moved, method in self.session.execute(running.where(ArchiveRun.status == RunStatus.RUNNING)).all():
            if moved and method != DESTRUCTION:
                # How many of them were whose is no longer known.
                self._tell(None, f"{moved} rows, by a run that was broken off,")
            error = f"It was broken off after {moved} rows; the next run went on."
            values = {
                "status": RunStatus.STOPPED,
                "finished_at": clock.now(),
                "error": error,
                "waits_for": None,
            }
            self.session.execute(
                update(ArchiveRun).where(ArchiveRun.id == run_id), values, execution_options=UNSYNCHRONIZED
            )

    def _write(self, **values: Any) -> None:
        own = update(ArchiveRun).where(ArchiveRun.id == self.run_id)
        self.session.execute(own.values(values), execution_options=UNSYNCHRONIZED)

    def _tell(self, school_id: int | None, rows: str) -> None:
        reason = f"{rows} from before {self.cutoff:%Y-%m-%d %H:%M} UTC"
        record(self.session, Event.ROWS_ARCHIVED, reason=reason, school_id=school_id)


def runs(session: AnySession, limit: int = 20) -> list[ArchiveRun]:
    """The latest runs, newest first."""
    latest = select(ArchiveRun).order_by(ArchiveRun.started_at.desc(), ArchiveRun.id.desc()).limit(limit)
    return list(session.scalars(latest, execution_options={"populate_existing": True}))
