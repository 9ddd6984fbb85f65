"""Taking whole years of audit rows from the archive to cold storage: written, read back, listed, and only then deleted.

workers.jobs and `flask audit cool` drive it: they commit after each step. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files, rows, sealed
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.rows import SchoolYear
from school_app.audit.cold.store import Store, fingerprint
from school_app.audit.digests import COLUMNS
from school_app.audit.events import Event
from school_app.audit.lease import Lease
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.service import record
from school_app.audit.sources import midnight
from school_app.core import clock

AnySession = Session | scoped_session[Any]
METHOD = "cold"
# A file is closed with the day on which it has reached so many rows; the year goes on in the next one.
FILE_ROWS = 500_000
# Rows let go in one transaction: whole days of at least so many.
BATCH = 5_000
RESTORED = (ColdStatus.RESTORING, ColdStatus.RESTORED)
Steps = Generator[int, None, None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many years rows stay in the database, and how much goes at once; `again` takes restored years too."""

    years: int = 2
    again: bool = False
    file_rows: int = FILE_ROWS
    group_rows: int = files.GROUP_ROWS
    batch: int = BATCH


@dataclass(slots=True)
class Cooling:
    """One run. Its cutoff, the first of a January, is fixed when it is made, in UTC."""

    session: AnySession
    place: Store
    limits: Limits
    started_by: str
    before: int = field(init=False)
    lease: Lease = field(init=False)
    moved: int = 0
    made: int = 0
    bytes: int = 0
    _run_id: int = 0
    _stamp: str = ""
    _now: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        # A year is over for good `years` years after its end: everything of it is past that age.
        self.before = self._now.astimezone(UTC).year - self.limits.years
        self.lease = Lease(self.session, self.started_by)

    def waiting(self) -> list[SchoolYear]:
        """The school years that a run would take now, the oldest first."""
        kept_back = set() if self.limits.again else self._restored()
        found = [one for one in rows.archived_years(self.session, self.before) if one not in kept_back]
        return sorted(found, key=lambda one: (one.year, one.school_id or 0))

    def restored(self) -> list[SchoolYear]:
        """The years that somebody brought back: they stay in the database until they are asked for by name."""
        return sorted(self._restored(), key=lambda one: (one.year, one.school_id or 0))

    def _restored(self) -> set[SchoolYear]:
        statement = select(ColdFile.school_id, ColdFile.year).where(ColdFile.status.in_(RESTORED))
        return {SchoolYear(row.school_id, row.year) for row in self.session.execute(statement)}

    def steps(self) -> Iterator[int]:
        """Do the run: after each step, yielded as the rows that left the database, the caller commits.

        Raises ArchiveBusy, LeaseLost, SealsDiffer, NotMoved, DamagedFile or ColdUnavailable; the caller rolls back,
        and calls failed().
        """
        files.parquet()
        self.lease.acquire()
        self._begin()
        yield 0
        yield from self._finish_pending()
        for year in self.waiting():
            yield from self._cool(year)
        self._end(RunStatus.DONE)
        yield 0

    def failed(self, error: Exception) -> None:
        """Write down how a run ended that was broken off; the caller has rolled back, and commits."""
        if self._run_id:
            self._end(RunStatus.FAILED, f"{type(error).__name__}: {error}"[:1000])

    def _begin(self) -> None:
        run = ArchiveRun(
            cutoff=datetime(self.before, 1, 1, tzinfo=UTC),
            method=METHOD,
            fencing_token=self.lease.token,
            started_by=self.started_by,
        )
        self.session.add(run)
        self.session.flush()
        self._run_id, self._stamp = run.id, _stamp(run)
        self._sweep()

    def _sweep(self) -> None:
        """Take away what runs left behind that were broken off: files of theirs that were never listed."""
        broken = self.session.scalars(
            select(ArchiveRun).where(
                ArchiveRun.method == METHOD, ArchiveRun.status != RunStatus.DONE, ArchiveRun.id != self._run_id
            )
        ).all()
        stamps = tuple(_stamp(run) for run in broken)
        listed = set(self.session.scalars(select(ColdFile.path)))
        for path in list(self.place.paths()) if stamps else []:
            if path not in listed and any(stamp in path for stamp in stamps):
                self.place.remove(path)
        for run in broken:
            if run.status is RunStatus.RUNNING:
                run.status, run.finished_at, run.error = RunStatus.FAILED, clock.now(), "It was broken off."

    def _end(self, status: RunStatus, error: str | None = None) -> None:
        run = self.session.get_one(ArchiveRun, self._run_id)
        run.status, run.finished_at, run.error = status, clock.now(), error
        run.moved, run.batches, run.bytes = self.moved, self.made, self.bytes
        self.lease.release()
        self.session.flush()

    def _finish_pending(self) -> Steps:
        """Go on with files that an earlier run listed and did not finish, and with restored ones where asked for."""
        wanted = (ColdStatus.PENDING, *(RESTORED if self.limits.again else ()))
        statement = select(ColdFile.id).where(ColdFile.status.in_(wanted)).order_by(ColdFile.id)
        for file_id in self.session.scalars(statement).all():
            yield from self._let_go(file_id)

    def _cool(self, year: SchoolYear) -> Steps:
        while (path := (yield from self._write(year))) is not None:
            self.lease.hold()
            file_id = self._list(year, path)
            yield 0
            yield from self._let_go(file_id)

    def _write(self, year: SchoolYear) -> Generator[int, None, tuple[str, files.Written] | None]:
        """Write the next rows of a year to a file of their own, and read it back. None where the year holds no more."""
        size = self.limits.group_rows
        found = rows.page(self.session, year, None, year.ends, size=size)
        if not found:
            return None
        path, counted = self._path(year), files.Summary()
        facts = {"school_id": year.school_id, "year": year.year, "columns": list(COLUMNS)}
        with files.writing(self.place, path, **facts) as write:
            until, written = year.ends, 0
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
                found = rows.page(self.session, year, (last["created_at"], last["id"]), until, size=size)
        read = files.summary(self.place, path)
        if read.written() != counted.written():
            raise files.DamagedFile(f"{path} does not give back what was written to it.")
        sealed.check(self.session, year, read.days, until.date())
        return path, read.written()

    def _path(self, year: SchoolYear) -> str:
        # The run's stamp keeps one that slept past its lease from the names of its successor, and tells its leavings.
        whose = "platform" if year.school_id is None else f"school-{year.school_id}"
        return f"year={year.year}/{whose}-{self._stamp}-{self.made + 1:03}.parquet"

    def _list(self, year: SchoolYear, found: tuple[str, files.Written]) -> int:
        path, written = found
        sha256, size = fingerprint(self.place, path)
        listed = ColdFile(
            school_id=year.school_id,
            year=year.year,
            path=path,
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
        self.made += 1
        self.bytes += size
        return listed.id

    def _let_go(self, file_id: int) -> Steps:
        """Delete a file's rows from the archive, whole days at a time, moving the seam with them."""
        listed = locked(self.session, self.lease, file_id)
        path, seam, ends = listed.path, listed.cold_before, listed.ends
        if fingerprint(self.place, path) != (listed.sha256, listed.bytes):
            raise files.DamagedFile(f"{path} is not what was listed; nothing more is let go.")
        listed.status = ColdStatus.PENDING
        self.session.flush()
        yield 0
        left = ([row for row in group if row["created_at"].date() >= seam] for group in files.groups(self.place, path))
        for batch in rows.whole_days(left, self.limits.batch):
            listed = locked(self.session, self.lease, file_id)
            rows.let_go(self.session, batch)
            listed.cold_before = rows.day_after(batch)
            self.session.flush()
            self.moved += len(batch)
            yield len(batch)
        listed = locked(self.session, self.lease, file_id)
        listed.status, listed.cold_before, listed.kept_at = ColdStatus.KEPT, ends, clock.now()
        self._tell(listed)
        yield 0

    def _tell(self, listed: ColdFile) -> None:
        facts = ("path", "rows", "digest", "sha256")
        record(
            self.session,
            Event.ROWS_COOLED,
            reason=f"{listed.rows} rows of {listed.year}",
            changes={name: [None, getattr(listed, name)] for name in facts},
            school_id=listed.school_id,
        )


def locked(session: AnySession, lease: Lease, file_id: int) -> ColdFile:
    """A file of the manifest, locked with the lease for this transaction. Raises LeaseLost."""
    lease.hold()
    statement = select(ColdFile).where(ColdFile.id == file_id).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def _stamp(run: ArchiveRun) -> str:
    return f"{run.started_at:%Y%m%dT%H%M%S%f}"


def files_of(session: AnySession) -> list[ColdFile]:
    """Every file of the manifest, by year and school."""
    return list(session.scalars(select(ColdFile).order_by(ColdFile.year, ColdFile.school_id, ColdFile.id)))
