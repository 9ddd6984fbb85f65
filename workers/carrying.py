"""Carrying out a job by the id of its row: it is claimed, run and ended, or tried again where the fault may pass.

core.queues sends carry_out() the ids; workers.jobs has the jobs themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from school_app.accounts.models import Account, AccountStatus
from school_app.audit import archive
from school_app.audit.cold.store import ColdUnavailable
from school_app.core import clock
from school_app.core.acting import Acting, act_as, acting
from school_app.core.claims import is_lost, signs_of_life
from school_app.core.db import db
from school_app.core.db.columns import present
from school_app.core.errors import DomainError
from school_app.core.jobs import JobRun, JobStatus, resolve
from school_app.core.tenancy import all_schools, use_school

log = structlog.get_logger()
Counts = dict[str, Any]
MOST_ATTEMPTS = 3
# What may be over a minute later. Of an archive run: another holds the lease, a row came late, a replica lags.
PASSING = (OperationalError, PoolTimeout, RedisError, OSError, *archive.PASSING, ColdUnavailable)


def carry_out(job_run_id: int) -> None:
    """Do the job of a row, once: whoever comes second finds it taken or done."""
    with all_schools(db.session):
        job = _claim(job_run_id)
        if job is None:
            db.session.commit()
            return
        name, school_id, arguments, attempt = job.name, job.school_id, dict(job.arguments), job.attempts
        who = Acting(job.requested_by, job.requested_name or "job", job_id=str(job_run_id))
        # Nothing is read after this, so that a job with a connection of its own may write where one writes at a time.
        db.session.commit()
    log.info("job_started", job_run_id=job_run_id, name=name, school_id=school_id)
    try:
        act_as(db.session, replace(who, attempt=attempt))
        told = structlog.contextvars.bound_contextvars(job_run_id=job_run_id, job=name, school_id=school_id)
        with told, signs_of_life(current_app.config["FORMROOM"], acting(db.session)):
            counts = _run(resolve(name), school_id, arguments)
            db.session.commit()
    except Exception as error:
        db.session.rollback()
        act_as(db.session, who)
        _end(job_run_id, attempt, error=error)
        _log_failure(error, job_run_id, name)
    else:
        act_as(db.session, who)
        _end(job_run_id, attempt, counts=counts)
        log.info("job_done", job_run_id=job_run_id, name=name, counts=counts)


def _log_failure(error: Exception, job_run_id: int, name: str) -> None:
    if isinstance(error, DomainError):
        # A known refusal is told in its own sentence; where in the code it was raised helps nobody.
        log.warning("job_refused", job_run_id=job_run_id, name=name, error=str(error))
    else:
        log.error("job_failed", job_run_id=job_run_id, name=name, exc_info=error)


def _claim(job_run_id: int) -> JobRun | None:
    dialect = db.session.get_bind().dialect
    found = select(JobRun, is_lost(dialect)).where(JobRun.id == job_run_id)
    row = db.session.execute(found.with_for_update(), execution_options={"populate_existing": True}).first()
    if row is None:
        raise LookupError(f"There is no job {job_run_id}; was its transaction rolled back?")
    job, lost = row
    if job.status is not JobStatus.QUEUED and not lost:
        return None
    if lost and job.attempts >= MOST_ATTEMPTS:
        job.status, job.finished_at = JobStatus.FAILED, clock.now()
        job.error = f"Its worker was lost, {job.attempts} times tried."
        return None
    if not _may_still_ask(job):
        job.status, job.finished_at = JobStatus.FAILED, clock.now()
        job.error = "Whoever asked for it may no longer log in."
        return None
    job.status, job.started_at, job.error = JobStatus.RUNNING, clock.now(), None
    job.attempts += 1
    job.alive_at = present(dialect)
    return job


def _may_still_ask(job: JobRun) -> bool:
    """Whether whoever asked for a job may still log in; what the schedule and commands ask for has nobody behind it."""
    if job.requested_by is None:
        return True
    status = db.session.scalar(select(Account.status).where(Account.id == job.requested_by))
    return status is AccountStatus.ACTIVE


def _run(function: Callable[..., Counts | None], school_id: int | None, arguments: dict[str, Any]) -> Counts | None:
    if school_id is None:
        with all_schools(db.session):
            return function(**arguments)
    with use_school(db.session, school_id):
        return function(**arguments)


def _end(job_run_id: int, attempt: int, *, counts: Counts | None = None, error: Exception | None = None) -> None:
    """Write down how an attempt ended, unless the job was taken for lost meanwhile, and begun anew or given up."""
    with all_schools(db.session):
        job = db.session.get_one(JobRun, job_run_id, with_for_update=True)
        if (job.attempts, job.status) != (attempt, JobStatus.RUNNING):
            log.warning("job_begun_anew_meanwhile", job_run_id=job_run_id, attempt=attempt)
            db.session.commit()
            return
        job.finished_at, job.counts = clock.now(), counts
        if error is None:
            job.status = JobStatus.DONE
        else:
            again = _is_tried_again(job, error)
            # A row that is queued again is sent by the scheduler, a minute later at the earliest, or five.
            job.status, job.queued_at = (JobStatus.QUEUED if again else JobStatus.FAILED), clock.now()
            job.error = f"{type(error).__name__}: {error}"[:1000]
        db.session.commit()


def _is_tried_again(job: JobRun, error: Exception) -> bool:
    return isinstance(error, PASSING) and job.attempts < MOST_ATTEMPTS
