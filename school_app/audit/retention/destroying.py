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

from school_app.archiving.clocks import compare_clocks
from school_app.archiving.lease import Lease
from school_app.audit import runs
from school_app.audit.cold import files
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import Store
from school_app.audit.cold.taking import locked, tell
from school_app.audit.events import Event
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.retention.carrying import carried_over, carry, restate
from school_app.audit.retention.evidence import Evidence, days_differ, disagreement, ended_past
from school_app.audit.retention.holding import holding
from school_app.audit.retention.queries import class_of, period_of
from school_app.audit.retention.rules import Period, is_past
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
REMEDY = "Put it back from a copy, or give it up by flask audit give-up."
CANDIDATES = (ColdStatus.KEPT, ColdStatus.DESTROYING)


class NotLawful(RuntimeError):
    """What the log says does not allow a destruction; str() says what, and what to do."""


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
    _evidence: Evidence | None = None
    _run_id: int = 0

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
        due = self._begin()
        self.problems += restate(self.session, self.place)
        yield 0
        for file_id in due:
            try:
                yield from self._destroy(file_id)
            except DamagedFile as error:
                self.problems.append(f"{error} It is not destroyed, since nobody can say what it held. {REMEDY}")
            except NotLawful as error:
                self.problems.append(str(error))
        self.lease.hold()
        self._end(" ".join(self.problems))
        yield 0
        if self.problems:
            raise NotAllDestroyed(" ".join(self.problems))

    def failed(self, error: Exception) -> None:
        """Let others in after a run that was broken off; the caller has rolled back, and commits."""
        log.critical("audit_destruction_failed", files=self.files, rows=self.rows, error=str(error))
        if not isinstance(error, NotAllDestroyed):
            self._end(f"{type(error).__name__}: {error}")

    def _begin(self) -> list[int]:
        """Write the run's row, by which operators see how far it is; returns the files that are due."""
        if due := self.due():
            expected = sum(one.rows for one in due)
            self._run_id = runs.begin(self.lease, clock.now(), method=runs.DESTRUCTION, expected=expected).id
        else:
            runs.stop_killed(self.session)
        return [one.id for one in due]

    def _end(self, error: str) -> None:
        # A run without files that are due has no row either.
        runs.end(self.session, self._run_id, RunStatus.FAILED if error else RunStatus.DONE, error)
        self.lease.release()

    def _destroy(self, file_id: int) -> Generator[int, None, None]:
        """Intend it in one transaction, and remove the file in the next, where a hold may have come in between."""
        if self._is_kept(listed := locked(self.session, self.lease, file_id)):
            yield 0
            return
        is_there = self.place.has(listed.path)
        if is_there or listed.status is ColdStatus.KEPT:
            files.check(self.place, listed.path, (listed.sha256, listed.bytes))
        self._judge(listed)
        if is_there:
            self._carry(listed)
        listed.status = ColdStatus.DESTROYING
        yield 0
        if self._is_kept(listed := locked(self.session, self.lease, file_id)):
            yield 0
            return
        is_there = self.place.has(listed.path)
        carried = self._carry(listed) if is_there else len(carried_over(self.session, listed))
        self.place.remove(listed.path)
        yield self._put_on_record(listed, carried)

    def _judge(self, listed: ColdFile) -> None:
        """Look whether the verification will believe the destruction. Raises NotLawful."""
        if (evidence := self._evidence) is None:
            evidence = self._evidence = Evidence(self.session, self.place)
        elif self._wrong(listed, evidence) is not None:
            # A rule or hold may have been changed since the run has begun.
            evidence.look_again()
        if (wrong := self._wrong(listed, evidence)) is not None:
            raise NotLawful(f"{listed.path} is not destroyed. {wrong}")

    def _wrong(self, listed: ColdFile, evidence: Evidence) -> str | None:
        wrong = disagreement(self.session, evidence, class_of(listed), listed.school_id)
        wrong = wrong or ended_past(self.session, evidence, listed.school_id)
        if wrong is not None:
            return wrong
        if (differs := days_differ(self.session, listed)) is not None:
            return f"{differs[0].upper()}{differs[1:]}; flask audit cool lists the days of files that have none."
        if evidence.cooled(listed) is None:
            return " ".join(evidence.problems) or (
                f"It is not on record that it came to cold storage; flask audit restore --year {listed.year} brings it"
                " back, and flask audit cool --restored takes it anew."
            )
        return None

    def _carry(self, listed: ColdFile) -> int:
        found, forged = carry(self.session, self.place, listed)
        if forged:
            raise NotLawful(
                f"{listed.path} is not destroyed. Rows {forged} say that they were carried over from it,"
                " and it holds nothing of the kind; look who wrote them."
            )
        return found

    def _is_kept(self, listed: ColdFile) -> bool:
        """Whether a hold keeps a file, or its time is not past after all; until this transaction ends none can come.

        A file that was removed before a run was broken off is not brought back by any of them: once nothing holds it,
        its destruction is put on record. Raises DamagedFile until then.
        """
        because = holding(self.session, self.place, listed)
        if because is None and self._is_past(listed):
            return False
        if not self.place.has(listed.path):
            if because is None:
                raise DamagedFile(f"{listed.path} is not there any more, and its time is not past.")
            raise DamagedFile(f"{listed.path} is not there any more, and held: {because}.")
        listed.status = ColdStatus.KEPT
        if because is not None:
            self.held.append(f"{listed.path}: {because}")
        return True

    def _put_on_record(self, listed: ColdFile, carried: int) -> int:
        period = self._period(listed)
        listed.status, listed.destroyed_at = ColdStatus.DESTROYED, clock.now()
        kept = f"kept for {counted(period.years, 'year')}: {period.source}"
        said = f"{counted(listed.rows, 'row')} of {listed.year}, {kept}"
        facts = {"year": listed.year, "years": period.years, "carried": carried}
        tell(self.session, Event.ROWS_DESTROYED, listed, said, **facts)
        self.files += 1
        self.rows += listed.rows
        sums = {"moved": ArchiveRun.moved + listed.rows, "bytes": ArchiveRun.bytes + listed.bytes}
        runs.write(self.session, self._run_id, batches=ArchiveRun.batches + 1, **sums)
        return listed.rows

    def _is_past(self, listed: ColdFile) -> bool:
        return is_past(listed.year, self._period(listed).years, clock.now())

    def _period(self, listed: ColdFile) -> Period:
        return period_of(self.session, class_of(listed), listed.school_id)
