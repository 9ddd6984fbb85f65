"""Every job by name: thin adapters from ids to services, each of which may run twice.

school_app names them when it enqueues; workers.carrying carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from school_app.accounts.mailing import mail_password_link
from school_app.alerts.evaluation import evaluate, students_to_evaluate
from school_app.alerts.rules.episodes import Move
from school_app.alerts.sources import sources
from school_app.archiving.at_work import at_work, step_through
from school_app.archiving.pace import Measure
from school_app.archiving.replicas import Replicas
from school_app.archiving.years import PartitionsMissing
from school_app.audit import archive, partitions, refusals, seals
from school_app.audit.cold.cooling import Cooling, Limits
from school_app.audit.cold.store import store
from school_app.audit.retention.destroying import Destroying
from school_app.core import clock
from school_app.core.acting import acting
from school_app.core.claims import is_lost, tell_progress
from school_app.core.db import db
from school_app.core.db.engines import unhurried_engine_of
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit, send
from school_app.core.tenancy import use_school
from school_app.dashboards import warming
from school_app.history import exports
from school_app.operations import service
from school_app.rosters import uploads
from school_app.schools.models import School
from school_app.summaries import service as summaries
from school_app.summaries.checking import SummariesDiffer, check, check_students
from school_app.summaries.queries import waiting_schools
from school_app.years.moving import YearRun, YearTurned
from school_app.years.partitions import YEARS as years_of_registers
from school_app.years.queries import years_on_their_way

Counts = dict[str, Any]
# Of a job that could not be sent, or failed for the first time; and of one that failed once more: by then a server has
# ended the connection of a host that vanished, and released its locks (core.db.engines.SILENT_SECONDS).
WAITS, WAITS_LONGER = timedelta(seconds=60), timedelta(minutes=5)
KEPT_FOR = timedelta(days=30)
BATCH = 500
# How far back the summaries are compared every night.
CHECKED_DAYS = timedelta(days=14)
# For so long after the time at which a school's day is made ready, should the scheduler be late.
WARMS_WITHIN = timedelta(minutes=30)
# Less than the queue allows a job; what is left over waits for the next night.
ARCHIVE_SECONDS = 3000


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
    """Make the partitions of the coming years, those of closed school years too; it fails where something is left that
    a person has to see to."""
    with unhurried_engine_of(current_app.config["FORMROOM"].as_archiver()) as engine:
        kinds = (partitions.YEARS, years_of_registers)
        made = sum(one.keep(engine) for one in kinds)
        wrong = [sentence for one in kinds for sentence in one.missing(engine)]
    if wrong:
        raise PartitionsMissing(" ".join(wrong))
    return {"made": made}


def move_school_year(year_id: int) -> Counts:
    """Move the registers of a closed school year to the archive, or back where it is being reopened.

    Somebody may have turned the year since the job was asked for: the rest is done by the job that they asked for, and
    nothing has failed.
    """
    settings = current_app.config["FORMROOM"]
    with at_work(settings, acting(db.session)) as session:
        run = YearRun(
            session,
            year_id,
            Measure(max_seconds=ARCHIVE_SECONDS),
            started_by="a worker",
            replicas=Replicas.of(settings),
            tell=lambda said: tell_progress(session, said),
        )
        try:
            step_through(session, run)
        except YearTurned as turned:
            return {"moved": run.moved, "finished": False, "ended": str(turned)}
    return {"moved": run.moved, "finished": run.is_finished}


def move_school_years() -> Counts:
    """Have the runs over school years finished that were broken off, each by a job of its own."""
    years = years_on_their_way(db.session)
    for year_id, school_id in years:
        with use_school(db.session, school_id):
            enqueue_after_commit(db.session, "workers.jobs.move_school_year", queue="slow", year_id=year_id)
    return {"years": len(years)}


def evaluate_all() -> Counts:
    """Have every open school's students judged, each school by a job of its own."""
    return _have_done(evaluate_school, _open_schools())


def evaluate_school() -> Counts:
    """Judge every student of the job's school as of its own today."""
    ids, today = students_to_evaluate(db.session), _today()
    counts = {"students": 0, "raised": 0, "worsened": 0, "resolved": 0}
    for start in range(0, len(ids), BATCH):
        done = evaluate(db.session, sources(), ids[start : start + BATCH], as_of=today)
        db.session.commit()
        counts["students"] += done.students
        counts["raised"] += done.raised
        counts["worsened"] += done.count(Move.WORSEN)
        counts["resolved"] += done.count(Move.RESOLVE)
    return counts


def refresh_all_summaries() -> Counts:
    """Have the summaries of every open school counted of which something is due, each by a job of its own."""
    return _have_done(refresh_summaries, waiting_schools(db.session))


def refresh_summaries() -> Counts:
    """Count what is due in the summaries of the job's school, a piece and a commit at a time."""
    counts = {"rows": 0, "due": 0, "students": 0}
    for piece in summaries.refresh(db.session, today=_today()):
        db.session.commit()
        counts = {name: number + getattr(piece, name) for name, number in counts.items()}
    return counts


def check_all_summaries() -> Counts:
    """Have every open school's summaries of the last days and of students compared, each school by a job of its own."""
    return _have_done(check_summaries, _open_schools())


def check_summaries() -> Counts:
    """Compare the summaries of the job's school with the rows they were counted from; it fails where they differ."""
    refresh_summaries()
    today = _today()
    checked, students = check(db.session, today - CHECKED_DAYS, today), check_students(db.session, today=today)
    if checked.differences or students.differences:
        raise SummariesDiffer([*checked.differences, *students.differences])
    return {"rows": checked.rows, "students": students.rows}


def _open_schools() -> Sequence[int]:
    return db.session.scalars(select(School.id).where(School.is_active)).all()


def _have_done(job: Callable[[], Counts], schools: Sequence[int]) -> Counts:
    """Enqueue a job of this module for each of some schools, inside which it is carried out."""
    for school_id in schools:
        with use_school(db.session, school_id):
            enqueue_after_commit(db.session, f"{__name__}.{job.__name__}", queue="slow")
    return {"schools": len(schools)}


def warm_all_homes() -> Counts:
    """Have the first pages of every open school made ahead whose clock says that its day begins soon."""
    warm_at, now, number = current_app.config["FORMROOM"].warm_at, clock.now(), 0
    for school_id, timezone in db.session.execute(select(School.id, School.timezone).where(School.is_active)).all():
        local = now.astimezone(ZoneInfo(timezone))
        if timedelta(0) <= local - datetime.combine(local.date(), warm_at, local.tzinfo) < WARMS_WITHIN:
            number += 1
            with use_school(db.session, school_id):
                enqueue_after_commit(db.session, "workers.jobs.warm_homes", queue="slow")
    return {"schools": number}


def warm_homes() -> Counts:
    """Make the homes of the masters of the job's school, so that they find them ready."""
    return {"pages": warming.warm(db.session)}


def _today() -> date:
    return clock.today(db.session.scalars(select(School.timezone)).one())


def export_history(export_id: int) -> Counts:
    """Write the file of an export of the history, a piece and a commit at a time."""
    rows = 0
    try:
        for piece in exports.write(db.session, current_app.config["FORMROOM"], export_id):
            db.session.commit()
            rows += piece
    except exports.ExportRefused as error:
        db.session.rollback()
        exports.record_refusal(db.session, export_id, error)
        db.session.commit()
        raise
    return {"rows": rows}


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
