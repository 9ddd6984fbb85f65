"""What operators see: schools with their sizes, and jobs. No student is named here.

operations.routes calls it, inside all_schools().
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.jobs import JobRun, JobStatus
from school_app.core.paging import Page, behind, decode, page
from school_app.schools.models import Form, School
from school_app.students.models import Student

AnySession = Session | scoped_session[Any]
JOBS_A_PAGE = 50


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


def school_sizes(session: AnySession) -> Sequence[SchoolSize]:
    """Every school by name, in three statements."""
    students = dict(_counted(session, Student))
    forms = dict(_counted(session, Form))
    schools = session.execute(
        select(School.id, School.name, School.slug, School.is_active, School.sourced_id).order_by(School.name)
    )
    return [
        SchoolSize(
            row.id, row.name, row.slug, row.is_active, row.sourced_id, students.get(row.id, 0), forms.get(row.id, 0)
        )
        for row in schools
    ]


def _counted(session: AnySession, model: type[Student] | type[Form]) -> Sequence[tuple[int, int]]:
    statement = select(model.school_id, func.count(model.id)).where(model.is_active).group_by(model.school_id)
    return [(row[0], row[1]) for row in session.execute(statement)]


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
        School.name.label("school_name"),
    ).join(School, School.id == JobRun.school_id, isouter=True)
    if status is not None:
        statement = statement.where(JobRun.status == status)
    if cursor is not None:
        key: tuple[datetime, int] = decode(cursor, datetime, int)
        statement = statement.where(behind(JobRun.queued_at, JobRun.id, key))
    rows = session.execute(statement.order_by(JobRun.queued_at.desc(), JobRun.id.desc()).limit(JOBS_A_PAGE + 1)).all()
    return page(rows, JOBS_A_PAGE, lambda row: (row.queued_at, row.id))
