"""The pages of marks: a teacher's classes, a class with its assessments, and the results of one.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from school_app.alerts.evaluation import evaluate
from school_app.alerts.sources import sources
from school_app.core import clock
from school_app.core.db import db
from school_app.core.errors import DomainError
from school_app.core.fingerprint import new_once
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.marks import pages, queries, service
from school_app.marks.forms import read_particulars, read_scores
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.service import InvalidMark, ResultsChanged
from school_app.schools.models import TeachingGroup

blueprint = Blueprint("marks", __name__)


@blueprint.get("/marks")
@requires(Permission.MARK_ENTER)
@reading
def index() -> str:
    """The classes that the person teaches."""
    groups = queries.groups_taught(db.session, viewer().account_id, _today())
    return render_template("marks/index.html", groups=groups, today=_today())


@blueprint.get("/marks/<int:group_id>")
@requires(Permission.MARK_ENTER)
def group(group_id: int) -> str:
    """A class with its assessments, the latest first."""
    return _group_page(_taught(group_id))


@blueprint.post("/marks/<int:group_id>")
@requires(Permission.MARK_ENTER)
def add(group_id: int) -> Response | tuple[str, int]:
    """Add an assessment."""
    found = _taught(group_id)
    try:
        new = read_particulars(request.form)
        made = service.add_assessment(db.session, found, new, today=_today(), once=request.form.get("once", ""))
    except InvalidMark as error:
        db.session.rollback()
        return _group_page(_taught(group_id), error=str(error)), error.status
    db.session.commit()
    return redirect(url_for("marks.assessment", assessment_id=made.id), code=303)


@blueprint.get("/assessments/<int:assessment_id>")
@requires(Permission.MARK_ENTER)
def assessment(assessment_id: int) -> str:
    """The results of one assessment, to read and to enter."""
    return _assessment_page(*_own(assessment_id))


@blueprint.post("/assessments/<int:assessment_id>")
@requires(Permission.MARK_ENTER)
def enter(assessment_id: int) -> Response | tuple[str, int]:
    """Enter results, and judge anew the students whose result changed."""
    found, _ = _own(assessment_id)
    try:
        scores = read_scores(request.form, pages.cells(db.session, found))
        changed = service.enter_results(db.session, found, scores, by=viewer().by, today=_today())
    except (InvalidMark, ResultsChanged) as error:
        return _refused(assessment_id, error)
    evaluate(db.session, sources(), changed, as_of=_today())
    db.session.commit()
    flash(f"{len(changed)} {'result' if len(changed) == 1 else 'results'} changed.", "success")
    return redirect(url_for("marks.assessment", assessment_id=assessment_id), code=303)


@blueprint.post("/assessments/<int:assessment_id>/change")
@requires(Permission.MARK_ENTER)
def change(assessment_id: int) -> Response | tuple[str, int]:
    """Correct an assessment, and judge anew everyone who has a result in it."""
    found, _ = _own(assessment_id)
    try:
        service.change_assessment(db.session, found, read_particulars(request.form), today=_today())
    except InvalidMark as error:
        return _refused(assessment_id, error)
    marked = select(AssessmentResult.student_id).where(AssessmentResult.assessment_id == assessment_id)
    evaluate(db.session, sources(), db.session.scalars(marked).all(), as_of=_today())
    db.session.commit()
    flash("The assessment is changed.", "success")
    return redirect(url_for("marks.assessment", assessment_id=assessment_id), code=303)


@blueprint.post("/assessments/<int:assessment_id>/remove")
@requires(Permission.MARK_ENTER)
def remove(assessment_id: int) -> Response | tuple[str, int]:
    """Remove an assessment without results, as one that was made twice."""
    found, group = _own(assessment_id)
    group_id = group.id
    try:
        service.remove_assessment(db.session, found)
    except InvalidMark as error:
        return _refused(assessment_id, error)
    db.session.commit()
    flash("The assessment is removed.", "success")
    return redirect(url_for("marks.group", group_id=group_id), code=303)


def _today() -> date:
    return clock.today(g.timezone)


def _taught(group_id: int) -> TeachingGroup:
    return pages.taught_group(db.session, group_id, account_id=viewer().account_id, on=_today())


def _own(assessment_id: int) -> tuple[Assessment, TeachingGroup]:
    found = pages.assessment_of(db.session, assessment_id)
    return found, _taught(found.teaching_group_id)


def _group_page(found: TeachingGroup, error: str | None = None) -> str:
    page = pages.assessments(db.session, found, cursor=request.args.get("after"))
    return render_template(
        "marks/group.html",
        group=found,
        page=page,
        more=url_for("marks.group", group_id=found.id, after=page.next) if page.next else None,
        students=pages.students_of(db.session, found.id),
        today=_today(),
        entered=request.form,
        once=request.form.get("once") or new_once(),
        error=error,
    )


def _refused(assessment_id: int, error: DomainError) -> tuple[str, int]:
    db.session.rollback()
    return _assessment_page(*_own(assessment_id), error=error), error.status


def _assessment_page(found: Assessment, group: TeachingGroup, error: DomainError | None = None) -> str:
    # After a conflict the page shows what stands; otherwise what was entered need not be typed twice.
    entered = {} if isinstance(error, ResultsChanged) else request.form
    return render_template(
        "marks/assessment.html",
        assessment=found,
        group=group,
        rows=pages.cells(db.session, found),
        entered=entered,
        error=None if error is None else str(error),
    )
