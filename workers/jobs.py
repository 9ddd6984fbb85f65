"""Every job by name: thin adapters from ids to services, each of which may run twice.

core.queues sends carry_out() a row's id; school_app names the other functions when it enqueues.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import and_, delete, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from school_app.accounts.mailing import mail_password_link
from school_app.accounts.models import Account, AccountStatus
from school_app.alerts.evaluation import evaluate, students_to_evaluate
from school_app.alerts.rules.episodes import Move
from school_app.alerts.sources import sources
from school_app.audit import archive, partitions, refusals, seals
from school_app.audit.at_work import at_work, step_through
from school_app.audit.cold.cooling import Cooling, Limits
from school_app.audit.cold.store import ColdUnavailable, store
from school_app.audit.replicas import Replicas
from school_app.audit.retention.destroying import Destroying
from school_app.core import clock
from school_app.core.acting import Acting, act_as, acting
from school_app.core.claims import is_lost, present, signs_of_life
from school_app.core.db import db, unhurried_engine_of
from school_app.core.errors import DomainError
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit, resolve, send
from school_app.core.tenancy import all_schools, use_school
from school_app.history import exports
from school_app.operations import service
from school_app.rosters import uploads
from school_app.schools.models import School

log = structlog.get_logger()
Counts = dict[str, Any]
MOST_ATTEMPTS = 3
# Of a job that could not be sent, or failed for the first time; and of one that failed once more: by then a server has
# ended the connection of a host that vanished, and released its locks (core.db.SILENT_SECONDS).
WAITS, WAITS_LONGER = timedelta(seconds=60), timedelta(minutes=5)
KEPT_FOR = timedelta(days=30)
BATCH = 500
# Less than the queue allows a job; what is left over waits for the next night.
ARCHIVE_SECONDS = 3000
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
        with signs_of_life(current_app.config["FORMROOM"], acting(db.session)):
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


def resend_waiting() -> Counts:
    """Send the jobs that wait since the queue could not be reached, or for another try, or whose worker was lost."""
    now = clock.now()
    waited = or_(
        and_(JobRun.attempts < 2, JobRun.queued_at < now - WAITS),
        JobRun.queued_at < now - WAITS_LONGER,
    )
    waits = and_(JobRun.status == JobStatus.QUEUED, waited)
    waiting = select(JobRun.id, JobRun.queue).where(or_(waits, is_lost(db.session.get_bind().dialect)))
    rows = db.session.execute(waiting.order_by(JobRun.queued_at).limit(BATCH)).all()
    return {"sent": sum(send(job_run_id, queue) for job_run_id, queue in rows)}


def tell_refusals() -> Counts:
    """Write down how often accounts were refused in the minutes past, beyond the refusals that have rows."""
    rows = refusals.tell_refusals(db.session)
    db.session.commit()
    return {"told": rows}


def tell_failures() -> Counts:
    """Have operators told by mail of watched jobs that failed for good."""
    mails = service.tell_failures(db.session)
    db.session.commit()
    return {"mails": mails}


def mail_failure(failed_id: int, account_id: int) -> Counts:
    """Mail the failure of a job to an operator."""
    return {"mail": service.mail_failure(db.session, current_app.config["FORMROOM"], failed_id, account_id)}


def prune_job_runs() -> Counts:
    """Forget jobs that were done long ago; failed ones stay until somebody has looked."""
    done = delete(JobRun).where(JobRun.status == JobStatus.DONE, JobRun.finished_at < clock.now() - KEPT_FOR)
    return {"forgotten": db.session.execute(done, execution_options={"synchronize_session": False}).rowcount}  # type: ignore[attr-defined]


def send_password_link(link_id: int) -> Counts:
    """Mail the link that sets a password."""
    return {"mail": mail_password_link(db.session, link_id, current_app.config["FORMROOM"])}


def archive_audit(older_than_days: int = archive.HOT_DAYS) -> Counts:
    """Move audit rows past their hot days to the archive."""
    limits = archive.Limits(timedelta(days=older_than_days), max_seconds=ARCHIVE_SECONDS)
    with _apart() as session:
        replicas = Replicas.of(current_app.config["FORMROOM"])
        run = archive.Run(session, limits, started_by="a worker", replicas=replicas)
        run.plan()
        session.commit()
        step_through(session, run)
    return {"moved": run.moved, "batches": run.batches, "seconds waited": round(run.record.waited)}


def cool_audit() -> Counts:
    """Take whole years past their time in the database to cold storage."""
    limits = Limits(years=current_app.config["FORMROOM"].cold.years, max_seconds=ARCHIVE_SECONDS)
    with _apart() as session:
        run = Cooling(session, store(), limits, started_by="a worker")
        step_through(session, run)
    return {"moved": run.moved, "files": run.made}


def destroy_audit() -> Counts:
    """Destroy the cold files whose time is past, on record, unless a hold stands."""
    with _apart() as session:
        run = Destroying(session, store(), started_by="a worker")
        step_through(session, run)
    return {"files": run.files, "rows": run.rows, "held": len(run.held)}


def _apart() -> AbstractContextManager[Session]:
    """A session across all schools with the archiver's account, in which the job acts as in the usual one."""
    return at_work(current_app.config["FORMROOM"].as_archiver(), acting(db.session))


