"""Destroying cold files whose time is past: intended, then removed and put on record, unless a hold stands.

workers.jobs and `flask retention destroy` drive it: they commit after each step. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.clocks import compare_clocks
from school_app.audit.cold import files
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import Store
from school_app.audit.cold.taking import locked, tell
from school_app.audit.events import Event
from school_app.audit.lease import Lease
from school_app.audit.retention.holding import holding
from school_app.audit.retention.queries import period_of
from school_app.audit.retention.rules import DataClass, Period, is_past
from school_app.core import clock

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
CANDIDATES = (ColdStatus.KEPT, ColdStatus.DESTROYING)


class NotAllDestroyed(RuntimeError):
    """Some files could not be destroyed as they should; all others were. str() says which, and why."""


@dataclass(slots=True)
class Destroying:
    """One run; `held` are the files that a hold keeps."""

    session: AnySession
    place: Store
    started_by: str
    lease: Lease = field(init=False)
    files: int = 0
    rows: int = 0
    held: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lease = Lease(self.session, self.started_by)

    def due(self) -> Sequence[ColdFile]:
        """The files whose time is past, held or not, the oldest first, and those that an earlier run has begun."""
        statement = select(ColdFile).where(ColdFile.status.in_(CANDIDATES)).order_by(ColdFile.year, ColdFile.id)
        found = self.session.scalars(statement, execution_options={"populate_existing": True}).all()
        return [one for one in found if one.status is ColdStatus.DESTROYING or self._is_past(one)]

    def steps(self) -> Iterator[int]:
        """Do the run: after each step, yielded as the rows that are no more, the caller commits.

        Raises NotAllDestroyed at its end where single files could not go; ClocksDiffer, ArchiveBusy, LeaseLost or
        ColdUnavailable where none can. The caller rolls back then, and calls failed().
        """
        compare_clocks(self.session)
        self.lease.acquire()
        due = [one.id for one in self.due()]
        yield 0
        for file_id in due:
            try:
                yield from self._destroy(file_id)
            except DamagedFile as error:
                self.problems.append(f"{error} It is not destroyed, since nobody can say what it held.")
        self.lease.hold()
        self.lease.release()
        yield 0
        if self.problems:
            raise NotAllDestroyed(" ".join(self.problems))

    def failed(self, error: Exception) -> None:
        """Let others in after a run that was broken off; the caller has rolled back, and commits."""
        log.critical("audit_destruction_failed", files=self.files, rows=self.rows, error=str(error))
        self.lease.release()

    def _destroy(self, file_id: int) -> Generator[int, None, None]:
        """Intend it in one transaction, and remove the file in the next, where a hold may have come in between."""
        if self._is_kept(listed := locked(self.session, self.lease, file_id)):
            yield 0
            return
        is_there = self.place.has(listed.path)
        if is_there or listed.status is ColdStatus.KEPT:
            files.check(self.place, listed.path, (listed.sha256, listed.bytes))
        listed.status = ColdStatus.DESTROYING
        yield 0
        if self._is_kept(listed := locked(self.session, self.lease, file_id)):
            yield 0
            return
        self.place.remove(listed.path)
        yield self._put_on_record(listed)

    def _is_kept(self, listed: ColdFile) -> bool:
        """Whether a hold keeps a file, or its time is not past after all; until this transaction ends none can come.

        A file that was removed before a run was broken off is not brought back by any of them.
        """
        because = holding(self.session, self.place, listed)
        if because is None and self._is_past(listed):
            return False
        if not self.place.has(listed.path):
            if because is None:
                raise DamagedFile(f"{listed.path} is not there any more, and its time is not past.")
            return False
        listed.status = ColdStatus.KEPT
        if because is not None:
            self.held.append(f"{listed.path}: {because}")
        return True

    def _put_on_record(self, listed: ColdFile) -> int:
        period = self._period(listed)
        listed.status, listed.destroyed_at = ColdStatus.DESTROYED, clock.now()
        said = f"{listed.rows} rows of {listed.year}, kept for {period.years} years: {period.source}"
        tell(self.session, Event.ROWS_DESTROYED, listed, said, year=listed.year, years=period.years)
        self.session.flush()
        self.files += 1
        self.rows += listed.rows
        return listed.rows

    def _is_past(self, listed: ColdFile) -> bool:
        return is_past(listed.year, self._period(listed).years, clock.now())

    def _period(self, listed: ColdFile) -> Period:
        data_class = DataClass.PLATFORM_LOG if listed.school_id is None else DataClass.SCHOOL_LOG
        return period_of(self.session, data_class, listed.school_id)
