"""The pages of incidents and positive records.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.alerts.evaluation import evaluate
from school_app.alerts.sources import sources
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.behaviour import queries
from school_app.behaviour.forms import read_filters, read_report, written
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.service import (
    SEVERITIES,
    InvalidIncident,
    correct_incident,
    is_imported,
    may_change,
    record_incident,
    withdraw_incident,
)
from school_app.core import clock
from school_app.core.db import db
from school_app.core.errors import Conflict, Forbidden
from school_app.core.fingerprint import new_once
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.students.access import reach_of, reachable_student
from school_app.students.models import Student

blueprint = Blueprint("behaviour", __name__)
KINDS = (("", "All"), (IncidentKind.CONCERN.value, "Incidents"), (IncidentKind.POSITIVE.value, "Positive records"))
FILTERS = ("kind", "severity", "form", "since", "mine")


@blueprint.get("/incidents")
@requires(Permission.INCIDENT_RECORD, Permission.SCHOOL_FIGURES)
@reading
def index() -> str:
    """Incidents and positive records of the students in reach, the latest recorded first."""
    today = _today()
    reach = reach_of(db.session, viewer(), today=today)
    filters = read_filters(request.args, account_id=viewer().account_id)
    page = queries.incidents(db.session, reach, filters, cursor=request.args.get("after"))
    asked: dict[str, Any] = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return render_template(
        "behaviour/index.html",
        page=page,
        more=url_for("behaviour.index", after=page.next, **asked) if page.next else None,
        asked=asked,
        kinds=KINDS,
        forms=[("", "All"), *queries.forms_in_reach(db.session, reach, today)],
        severities=SEVERITIES,
    )


@blueprint.get("/incidents/<int:incident_id>")
@requires(Permission.STUDENT_VIEW)
def incident(incident_id: int) -> str:
    """One incident; that it was looked at is recorded."""
    found, rendered = _printed(incident_id)
    record(db.session, Event.INCIDENT_VIEWED, found)
    db.session.commit()
    return rendered


def _incident_page(incident_id: int, error: str | None = None) -> str:
    return _printed(incident_id, error)[1]


@reading
def _printed(incident_id: int, error: str | None = None) -> tuple[Incident, str]:
    reach = reach_of(db.session, viewer(), today=_today())
    found, student = queries.reachable_incident(db.session, reach, incident_id)
    rendered = render_template(
        "behaviour/incident.html",
        incident=found,
        student=student,
        severities=SEVERITIES,
        may_change=_may_change(found, reach.cares_for(student)),
        is_imported=is_imported(found),
        error=error,
        entered=request.form,
    )
    return found, rendered


def _may_change(found: Incident, in_care: bool) -> bool:
    return viewer().may(Permission.INCIDENT_RECORD) and may_change(found, viewer().by, in_care=in_care)


@blueprint.route("/incidents/<int:incident_id>/correct", methods=["GET", "POST"])
@requires(Permission.INCIDENT_RECORD)
def correct(incident_id: int) -> str | Response | tuple[str, int]:
    """Correct what was recorded, and judge the student anew."""
    today = _today()
    found, student = _changeable(incident_id)
    if request.method == "GET":
        record(db.session, Event.INCIDENT_VIEWED, found)
        db.session.commit()
        found, student = _changeable(incident_id)
        return _form_page(student, entered=written(found), changing=found)
    try:
        correct_incident(db.session, incident_id, read_report(request.form), today=today)
    except (InvalidIncident, Conflict) as error:
        db.session.rollback()
        found, student = _changeable(incident_id)
        return _form_page(student, error=str(error), changing=found), error.status
    evaluate(db.session, sources(), [student.id], as_of=today)
    db.session.commit()
    flash("It is corrected; the history keeps what stood before.", "success")
    return redirect(url_for("behaviour.incident", incident_id=incident_id), code=303)


@blueprint.post("/incidents/<int:incident_id>/withdraw")
@requires(Permission.INCIDENT_RECORD)
def withdraw(incident_id: int) -> Response | tuple[str, int]:
    """Say that it was recorded by mistake, and judge the student anew."""
    _, student = _changeable(incident_id)
    try:
        withdraw_incident(db.session, incident_id, reason=request.form.get("reason", ""), by=viewer().by)
    except (InvalidIncident, Conflict) as error:
        db.session.rollback()
        return _incident_page(incident_id, error=str(error)), error.status
    evaluate(db.session, sources(), [student.id], as_of=_today())
    db.session.commit()
    flash("It is withdrawn, and counts nowhere.", "success")
    return redirect(url_for("behaviour.incident", incident_id=incident_id), code=303)


def _changeable(incident_id: int) -> tuple[Incident, Student]:
    reach = reach_of(db.session, viewer(), today=_today())
    found, student = queries.reachable_incident(db.session, reach, incident_id)
    if not _may_change(found, reach.cares_for(student)):
        raise Forbidden
    return found, student


@blueprint.get("/students/<int:student_id>/incidents/new")
@requires(Permission.INCIDENT_RECORD)
def new(student_id: int) -> str:
    """The form for an incident or a positive record of a student in reach."""
    return _form_page(reachable_student(db.session, viewer(), student_id, today=_today()))


@blueprint.post("/students/<int:student_id>/incidents/new")
@requires(Permission.INCIDENT_RECORD)
def add(student_id: int) -> Response | tuple[str, int]:
    """Record an incident or a positive record, and judge the student anew."""
    today = _today()
    student = reachable_student(db.session, viewer(), student_id, today=today)
    try:
        once = request.form.get("once", "")
        record_incident(db.session, student.id, read_report(request.form), by=viewer().by, today=today, once=once)
    except InvalidIncident as error:
        db.session.rollback()
        student = reachable_student(db.session, viewer(), student_id, today=today)
        return _form_page(student, error=str(error)), error.status
    evaluate(db.session, sources(), [student.id], as_of=today)
    db.session.commit()
    flash("It is recorded.", "success")
    return redirect(url_for("students.student", student_id=student_id), code=303)


def _today() -> date:
    return clock.today(g.timezone)


def _form_page(
    student: Student,
    error: str | None = None,
    entered: Mapping[str, str] | None = None,
    changing: Incident | None = None,
) -> str:
    return render_template(
        "behaviour/new.html",
        student=student,
        severities=SEVERITIES,
        today=_today(),
        entered=entered or request.form,
        changing=changing,
        once=request.form.get("once") or new_once(),
        error=error,
    )
