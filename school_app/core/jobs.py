"""Background work: a job is a row first, and goes to the queue after the commit that wrote the row.

Services call enqueue_after_commit(); workers call carry_out(). Jobs take ids, may run twice, and belong to one school.
"""

from __future__ import annotations

import enum
import importlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import structlog
from flask import Flask, current_app
from redis.exceptions import RedisError
from sqlalchemy import Index, Integer, String, event
from sqlalchemy.orm import Mapped, Session, mapped_column, scoped_session

from school_app.core import clock
from school_app.core.db import Base, Id, JsonText, SchoolSession, UtcDateTime, one_of
from school_app.core.tenancy import SchoolOrPlatform, current_school

log = structlog.get_logger()
PENDING = "formroom.pending_jobs"
# The queues, and how many seconds a job of each may take. The last one is for what takes audit rows from where they
# lie: its worker may have a database account of its own.
QUEUES = {"default": 300, "slow": 3600, "audit": 3600}
AnySession = Session | scoped_session[Any]


class JobStatus(enum.StrEnum):
    """The life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobRun(SchoolOrPlatform, Base):
    """One job: what is to be done, for which school, how far it is and how it ended.

    `alive_at` is the last sign of life of whoever carries it out, by the database's clock. `told_at` is when operators
    were told of its failure.
    """

    __tablename__ = "job_run"
    __table_args__ = (
        Index("ix_job_run_status_queued_at", "status", "queued_at"),
        Index("ix_job_run_school_id_queued_at", "school_id", "queued_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(120))
    queue: Mapped[str] = mapped_column(String(20), default="default")
    arguments: Mapped[dict[str, Any]] = mapped_column(JsonText)
    status: Mapped[JobStatus] = mapped_column(one_of(JobStatus), default=JobStatus.QUEUED)
    requested_by: Mapped[int | None] = mapped_column(Id)
    requested_name: Mapped[str | None] = mapped_column(String(200))
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alive_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    progress: Mapped[str | None] = mapped_column(String(200))
    counts: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    error: Mapped[str | None] = mapped_column(String(1000))


class Queue(Protocol):
    """What takes a job after the commit: RQ, threads of this process, or a list in tests."""

    def put(self, job_run_id: int, *, queue: str) -> None: ...


def init_app(app: Flask, queue: Queue) -> None:
    """Send this app's jobs to a queue."""
    app.extensions["formroom.queue"] = queue


def enqueue_after_commit(
    session: AnySession,
    name: str,
    *,
    queue: str = "default",
    requested_by: int | None = None,
    requested_name: str | None = None,
    **ids: Any,
) -> JobRun:
    """Write a job's row in this transaction, and send it when the transaction is committed.

    `name` is the dotted path of a function in workers.jobs. When the queue cannot be reached the row waits, and the
    scheduler sends it later; a rolled-back transaction leaves no job.
    """
    if queue not in QUEUES:
        raise ValueError(f"No worker listens to the queue {queue!r}.")
    job = JobRun(
        school_id=current_school(session),
        name=name,
        queue=queue,
        arguments=ids,
        requested_by=requested_by,
        requested_name=requested_name,
    )
    session.add(job)
    session.flush()
    session.info.setdefault(PENDING, []).append((job.id, queue))
    return job


@event.listens_for(SchoolSession, "after_commit")
def _send_pending(session: Session) -> None:
    for job_run_id, queue in session.info.pop(PENDING, []):
        send(job_run_id, queue)


@event.listens_for(SchoolSession, "after_rollback")
def _forget_pending(session: Session) -> None:
    session.info.pop(PENDING, None)


def send(job_run_id: int, queue: str) -> bool:
    """Hand a written job to the queue; False where the queue cannot be reached, and the row waits for the scheduler."""
    target: Queue = current_app.extensions["formroom.queue"]
    try:
        target.put(job_run_id, queue=queue)
    except (RedisError, OSError) as error:
        log.warning("job_waits_for_queue", job_run_id=job_run_id, error=type(error).__name__)
        return False
    return True


def resolve(name: str) -> Callable[..., dict[str, Any] | None]:
    """The function a job's name stands for; only public functions of workers.jobs are jobs."""
    module, _, function = name.rpartition(".")
    if module != "workers.jobs" or function.startswith("_"):
        raise LookupError(f"{name!r} is not a job.")
    found: Callable[..., dict[str, Any] | None] = getattr(importlib.import_module(module), function)
    return found
