"""Figures that are read when somebody asks for the metrics, each in a statement or two that stay as short as they are.

operations.routes calls it, inside all_schools(); core.metrics writes them down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.archive import HOT_DAYS
from school_app.audit.models import AuditRow
from school_app.core import clock
from school_app.core.db import has_day
from school_app.core.jobs import QUEUES, JobRun, JobStatus
from school_app.core.metrics import Reading
from school_app.core.replicas import State

AnySession = Session | scoped_session[Any]


def waiting_jobs(session: AnySession) -> list[Reading]:
    """How many jobs wait in each queue, and how long the oldest has waited.

    Their rows are asked, not Redis: a job that could not be sent there waits as well.
    """
    waiting = (
        select(JobRun.queue, func.count(), func.min(JobRun.queued_at))
        .where(JobRun.status == JobStatus.QUEUED)
        .group_by(JobRun.queue)
    )
    found = {queue: (jobs, oldest) for queue, jobs, oldest in session.execute(waiting)}
    depth = {queue: float(found[queue][0]) if queue in found else 0.0 for queue in {*QUEUES, *found}}
    ages = {queue: _age(found[queue][1]) if queue in found else 0.0 for queue in depth}
    return [
        Reading("formroom_queue_jobs", "Jobs that wait", depth, "queue"),
        Reading("formroom_queue_oldest_seconds", "How long the oldest of them has waited", ages, "queue"),
    ]


def archive_lag(session: AnySession) -> list[Reading]:
    """By how much the oldest live audit row is past its hot days.

    The row with the smallest id is the one that was written first: each partition is asked for one row of its primary
    key. Rows that came late, with an old moment, have larger ids and are not seen here.
    """
    oldest = session.scalar(
        select(AuditRow.created_at).where(has_day(AuditRow.created_at)).order_by(AuditRow.id).limit(1)
    )
    past = 0.0 if oldest is None else max(0.0, _age(oldest) - timedelta(days=HOT_DAYS).total_seconds())
    meaning = f"By how much the oldest live audit row is older than {HOT_DAYS} days"
    return [Reading("formroom_audit_archive_lag_seconds", meaning, {"": past})]


def replica_lags(states: Sequence[State]) -> list[Reading]:
    """How far each replica is behind, and whether this process reads pages from it; nothing where there is none.

    One that does not answer, or of which nothing is known yet, has no lag.
    """
    if not states:
        return []
    near = {one.name: one.is_near for one in states}
    lags = {one.name: one.behind for one in states if one.behind is not None}
    return [
        Reading("formroom_replica_near", "Whether pages are read from a replica", _numbers(near), "replica"),
        Reading("formroom_replica_lag_seconds", "How far a replica is behind at most", lags, "replica"),
    ]


def parts(answers: Mapping[str, bool]) -> Reading:
    """Whether database and Redis answered when the figures were read."""
    return Reading("formroom_part_up", "Whether a part answered just now", _numbers(answers), "part")


def _numbers(answers: Mapping[str, bool]) -> dict[str, float]:
    return {name: float(answer) for name, answer in answers.items()}


def _age(moment: Any) -> float:
    return max(0.0, float((clock.now() - moment).total_seconds()))
