"""Bringing years back from cold storage to the archive: the file's rows, proved by hashes and seals. Files are kept.

`flask audit restore` drives it: it commits after each step. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.lease import Lease
from school_app.audit.cold import files, rows
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.sealed import SealsDiffer
from school_app.audit.cold.store import Store
from school_app.audit.cold.taking import begun, locked, tell
from school_app.audit.events import Event
from school_app.audit.seals import Difference, Kind, differences
from school_app.audit.sources import TABLES
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
BATCH = 5_000
FROM = (ColdStatus.KEPT, ColdStatus.PENDING, ColdStatus.RESTORING, ColdStatus.DESTROYING)
EVERY_SCHOOL = "every school"
REMEDY = (
    "Put back what was changed, from a copy of the database, and run flask audit verify --from {year}-01-01"
    " --to {year}-12-31; flask audit cool --restored takes the year away again."
)


@dataclass(slots=True)
class Restoring:
    """One year's return: of one school, of the platform (None), or of all of them."""

    session: AnySession
    place: Store
    year: int
    started_by: str
    school_id: int | str | None = EVERY_SCHOOL
    batch: int = BATCH
    lease: Lease = field(init=False)
    moved: int = 0

    def __post_init__(self) -> None:
        self.lease = Lease(self.session, self.started_by)

    def waiting(self) -> Sequence[ColdFile]:
        """The files that hold something to bring back."""
        found = [one for one in self.files() if one.status in FROM]
        return [one for one in found if one.cold_before > one.begins or one.status is ColdStatus.RESTORING]

    def files(self) -> Sequence[ColdFile]:
        """Every file that was ever listed of the year."""
        statement = select(ColdFile).where(ColdFile.year == self.year)
        if self.school_id != EVERY_SCHOOL:
            statement = statement.where(ColdFile.school_id == self.school_id)
        return self.session.scalars(
            statement.order_by(ColdFile.id), execution_options={"populate_existing": True}
        ).all()

    def steps(self) -> Iterator[int]:
        """Bring the year back: after each step, yielded as the rows that came, the caller commits.

        Raises ArchiveBusy, LeaseLost, NotMoved, DamagedFile, ColdUnavailable or SealsDiffer; the caller rolls back, and
        calls failed().
        """
        files.parquet()
        self.lease.acquire()
        waiting = [(one.id, one.school_id) for one in self.waiting()]
        yield 0
        for file_id, _ in waiting:
            yield from self._bring_back(file_id)
        self.lease.hold()
        self._compare_with_seals({school_id for _, school_id in waiting})
        self.lease.release()
        yield 0

    def failed(self, error: Exception) -> None:
        """Let others in after a return that was broken off; the caller has rolled back, and commits."""
        self.lease.release()

    def _bring_back(self, file_id: int) -> Generator[int, None, None]:
        listed = begun(self.session, self.place, lease=self.lease, file_id=file_id, status=ColdStatus.RESTORING)
        path, seam, begins = listed.path, listed.cold_before, listed.begins
        yield 0
        # From the last day to the first, so that what lies before the seam is in the file alone at any moment.
        backwards = (
            [row for row in reversed(group) if row["created_at"].date() < seam]
            for group in files.groups(self.place, path, backwards=True)
        )
        for batch in rows.whole_days(backwards, self.batch):
            listed = locked(self.session, self.lease, file_id)
            rows.bring_back(self.session, batch)
            listed.cold_before = batch[-1]["created_at"].date()
            self.session.flush()
            self.moved += len(batch)
            yield len(batch)
        listed = locked(self.session, self.lease, file_id)
        listed.status, listed.cold_before, listed.restored_at = ColdStatus.RESTORED, begins, clock.now()
        tell(self.session, Event.ROWS_RESTORED, listed, f"{counted(listed.rows, 'row')} of {listed.year}")
        yield 0

    def _compare_with_seals(self, schools: set[int | None]) -> None:
        first, after = date(self.year, 1, 1), date(self.year + 1, 1, 1)
        found = differences(self.session, TABLES, first, after - timedelta(days=1))
        # What is of no school is of a whole sealing run, and so of every school whose rows it sealed.
        wrong = [one for one in found if one.school_id in {*schools, None} and not one.is_warning]
        if wrong:
            raise SealsDiffer(_unproved(self.year, wrong))


def _unproved(year: int, wrong: Sequence[Difference]) -> str:
    """Why a year that is back is not proved, and what to do."""
    back, remedy = f"The rows of {year} are in the archive again", REMEDY.format(year=year)
    if any(one.kind is not Kind.BROKEN or (one.day.year == year and one.within is None) for one in wrong):
        return f"{back}, but not as they were sealed: {counted(len(wrong), 'difference')}, first {wrong[0]} {remedy}"
    return (
        f"{back} and equal to their seals, but others that were made together with these are broken: {wrong[0]} While"
        f" that is so, nobody can say that these were not changed with them, and the year is not proved. {remedy}"
    )
