"""Taking a school's year to cold storage: written, read back, proved, listed, and only then deleted.

audit.cold.cooling drives it under its lease; its caller commits after each step. It works inside all_schools().
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.lease import Lease
from school_app.audit.cold import files, rows, sealed
from school_app.audit.cold.manifest import list_days
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.rows import SchoolYear
from school_app.audit.cold.store import Store, fingerprint
from school_app.audit.digests import COLUMNS
from school_app.audit.events import Event
from school_app.audit.models import AuditSeal
from school_app.audit.service import record
from school_app.audit.sources import midnight
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# A file is closed with the day on which it has reached so many rows; the year goes on in the next one.
FILE_ROWS = 500_000
# Rows let go in one transaction: whole days of at least so many.
BATCH = 5_000
Steps = Generator[int, None, None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many years rows stay in the database, and how much goes at once; `again` takes restored years too.

    Past `max_seconds` a run begins nothing more; what it has begun is gone on with by the next one.
    """

    years: int = 2
    again: bool = False
    file_rows: int = FILE_ROWS
    group_rows: int = files.GROUP_ROWS
    batch: int = BATCH
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """A file that was read back: its path, what it holds, and the seals that its rows are equal to."""

    path: str
    written: files.Written
    seals: Sequence[AuditSeal]


