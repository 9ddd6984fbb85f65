"""The pages on which a school's admin brings files in: upload, look at what would change, confirm.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from school_app.core import paging
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.jobs import enqueue_after_commit
from school_app.core.permissions import Permission, requires, viewer
from school_app.rosters import uploads
from school_app.rosters.forms import read_days
from school_app.rosters.models import Import, ImportKind, ImportProblem, ImportStatus

blueprint = Blueprint("rosters", __name__)
PAGE = 30
PROBLEMS_SHOWN = 200
FEW_ALIKE = 5
JOB = "workers.jobs.run_import"
KINDS = {
    ImportKind.ROSTER: "Roster (OneRoster zip, 1.1 or 1.2)",
    ImportKind.CALENDAR: "Calendar (calendar.csv)",
    ImportKind.ATTENDANCE: "Attendance (attendance.csv)",
    ImportKind.BEHAVIOUR: "Incidents (behaviour.csv)",
}


@blueprint.get("/admin/imports")
@requires(Permission.IMPORT_RUN)
def index() -> str:
    """The school's imports, the latest first, and the form for the next."""
    statement = select(Import).order_by(Import.created_at.desc(), Import.id.desc()).limit(PAGE + 1)
    if cursor := request.args.get("after"):
        statement = statement.where(paging.behind(Import.created_at, Import.id, paging.decode(cursor, datetime, int)))
    page = paging.page(db.session.scalars(statement).all(), PAGE, lambda one: (one.created_at, one.id))
    more = url_for("rosters.index", after=page.next) if page.next else None
    return render_template("rosters/index.html", page=page, more=more, kinds=KINDS)


@blueprint.post("/admin/imports")
@requires(Permission.IMPORT_RUN)
def upload() -> Response:
    """Take a file and try it: nothing is written until it is confirmed."""
    file, word = request.files.get("file"), request.form.get("kind", "")
    if file is None or word not in {kind.value for kind in ImportKind}:
        flash("Choose a file, and what it brings.", "error")
        return redirect(url_for("rosters.index"), code=303)
    settings = current_app.config["FORMROOM"]
    try:
        upload = uploads.Upload(file.stream, file.filename or "", ImportKind(word), read_days(request.form))
        row = uploads.store(db.session, settings, upload, by=viewer().by)
    except uploads.InvalidUpload as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for("rosters.index"), code=303)
    _send(row.id)
    return redirect(url_for("rosters.detail", import_id=row.id), code=303)


def _send(import_id: int) -> None:
    force = request.form.get("force") == "yes"
    person = viewer()
    enqueue_after_commit(
        db.session,
        JOB,
        queue="slow",
        requested_by=person.account_id,
        requested_name=person.name,
        import_id=import_id,
        force=force,
    )
    db.session.commit()


@blueprint.get("/admin/imports/<int:import_id>")
@requires(Permission.IMPORT_RUN)
def detail(import_id: int) -> str:
    """One import: how far it is, what it changes, and what is wrong with the file."""
    row = _row(import_id)
    waiting = row.status in (ImportStatus.WAITING, ImportStatus.RUNNING)
    return render_template("rosters/detail.html", row=row, problems=_problems(row.id), kinds=KINDS, waiting=waiting)


def _problems(import_id: int) -> list[tuple[ImportProblem, int]]:
    """The problems of an import, those of one kind together: the first of them, and how many more are kept."""
    rows = db.session.scalars(
        select(ImportProblem).where(ImportProblem.import_id == import_id).order_by(ImportProblem.id)
    )
    alike: dict[tuple[str, str, str | None, str], list[ImportProblem]] = {}
    for one in rows:
        alike.setdefault((one.severity, one.file, one.column, one.remedy), []).append(one)
    # A few of one kind are worth reading one by one; hundreds are one fault.
    found: list[tuple[ImportProblem, int]] = []
    for kind in alike.values():
        found.extend([(kind[0], len(kind) - 1)] if len(kind) > FEW_ALIKE else [(one, 0) for one in kind])
    return sorted(found, key=lambda one: one[0].id)[:PROBLEMS_SHOWN]


@blueprint.post("/admin/imports/<int:import_id>/<any(confirm,drop):answer>")
@requires(Permission.IMPORT_RUN)
def decide(import_id: int, answer: str) -> Response:
    """Carry a tried import out, or throw its file away."""
    _row(import_id)
    try:
        if answer == "confirm":
            uploads.confirm(db.session, import_id)
            _send(import_id)
        else:
            uploads.drop(db.session, current_app.config["FORMROOM"], import_id)
            db.session.commit()
    except uploads.InvalidUpload as error:
        db.session.rollback()
        flash(str(error), "error")
    return redirect(url_for("rosters.detail", import_id=import_id), code=303)


def _row(import_id: int) -> Import:
    row = db.session.scalar(select(Import).where(Import.id == import_id))
    if row is None:
        raise NotFound("import")
    return row
