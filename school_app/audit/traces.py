"""What else the database knows of rows and seals that are there no more, so that an emptied log is not taken for none.

audit.verify asks it inside all_schools(), after the last sealing run, but for left_by_a_job(). It writes nothing, and
asks for what is certain only: that an id was given says nothing where other rows are there, since a transaction that is
rolled back takes some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, exists, func, select, text
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdDay, ColdFile
from school_app.audit.differences import Difference, Kind
from school_app.audit.models import ArchiveRun, AuditRow, AuditSeal
from school_app.audit.runs import OF_FILES
from school_app.audit.sources import TABLES, Stretch
from school_app.core import clock
from school_app.core.jobs import JobRun
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# The job that seals every night, as workers/schedule.py names it; it leaves the hash of its last run.
SEALING_JOB = "workers.jobs.seal_audit"
JOBS_ASKED = 31


def unsealed_files(session: AnySession, stretch: Stretch) -> Iterator[Difference]:
    """Days that a file of cold storage was listed with, each compared with its seal then, which have no seal now.

    They are asked for whatever became of the file, as days stay listed when it is destroyed.
    """
    seal = and_(
        AuditSeal.school_id.is_not_distinct_from(ColdDay.school_id),
        AuditSeal.up_to_id == ColdDay.up_to_id,
        AuditSeal.day == ColdDay.day,
    )
    statement = (
        select(ColdDay.school_id, ColdDay.day, ColdFile.path)
        .join(ColdFile, ColdFile.id == ColdDay.file_id)
        .where(~exists().where(seal))
        .order_by(ColdDay.day, ColdDay.id)
    )
    sentence = "Rows of these days went to cold storage by their seals, which are there no more: somebody removed them."
    for school_id, day, path in session.execute(statement):
        if stretch.holds(school_id, day):
            yield Difference(Kind.BROKEN, school_id, day, sentence, path)


def unsealed_without_days(session: AnySession, up_to_id: int, stretch: Stretch) -> Iterator[Difference]:
    """Listed files whose rows lie above the last seal and of which no day is listed, so that only this tells."""
    listed = exists().where(ColdDay.file_id == ColdFile.id)
    for one in session.scalars(select(ColdFile).where(ColdFile.last_id > up_to_id, ~listed).order_by(ColdFile.id)):
        if stretch.holds(one.school_id, one.first_at.date()):
            sentence = f"{one.path} is listed with rows up to {one.last_id}, and seals go up to row {up_to_id}."
            yield Difference(Kind.BROKEN, one.school_id, one.first_at.date(), sentence)


@dataclass(frozen=True, slots=True)
class Left:
    """The last hash that the nightly job left under “Jobs”: by which job, and on which day."""

    hash: str
    job_id: int
    day: date

    def is_gone(self) -> Difference:
        """What is said where no sealing run of the chain has it."""
        sentence = f"Job {self.job_id} has sealed up to the hash {self.hash[:16]}…, which no sealing run has any more."
        return Difference(Kind.BROKEN, None, self.day, sentence)


def left_by_a_job(session: AnySession) -> Left | None:
    """What the nightly job left last. Asked for before the runs are met, since what it seals meanwhile may be later."""
    jobs = select(JobRun).where(JobRun.name == SEALING_JOB).order_by(JobRun.id.desc()).limit(JOBS_ASKED)
    for job in session.scalars(jobs, execution_options={"populate_existing": True}):
        if (kept := (job.counts or {}).get("hash")) is not None:
            return Left(str(kept), job.id, (job.finished_at or job.queued_at).date())
    return None


def emptied(session: AnySession) -> Iterator[Difference]:
    """What says that a log without any seal was not always so: rows that runs have moved, ids that were given."""
    today = clock.now().date()
    moved = select(func.sum(ArchiveRun.moved)).where(ArchiveRun.method.not_in(OF_FILES))
    if (rows := int(session.scalar(moved) or 0)) and not any(_has_rows(session, table) for table in TABLES[1:]):
        sentence = f"Archive runs have moved {counted(rows, 'row')}; the archive is empty, and nothing is sealed."
        yield Difference(Kind.BROKEN, None, today, sentence)
    if (given := _ids_given(session)) and not any(_has_rows(session, table) for table in TABLES):
        sentence = f"{counted(given, 'number')} of rows were given; no row is there, and nothing is sealed."
        yield Difference(Kind.BROKEN, None, today, sentence)


def _has_rows(session: AnySession, table: Any) -> bool:
    return session.execute(select(table.c.id).limit(1)).first() is not None


def _ids_given(session: AnySession) -> int:
    """How many ids the live table has given; 0 in SQLite, which does not remember."""
    if session.get_bind().dialect.name == "sqlite":
        return 0
    # MySQL answers others that ask for this number from what it knew a day ago.
    _, made = session.execute(text(f"SHOW CREATE TABLE {AuditRow.__tablename__}")).one()
    found = re.search(r" AUTO_INCREMENT=(\d+)", made)
    return int(found.group(1)) - 1 if found else 0
