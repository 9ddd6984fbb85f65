"""One run of cooling: which years go to cold storage, in which order, and how it ends.

workers.jobs and `flask audit cool` drive it: they commit after each step. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.changing import TableBusy
from school_app.archiving.clocks import compare_clocks
from school_app.archiving.columns import check_columns
from school_app.archiving.lease import Lease
from school_app.audit import runs
from school_app.audit.batches import ARCHIVE
from school_app.audit.cold import files, rows
from school_app.audit.cold.emptied import give_room_back
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.rows import NotMoved, SchoolYear
from school_app.audit.cold.sealed import SealsDiffer
from school_app.audit.cold.store import ColdUnavailable, Store
from school_app.audit.cold.taking import Limits, Steps, Taking
from school_app.audit.digests import COLUMNS
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.seals import sealed_up_to
from school_app.core import clock
from school_app.core.words import counted

__all__ = ["Cooling", "Limits", "NotAllCooled", "files_of"]
AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
AGAIN_WITHIN = timedelta(days=2)
RESTORED = (ColdStatus.RESTORING, ColdStatus.RESTORED)
# What is wrong with one file or one school's year; the others go on.
OF_ONE_YEAR = (SealsDiffer, DamagedFile, NotMoved)
REMEDY = "put it back from a copy, or give it up by flask audit give-up"


class NotAllCooled(RuntimeError):
    """Some years could not go; all others have. str() says which, and why."""


@dataclass(slots=True)
class Cooling:
    """One run. Its cutoff, the first of a January, is fixed when it is made, in UTC."""

    session: AnySession
    place: Store
    limits: Limits
    started_by: str
    before: int = field(init=False)
    lease: Lease = field(init=False)
    problems: list[str] = field(default_factory=list)
    _taking: Taking | None = None
    _run_id: int = 0
    _now: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        # A year is over for good `years` years after its end: everything of it is past that age.
        self.before = self._now.astimezone(UTC).year - self.limits.years
        self.lease = Lease(self.session, self.started_by)

    @property
    def moved(self) -> int:
        """How many rows left the database."""
        return self._taking.moved if self._taking else 0

    @property
    def made(self) -> int:
        """How many files were written."""
        return self._taking.made if self._taking else 0

    def waiting(self) -> list[SchoolYear]:
        """The school years that a run would begin now, the oldest first.

        Left out are years that were restored, that an earlier run has begun, and of which rows are not archived yet.
        """
        kept_back = self._of_status(ColdStatus.PENDING, *(() if self.limits.again else RESTORED))
        found = [one for one in rows.archived_years(self.session, self.before) if one not in kept_back]
        found = [one for one in found if not rows.are_coming(self.session, one)]
        return sorted(found, key=_by_age)

    def begun(self) -> list[SchoolYear]:
        """The years that an earlier run has begun and not finished."""
        return sorted(self._of_status(ColdStatus.PENDING), key=_by_age)

    def restored(self) -> list[SchoolYear]:
        """The years that somebody brought back: they stay in the database until they are asked for by name."""
        return sorted(self._of_status(*RESTORED), key=_by_age)

    def _of_status(self, *statuses: ColdStatus) -> set[SchoolYear]:
        statement = select(ColdFile.school_id, ColdFile.year).where(ColdFile.status.in_(statuses))
        return {SchoolYear(row.school_id, row.year) for row in self.session.execute(statement)}

    def steps(self) -> Iterator[int]:
        """Do the run: after each step, yielded as the rows that left the database, the caller commits.

        Raises NotAllCooled at its end where single years could not go. Raises ClocksDiffer, UnknownColumns,
        ArchiveBusy, LeaseLost or ColdUnavailable where nothing can; the caller rolls back, and calls failed().
        """
        compare_clocks(self.session)
        check_columns(self.session, COLUMNS, ARCHIVE)
        self._look()
        self.lease.acquire()
        taking = self._begin()
        yield 0
        yield from self._finish_begun(taking)
        for file_id in self._without_days():
            yield from self._tried(taking.list_days_of(file_id))
        for year in self.waiting():
            if not taking.is_over():
                yield from self._tried(taking.take(year))
        years = self._kept_lately()
        # What was asked for last holds the tables until the caller's commit.
        yield 0
        self._give_room_back(years)
        self._end(RunStatus.FAILED if self.problems else RunStatus.DONE, "; ".join(self.problems))
        yield 0
        if self.problems:
            raise NotAllCooled("; ".join(self.problems))

    def _look(self) -> None:
        waiting = self.waiting()
        if waiting and not sealed_up_to(self.session):
            raise SealsDiffer("Nothing is sealed yet; run flask audit seal first.")
        if waiting or self.begun() or self._without_days():
            files.parquet()
            self._refuse_another_place()

    def _refuse_another_place(self) -> None:
        """Refuse to begin in a place that holds none of the files that are kept: its setting was changed."""
        kept = set(self.session.scalars(select(ColdFile.path).where(ColdFile.status == ColdStatus.KEPT)))
        if kept and kept.isdisjoint(self.place.paths()):
            raise ColdUnavailable(
                f"None of the {counted(len(kept), 'file')} that cold storage keeps lies in {self.place}. Set"
                " FORMROOM_AUDIT_COLD_DIR or FORMROOM_AUDIT_COLD_URL to where they lie, or copy them there with their"
                " paths."
            )

    def failed(self, error: Exception) -> None:
        """Write down how a run ended that was broken off; the caller has rolled back, and commits."""
        log.critical("audit_cooling_failed", run_id=self._run_id, moved=self.moved, error=str(error))
        if not isinstance(error, NotAllCooled):
            self._end(RunStatus.FAILED, f"{type(error).__name__}: {error}")

    def _begin(self) -> Taking:
        run = runs.begin(self.lease, datetime(self.before, 1, 1, tzinfo=UTC), method=runs.COLD)
        self._run_id = run.id
        self._sweep()
        # Fixed for the run: what is sealed meanwhile belongs to the next one.
        up_to_id = sealed_up_to(self.session)
        self._taking = Taking(self.session, self.place, self.limits, self.lease, _stamp(run), up_to_id)
        return self._taking

    def _sweep(self) -> None:
        """Take away files that do not count: never listed, of runs that were broken off, or struck off the list."""
        broken = select(ArchiveRun).where(
            ArchiveRun.method == runs.COLD, ArchiveRun.status != RunStatus.DONE, ArchiveRun.id != self._run_id
        )
        stamps = tuple(_stamp(run) for run in self.session.scalars(broken))
        listed = {one.path: one for one in files_of(self.session)}
        struck = {path for path, one in listed.items() if one.status is ColdStatus.LOST and not one.holds_alone}
        for path in list(self.place.paths()) if stamps or struck else []:
            if path in struck or (path not in listed and any(stamp in path for stamp in stamps)):
                self.place.remove(path)

    def _end(self, status: RunStatus, error: str) -> None:
        if taking := self._taking:
            runs.write(self.session, self._run_id, moved=taking.moved, batches=taking.made, bytes=taking.bytes)
        runs.end(self.session, self._run_id, status, error)
        self.lease.release()

    def _finish_begun(self, taking: Taking) -> Steps:
        """Go on with files that an earlier run listed and did not finish, and with restored ones where asked for."""
        wanted = (ColdStatus.PENDING, *(RESTORED if self.limits.again else ()))
        statement = select(ColdFile.id).where(ColdFile.status.in_(wanted)).order_by(ColdFile.id)
        for file_id in self.session.scalars(statement).all():
            try:
                yield from taking.let_go(file_id)
            except DamagedFile as error:
                if not taking.strike(file_id):
                    self.problems.append(f"{error} {REMEDY.capitalize()}.")
                yield 0
            except NotMoved as error:
                self.problems.append(str(error))

    def _kept_lately(self) -> set[int]:
        """The years that this run has taken, or an earlier one that was broken off before it gave their room back."""
        lately = select(ColdFile.year).where(
            ColdFile.status == ColdStatus.KEPT, ColdFile.kept_at >= self._now - AGAIN_WITHIN
        )
        return set(self.session.scalars(lately))

    def _give_room_back(self, years: set[int]) -> None:
        engine = self.session.get_bind()
        if not isinstance(engine, Engine):
            # In a transaction that others have begun no table is changed.
            return
        try:
            given = give_room_back(engine, self.lease, years)
        except TableBusy as busy:
            log.warning("audit_room_not_given_back", error=str(busy))
        else:
            if given:
                log.info("audit_room_given_back", partitions=given)

    def _without_days(self) -> Sequence[int]:
        """The files of an earlier version, of which nobody wrote down which days they hold."""
        known = select(ColdDay.id).where(ColdDay.file_id == ColdFile.id).exists()
        return self.session.scalars(select(ColdFile.id).where(ColdFile.status == ColdStatus.KEPT, ~known)).all()

    def _tried(self, steps: Steps) -> Steps:
        try:
            yield from steps
        except OF_ONE_YEAR as error:
            self.problems.append(str(error))


def _by_age(one: SchoolYear) -> tuple[int, int]:
    return one.year, one.school_id or 0


def _stamp(run: ArchiveRun) -> str:
    return f"{run.started_at:%Y%m%dT%H%M%S%f}"


def files_of(session: AnySession) -> Sequence[ColdFile]:
    """Every file of the manifest, by year and school."""
    ordered = select(ColdFile).order_by(ColdFile.year, ColdFile.school_id, ColdFile.id)
    return session.scalars(ordered, execution_options={"populate_existing": True}).all()