@dataclass(slots=True)
class Taking:
    """What one run takes. Rows above `up_to_id` are not sealed and stay; `stamp` tells its files from others'."""

    session: AnySession
    place: Store
    limits: Limits
    lease: Lease
    stamp: str
    up_to_id: int
    moved: int = 0
    made: int = 0
    bytes: int = 0
    began: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Whether the run has had its time."""
        limit = self.limits.max_seconds
        return limit is not None and time.monotonic() - self.began >= limit

    def take(self, year: SchoolYear) -> Steps:
        """Take all of a year, file after file.

        Raises SealsDiffer, DamagedFile or NotMoved, where other years go on; LeaseLost and ColdUnavailable, where none.
        """
        while not self.is_over() and (proved := (yield from self._write(year))) is not None:
            self.lease.hold()
            file_id = self._list(year, proved)
            yield 0
            yield from self.let_go(file_id)

    def _write(self, year: SchoolYear) -> Generator[int, None, Proved | None]:
        """Write the next rows of a year to a file of their own, and read it back. None where the year holds no more."""
        path, counted = self._path(year), files.Summary()
        until = yield from self._write_file(year, path, counted)
        if until is None:
            return None
        try:
            read = files.summary(self.place, path)
            if read.written() != counted.written():
                raise files.DamagedFile(f"{path} does not give back what was written to it.")
            seals = sealed.matching(self.session, year, read.days, until, up_to_id=self.up_to_id)
        except (files.DamagedFile, sealed.SealsDiffer):
            # It was never listed, and nobody will ask for it.
            self.place.remove(path)
            raise
        return Proved(path, read.written(), seals)

    def _write_file(self, year: SchoolYear, path: str, counted: files.Summary) -> Generator[int, None, date | None]:
        """Write the rows; returns the day before which the file holds all of them, or None where there are none."""
        if not (found := self._page(year, None, year.ends)):
            return None
        until, written = year.ends, 0
        facts = {"school_id": year.school_id, "year": year.year, "columns": list(COLUMNS)}
        with files.writing(self.place, path, **facts) as write:
            while found:
                write(found)
                counted.add(found)
                written += len(found)
                if written >= self.limits.file_rows:
                    until = min(until, midnight(rows.day_after(found)))
                # Nothing has changed in the database; the commit that follows lets go of the lease's row.
                self.lease.hold()
                yield 0
                self.lease.hold()
                last = found[-1]
                found = self._page(year, (last["created_at"], last["id"]), until)
        return until.date()

    def _page(self, year: SchoolYear, after: tuple[datetime, int] | None, until: datetime) -> list[files.Row]:
        return rows.page(self.session, year, after, until, up_to_id=self.up_to_id, size=self.limits.group_rows)

    def _path(self, year: SchoolYear) -> str:
        # The run's stamp keeps one that slept past its lease from the names of its successor, and tells its leavings.
        whose = "platform" if year.school_id is None else f"school-{year.school_id}"
        return f"year={year.year}/{whose}-{self.stamp}-{self.made + 1:03}.parquet"

    def _list(self, year: SchoolYear, proved: Proved) -> int:
        written = proved.written
        sha256, size = fingerprint(self.place, proved.path)
        listed = ColdFile(
            school_id=year.school_id,
            year=year.year,
            path=proved.path,
            rows=written.digest.rows,
            first_id=written.digest.first_id,
            last_id=written.digest.last_id,
            first_at=written.first_at,
            last_at=written.last_at,
            digest=written.digest.sha256,
            sha256=sha256,
            bytes=size,
            status=ColdStatus.PENDING,
            cold_before=year.begins.date(),
        )
        self.session.add(listed)
        self.session.flush()
        list_days(self.session, listed.id, proved.seals)
        self.made += 1
        self.bytes += size
        return listed.id

    def let_go(self, file_id: int) -> Steps:
        """Delete a file's rows from the archive, whole days at a time, moving the seam with them.

        Raises DamagedFile, NotMoved, LeaseLost or ColdUnavailable.
        """
        listed = begun(self.session, self.place, lease=self.lease, file_id=file_id, status=ColdStatus.PENDING)
        path, seam, ends = listed.path, listed.cold_before, listed.ends
        yield 0
        left = ([row for row in group if row["created_at"].date() >= seam] for group in files.groups(self.place, path))
        for batch in rows.whole_days(left, self.limits.batch):
            if self.is_over():
                return
            with self.session.begin_nested():
                listed = locked(self.session, self.lease, file_id)
                rows.let_go(self.session, batch)
                listed.cold_before = rows.day_after(batch)
            self.moved += len(batch)
            yield len(batch)
        listed = locked(self.session, self.lease, file_id)
        listed.status, listed.cold_before, listed.kept_at = ColdStatus.KEPT, ends, clock.now()
        tell(self.session, Event.ROWS_COOLED, listed, f"{counted(listed.rows, 'row')} of {listed.year}")
        yield 0

    def list_days_of(self, file_id: int) -> Steps:
        """Write down which seals a file holds the rows of. Raises DamagedFile, SealsDiffer or ColdUnavailable."""
        listed = locked(self.session, self.lease, file_id)
        files.check(self.place, listed.path, (listed.sha256, listed.bytes))
        days = files.summary(self.place, listed.path).days
        list_days(self.session, file_id, sealed.seals_of(self.session, listed, days))
        yield 0

    def strike(self, file_id: int) -> bool:
        """Take a file that is damaged or gone off the list, where all of its rows are in the database still.

        False where some are in the file alone.
        """
        listed = locked(self.session, self.lease, file_id)
        if listed.cold_before > listed.begins:
            return False
        listed.status = ColdStatus.LOST
        self.place.remove(listed.path)
        said = f"{counted(listed.rows, 'row')} of {listed.year}; all in the database still"
        tell(self.session, Event.COLD_FILE_LOST, listed, said)
        return True


def locked(session: AnySession, lease: Lease, file_id: int) -> ColdFile:
    """A file of the manifest, locked with the lease for this transaction. Raises LeaseLost."""
    lease.hold()
    statement = select(ColdFile).where(ColdFile.id == file_id).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def begun(session: AnySession, place: Store, *, lease: Lease, file_id: int, status: ColdStatus) -> ColdFile:
    """A file of the manifest, locked and compared with what was listed of it, that says what is done with it now.

    Raises LeaseLost, DamagedFile or ColdUnavailable.
    """
    listed = locked(session, lease, file_id)
    files.check(place, listed.path, (listed.sha256, listed.bytes))
    listed.status = status
    session.flush()
    return listed


def tell(session: AnySession, event: Event, listed: ColdFile, reason: str, **more: int) -> None:
    """Put on record, for the school whose rows they are, what was done with a file, and what it holds."""
    facts = ("path", "rows", "digest", "sha256")
    changes = {name: [None, value] for name, value in {**{one: getattr(listed, one) for one in facts}, **more}.items()}
    record(session, event, reason=reason, changes=changes, school_id=listed.school_id)
