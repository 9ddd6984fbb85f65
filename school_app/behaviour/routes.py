"""The pages of incidents and positive records.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from datetime import date, datetime

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from school_app.alerts.evaluation import evaluate
from school_app.alerts.sources import sources
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.service import SEVERITIES, InvalidIncident, Report, record_incident
from school_app.core import clock, paging
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.students.access import reach_of, reachable_student
from school_app.students.models import Student

blueprint = Blueprint("behaviour", __name__)
PAGE = 50


@blueprint.get("/incidents")
@requires(Permission.INCIDENT_RECORD, Permission.SCHOOL_FIGURES)
def index() -> str:
    """Incidents and positive records of the students in reach, the latest first."""
    reach = reach_of(db.session, viewer(), today=clock.today(g.timezone))
    kind = request.args.get("kind", "")
    statement = select(Incident, Student).join(Student, Student.id == Incident.student_id).where(reach.students())
    if kind in {one.value for one in IncidentKind}:
        statement = statement.where(Incident.kind == IncidentKind(kind))
    if cursor := request.args.get("after"):
        key = paging.decode(cursor, datetime, int)
        statement = statement.where(paging.behind(Incident.recorded_at, Incident.id, key))
    ordered = statement.order_by(Incident.recorded_at.desc(), Incident.id.desc()).limit(PAGE + 1)
    page = paging.page(db.session.execute(ordered).all(), PAGE, lambda row: (row[0].recorded_at, row[0].id))
    more = url_for("behaviour.index", after=page.next, kind=kind or None) if page.next else None
    return render_template("behaviour/index.html", page=page, more=more, kind=kind, severities=SEVERITIES)


@blueprint.get("/incidents/<int:incident_id>")
@requires(Permission.STUDENT_VIEW)
def incident(incident_id: int) -> str:
    """One incident."""
    reach = reach_of(db.session, viewer(), today=clock.today(g.timezone))
    row = db.session.execute(
        select(Incident, Student)
        .join(Student, Student.id == Incident.student_id)
        .where(Incident.id == incident_id, reach.students())
    ).first()
    if row is None:
        raise NotFound("incident")
    return render_template("behaviour/incident.html", incident=row[0], student=row[1], severities=SEVERITIES)


@blueprint.route("/students/<int:student_id>/incidents/new", methods=["GET", "POST"])
@requires(Permission.INCIDENT_RECORD)
def new(student_id: int) -> str | Response | tuple[str, int]:
    """Record an incident or a positive record, and judge the student anew."""
    today = clock.today(g.timezone)
    student = reachable_student(db.session, viewer(), student_id, today=today)
    error = None
    if request.method == "POST":
        try:
            record_incident(db.session, student.id, _report(), by=viewer().by, today=today)
            evaluate(db.session, sources(), [student.id], as_of=today)
        except InvalidIncident as refused:
            db.session.rollback()
            error = str(refused)
        else:
            db.session.commit()
            flash("It is recorded.", "success")
            return redirect(url_for("students.student", student_id=student_id), code=303)
    page = render_template(
        "behaviour/new.html", student=student, severities=SEVERITIES, today=today, entered=request.form, error=error
    )
    return page, 400 if error else 200


def _report() -> Report:
    try:
        on = date.fromisoformat(request.form.get("occurred_on", ""))
    except ValueError:
        raise InvalidIncident("Day: enter a day such as 2026-05-17.") from None
    severity = request.form.get("severity", "1")
    return Report(
        IncidentKind.POSITIVE if request.form.get("kind") == IncidentKind.POSITIVE.value else IncidentKind.CONCERN,
        on,
        request.form.get("category", ""),
        severity=int(severity) if severity.isdecimal() and len(severity) < 3 else 0,
        description=request.form.get("description", ""),
    )
