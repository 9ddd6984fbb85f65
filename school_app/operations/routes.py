"""The platform's own pages, the two addresses that say whether this process lives and can work, and the metrics.

Pages: schools, jobs, and runs of the audit archive.
school_app.features registers the blueprint.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, flash, jsonify, redirect, render_template, request, url_for
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from school_app.core import metrics as figures
from school_app.core.db import db
from school_app.core.jobs import JobStatus
from school_app.core.metrics import Reading
from school_app.core.permissions import METRICS_TOKEN, Permission, public, requires
from school_app.core.replicas import states as replica_states
from school_app.core.sessions import ServerSessions
from school_app.core.tenancy import all_schools
from school_app.operations import measurements, queries
from school_app.schools.service import InvalidSetting
from school_app.schools.service import set_roster_id as set_school_roster_id

blueprint = Blueprint("operations", __name__)
REDIS_SECONDS = 0.5
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/platform/schools")
@requires(Permission.PLATFORM_SCHOOLS)
def schools() -> str:
    """The schools of the platform by name, each with its size."""
    with all_schools(db.session):
        wrong = queries.wrong(db.session)
        page = queries.school_sizes(db.session, cursor=request.args.get("after"))
        return render_template("operations/schools.html", page=page, wrong=wrong)


@blueprint.post("/platform/schools/<int:school_id>/roster-id")
@requires(Permission.PLATFORM_SCHOOLS)
def set_roster_id(school_id: int) -> AnyResponse:
    """Say by which id the roster files name a school."""
    try:
        with all_schools(db.session):
            school = set_school_roster_id(db.session, school_id, request.form.get("sourced_id", ""))
            db.session.commit()
            flash(f"Roster files name {school.name} {school.sourced_id}.", "success")
    except InvalidSetting as error:
        db.session.rollback()
        flash(str(error), "error")
    return redirect(url_for("operations.schools"), code=303)


@blueprint.get("/platform/jobs")
@requires(Permission.PLATFORM_JOBS)
def jobs() -> str:
    """Every job, newest first."""
    word = request.args.get("status", "")
    status = JobStatus(word) if word in set(JobStatus) else None
    with all_schools(db.session):
        found = queries.jobs(db.session, status=status, cursor=request.args.get("after"))
        choices = [("", "All"), *((each.value, each.value) for each in JobStatus)]
        wrong = queries.wrong(db.session)
        return render_template("operations/jobs.html", page=found, status=status, choices=choices, wrong=wrong)


@blueprint.get("/platform/audit-runs")
@requires(Permission.PLATFORM_JOBS)
def audit_runs() -> str:
    """Every run of the audit archive, newest first, and how far the one under way is."""
    with all_schools(db.session):
        found = queries.archive_runs(db.session, cursor=request.args.get("after"))
        wrong = queries.wrong(db.session)
        return render_template("operations/audit_runs.html", page=found, wrong=wrong)


@blueprint.get("/health/live")
@public
def live() -> tuple[Response, int]:
    """200 while the process answers at all."""
    return jsonify(status="alive"), 200


@blueprint.get("/health/ready")
@public
def ready() -> tuple[Response, int]:
    """200 while the database and Redis answer, else 503; which of them does not is said, and why is logged.

    A year of the audit log without a partition is said too, and takes no page away: its rows lie in the catch-all.
    """
    parts = {**_database(), "redis": _redis_answers()}
    ready = parts["database"] and parts["redis"]
    return jsonify(status="ready" if ready else "not ready", **parts), 200 if ready else 503


@blueprint.get("/metrics")
@requires(Permission.PLATFORM_METRICS, METRICS_TOKEN)
def metrics() -> Response:
    """Every figure of the product, in Prometheus's text; a part that does not answer is said to be down."""
    people, of_redis = _active()
    rows, of_database = _read_from_database()
    replicas = measurements.replica_lags(replica_states(current_app))
    readings = [*people, *rows, *replicas, measurements.parts({"database": of_database, "redis": of_redis})]
    return Response(figures.of(current_app).text(readings), content_type=PROMETHEUS)


def _active() -> tuple[list[Reading], bool]:
    """Who is there, and whether sessions could be asked."""
    try:
        people = cast(ServerSessions, current_app.session_interface).active()
    except RedisError:
        current_app.logger.exception("redis does not answer")
        return [], False
    return [Reading("formroom_active_users", "People who were active in the last ten minutes", {"": people})], True


def _read_from_database() -> tuple[list[Reading], bool]:
    """What the database tells, and whether it does."""
    try:
        with all_schools(db.session):
            return [*measurements.waiting_jobs(db.session), *measurements.archive_lag(db.session)], True
    except SQLAlchemyError:
        current_app.logger.exception("database does not answer")
        db.session.rollback()
        return [], False


def _database() -> dict[str, bool]:
    """Whether the database answers, and where it does, whether each year of the audit log has its partition."""
    try:
        with all_schools(db.session):
            db.session.execute(text("SELECT 1"))
            missing = queries.without_partition(db.session)
    except SQLAlchemyError:
        current_app.logger.exception("database does not answer")
        return {"database": False}
    for sentence in missing:
        current_app.logger.warning(sentence)
    return {"database": True, "audit_partitions": not missing}


def _redis_answers() -> bool:
    url = current_app.config["FORMROOM"].redis_url
    if url is None:
        return True
    try:
        client = Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
        return bool(client.ping())
    except RedisError:
        current_app.logger.exception("redis does not answer")
        return False
