"""The pages on which a school, and the platform, see and say how long the audit log is kept, and what holds it.

They stand on the blueprint of audit.routes; school_app.features imports both.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.audit.retention import queries, service
from school_app.audit.retention.rules import MOST_YEARS, NOTICE, DataClass, InvalidRetention
from school_app.audit.routes import blueprint
from school_app.audit.slugs import school_names
from school_app.core import asked
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.tenancy import all_schools, needed_school

Answer = Response | tuple[str, int]


@blueprint.get("/admin/retention")
@requires(Permission.RETENTION_SET, Permission.AUDIT_VIEW)
def retention() -> str:
    """How long the school's audit log is kept, what holds it, and what was destroyed of it."""
    return _page(needed_school(db.session))


@blueprint.get("/platform/retention")
@requires(Permission.PLATFORM_RETENTION)
def platform_retention() -> str:
    """What the platform has set, and every school's holds."""
    return _page(None)


@blueprint.post("/admin/retention")
@requires(Permission.RETENTION_SET)
def set_retention() -> Answer:
    """Keep the school's log for so many years."""
    return _set_period(needed_school(db.session))


@blueprint.post("/platform/retention")
@requires(Permission.PLATFORM_RETENTION)
def set_platform_retention() -> Answer:
    """Keep a class of data for so many years wherever a school says nothing else."""
    return _set_period(None)


@blueprint.post("/admin/retention/holds")
@requires(Permission.RETENTION_SET)
def set_hold() -> Answer:
    """Stop the destruction of the school's log, or of what names one student."""
    school_id, reason = needed_school(db.session), request.form.get("reason", "")
    student = request.form.get("student", "").strip()
    try:
        student_id = asked.number(student) if student else None
        if student and student_id is None:
            raise InvalidRetention("Student: enter the number that stands in the address of the student’s page.")
        service.set_hold(db.session, school_id=school_id, student_id=student_id, reason=reason, by=viewer().name)
    except InvalidRetention as refused:
        return _refused(school_id, refused)
    db.session.commit()
    flash("The hold stands. Nothing that it names is destroyed until it is released.", "success")
    return redirect(url_for("audit.retention"), code=303)


@blueprint.post("/admin/retention/holds/<int:hold_id>/release")
@requires(Permission.RETENTION_SET)
def release_hold(hold_id: int) -> Answer:
    """Let a hold of the school go."""
    try:
        service.release_hold(db.session, hold_id, reason=request.form.get("reason", ""), by=viewer().name)
    except InvalidRetention as refused:
        return _refused(needed_school(db.session), refused)
    db.session.commit()
    flash("The hold is released. What is past its time is destroyed by the next run.", "success")
    return redirect(url_for("audit.retention"), code=303)


def _set_period(school_id: int | None) -> Answer:
    word, source = request.form.get("data_class", ""), request.form.get("source", "")
    if word not in set(DataClass):
        raise NotFound("class of data")
    years = asked.number(request.form.get("years", "").strip()) or 0
    try:
        with all_schools(db.session):
            service.set_period(
                db.session, DataClass(word), school_id=school_id, years=years, source=source, by=viewer().name
            )
    except InvalidRetention as refused:
        return _refused(school_id, refused)
    db.session.commit()
    flash(f"It is kept. A shorter time holds after {NOTICE.days} days.", "success")
    return redirect(url_for("audit.platform_retention" if school_id is None else "audit.retention"), code=303)


def _refused(school_id: int | None, refused: InvalidRetention) -> tuple[str, int]:
    db.session.rollback()
    return _page(school_id, problem=str(refused)), 400


def _page(school_id: int | None, problem: str | None = None) -> str:
    with all_schools(db.session):
        return render_template(
            "audit/retention.html",
            lines=queries.table(db.session, school_id),
            holds=queries.holds(db.session, school_id, released=True),
            destroyed=queries.destroyed(db.session, school_id),
            of_school=school_id is not None,
            may_set=school_id is None or viewer().may(Permission.RETENTION_SET),
            names=school_names(db.session) if school_id is None else {},
            most=MOST_YEARS,
            notice=NOTICE.days,
            problem=problem,
            values=request.form,
        )