def seal_audit() -> Counts:
    """Seal the audit rows of the days that are over, a run and a commit at a time, on a connection of its own.

    The last run's hash goes into the log, and with it to wherever logs are kept.
    """
    counts: Counts = {"runs": 0, "rows": 0, "seals": 0}
    with at_work(current_app.config["FORMROOM"], acting(db.session)) as session:
        for run in seals.seal(session):
            more = {"runs": 1, "rows": run.rows, "seals": run.seals}
            counts = {**{name: counts[name] + number for name, number in more.items()}, "hash": run.hash}
            session.commit()
    return counts


def keep_audit_partitions() -> Counts:
    """Make the partitions of the coming years; it fails where something is left that a person has to see to."""
    with unhurried_engine_of(current_app.config["FORMROOM"].as_archiver()) as engine:
        made, wrong = partitions.keep(engine), partitions.missing(engine)
    if wrong:
        raise partitions.PartitionsMissing(" ".join(wrong))
    return {"made": made}


def evaluate_all() -> Counts:
    """Have every open school's students judged, each school by a job of its own."""
    schools = db.session.scalars(select(School.id).where(School.is_active)).all()
    for school_id in schools:
        with use_school(db.session, school_id):
            enqueue_after_commit(db.session, "workers.jobs.evaluate_school", queue="slow")
    return {"schools": len(schools)}


def evaluate_school() -> Counts:
    """Judge every student of the job's school as of its own today."""
    timezone = db.session.scalars(select(School.timezone)).one()
    ids, today = students_to_evaluate(db.session), clock.today(timezone)
    counts = {"students": 0, "raised": 0, "worsened": 0, "resolved": 0}
    for start in range(0, len(ids), BATCH):
        done = evaluate(db.session, sources(), ids[start : start + BATCH], as_of=today)
        db.session.commit()
        counts["students"] += done.students
        counts["raised"] += done.raised
        counts["worsened"] += done.count(Move.WORSEN)
        counts["resolved"] += done.count(Move.RESOLVE)
    return counts


def export_history(export_id: int) -> Counts:
    """Write the file of an export of the history, a piece and a commit at a time."""
    try:
        rows = 0
        for piece in exports.write(db.session, current_app.config["FORMROOM"], export_id):
            db.session.commit()
            rows += piece
    except Exception as error:
        db.session.rollback()
        exports.fail(db.session, export_id, error, is_tried_again=_is_own_job_tried_again(error))
        db.session.commit()
        raise
    return {"rows": rows}


def _is_own_job_tried_again(error: Exception) -> bool:
    """Whether the job that is being carried out will be tried again after an error."""
    with all_schools(db.session):
        job = db.session.get(JobRun, int(acting(db.session).job_id or 0))
        return job is not None and _is_tried_again(job, error)


def prune_exports() -> Counts:
    """Destroy the files of exports whose day is over."""
    return {"destroyed": exports.prune(db.session, current_app.config["FORMROOM"])}


def prune_uploads() -> Counts:
    """Throw away uploaded files that nobody brought in."""
    return {"thrown away": uploads.prune(db.session, current_app.config["FORMROOM"])}


def run_import(import_id: int, force: bool = False) -> Counts:
    """Try an uploaded file or bring it in, inside the job's school."""
    settings = current_app.config["FORMROOM"]
    counts = uploads.run(db.session, settings, import_id, force=force)
    db.session.commit()
    return counts
