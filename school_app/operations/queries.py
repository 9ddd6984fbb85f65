"""What operators see: schools with their sizes, jobs, and runs of the audit archive. No student is named here.

operations.routes calls it, inside all_schools().
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.archiving.lease import LEASE
from school_app.archiving.models import ArchiveLease
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.partitions import YEARS as AUDIT_YEARS
from school_app.core import clock
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.paging import Page, ahead, behind, decode, page
from school_app.core.permissions import Role
from school_app.operations.watched import WATCHED, WATCHED_FOR
from school_app.schools.models import Form, School
from school_app.students.models import Student
from school_app.years.partitions import YEARS as CLOSED_YEARS

AnySession = Session | scoped_session[Any]
SCHOOLS_A_PAGE, JOBS_A_PAGE, RUNS_A_PAGE = 50, 50, 30


@dataclass(frozen=True, slots=True)
class SchoolSize:
    """A school and how large it is; students and forms are the active ones."""

    id: int
    name: str
    slug: str
    is_active: bool
    sourced_id: str | None
    students: int
    forms: int


def school_sizes(session: AnySession, *, cursor: str | None = None) -> Page[SchoolSize]:
    """A page of the schools by name, in three statements. Raises BadCursor."""
    columns = (School.id, School.name, School.slug, School.is_active, School.sourced_id)
    statement = select(*columns).order_by(School.name, School.id).limit(SCHOOLS_A_PAGE + 1)
    if cursor is not None:
        statement = statement.where(ahead((School.name, School.id), decode(cursor, str, int)))
    found = page(session.execute(statement).all(), SCHOOLS_A_PAGE, lambda row: (row.name, row.id))
    ids = [row.id for row in found.rows]
    students, forms = _counted(session, Student, ids), _counted(session, Form, ids)
    return Page(
        [
            SchoolSize(**row._mapping, students=students.get(row.id, 0), forms=forms.get(row.id, 0))
            for row in found.rows
        ],
        found.next,
    )


def _counted(session: AnySession, model: type[Student] | type[Form], ids: Sequence[int]) -> dict[int, int]:
    """How many active ones each of some schools has."""
    statement = select(model.school_id, func.count(model.id)).where(model.school_id.in_(ids), model.is_active)
    return {row[0]: row[1] for row in session.execute(statement.group_by(model.school_id))}


def jobs(session: AnySession, *, status: JobStatus | None = None, cursor: str | None = None) -> Page[Any]:
    """Jobs, newest first, with the name of their school. Raises BadCursor."""
    statement = select(
        JobRun.id,
        JobRun.name,
        JobRun.status,
        JobRun.queued_at,
        JobRun.started_at,
        JobRun.finished_at,
        JobRun.attempts,
        JobRun.error,
        JobRun.progress,
        School.name.label("school_name"),
    ).join(School, School.id == JobRun.school_id, isouter=True)
    if status is not None:
        statement = statement.where(JobRun.status == status)
    if cursor is not None:
        key: tuple[datetime, int] = decode(cursor, datetime, int)
        statement = statement.where(behind(JobRun.queued_at, JobRun.id, key))
    rows = session.execute(statement.order_by(JobRun.queued_at.desc(), JobRun.id.desc()).limit(JOBS_A_PAGE + 1)).all()
    return page(rows, JOBS_A_PAGE, lambda row: (row.queued_at, row.id))


@dataclass(frozen=True, slots=True)
class Failed:
    """A nightly job whose latest run failed, and what to do."""

    name: str
    finished_at: datetime | None
    error: str | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What operators have to see to, as it stands on each of their pages."""

    failed: Sequence[Failed]
    partitions: Sequence[str]
    without_mail: Sequence[Account]


def wrong(session: AnySession) -> Wrong:
    """What failed at night, which years have no partition, and who would not be told by mail."""
    without_mail = [person for person in operators(session) if not person.email]
    return Wrong(failed_at_night(session), without_partition(session), without_mail)


def without_partition(session: AnySession) -> list[str]:
    """This and the coming years of any table that have no partition, in sentences; a statement for each kind."""
    connection = session.connection()
    return [said for one in (AUDIT_YEARS, CLOSED_YEARS) for said in one.missing_years(connection)]


def operators(session: AnySession) -> Sequence[Account]:
    """Every operator who may log in, by login."""
    is_operator = and_(AccountRole.account_id == Account.id, AccountRole.role == Role.OPERATOR)
    active = select(Account).join(AccountRole, is_operator).where(Account.status == AccountStatus.ACTIVE)
    return session.scalars(active.where(Account.school_id.is_(None)).order_by(Account.login)).all()


def failed_at_night(session: AnySession) -> Sequence[Failed]:
    """The watched jobs that have failed, and have not been done since; one that is tried again has not failed yet."""
    ended = (
        select(JobRun.name, JobRun.school_id, JobRun.status, JobRun.finished_at, JobRun.error)
        .where(JobRun.queued_at > clock.now() - WATCHED_FOR, JobRun.name.in_(tuple(WATCHED)))
        .where(JobRun.status.in_((JobStatus.DONE, JobStatus.FAILED)))
        .order_by(JobRun.queued_at, JobRun.id)
    )
    # A job that every school has done for itself is done by another school in vain.
    latest = {(row.name, row.school_id): row for row in session.execute(ended)}
    return [
        Failed(row.name.rpartition(".")[2], row.finished_at, row.error, WATCHED[row.name])
        for row in latest.values()
        if row.status is JobStatus.FAILED
    ]


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run of the audit archive. `seconds` are those since its start where it is under way; bytes are about."""

    started_at: datetime
    started_by: str
    cutoff: datetime
    method: str
    state: str
    moved: int
    expected: int | None
    bytes: int
    seconds: int
    waited: int
    waits_for: str | None
    error: str | None

    @property
    def under_way(self) -> bool:
        """Whether it is at work now."""
        return self.state == RunStatus.RUNNING

    @property
    def percent(self) -> int | None:
        """How much of what it set out to move has been moved; None where it does not know."""
        return min(100, 100 * self.moved // self.expected) if self.expected else None


def archive_runs(session: AnySession, *, cursor: str | None = None) -> Page[RunShown]:
    """Runs of the audit archive and of cold storage, newest first, in two statements. Raises BadCursor."""
    held = (ArchiveLease.name == LEASE, ArchiveLease.holder.is_not(None))
    lease = session.scalar(select(func.max(ArchiveLease.expires_at)).where(*held))
    statement = select(ArchiveRun)
    if cursor is not None:
        key: tuple[datetime, int] = decode(cursor, datetime, int)
        statement = statement.where(behind(ArchiveRun.started_at, ArchiveRun.id, key))
    ordered = statement.order_by(ArchiveRun.started_at.desc(), ArchiveRun.id.desc()).limit(RUNS_A_PAGE + 1)
    runs = session.scalars(ordered, execution_options={"populate_existing": True}).all()
    found = page(runs, RUNS_A_PAGE, lambda run: (run.started_at, run.id))
    return Page([_shown(run, alive=lease is not None and lease > clock.now()) for run in found.rows], found.next)


def _shown(run: ArchiveRun, *, alive: bool) -> RunShown:
    broken = run.status is RunStatus.RUNNING and not alive
    ended = run.finished_at or clock.now()
    return RunShown(
        run.started_at,
        run.started_by,
        run.cutoff,
        run.method,
        # Whoever killed it could not say so; the next run does.
        "broken off" if broken else run.status.value,
        run.moved,
        run.expected,
        run.bytes,
        int((ended - run.started_at).total_seconds()),
        run.waited,
        run.waits_for,
        run.error,
    )
