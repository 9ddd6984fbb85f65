"""The pages of marks: a teacher's classes, a class with its assessments, and the results of one.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from school_app.alerts.evaluation import evaluate
from school_app.alerts.sources import sources
from school_app.core import clock
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.marks import queries, service
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.service import InvalidMark, NewAssessment
from school_app.schools.models import TeachingGroup, TeachingGroupTeacher
from school_app.schools.queries import holds_on
from school_app.students.models import Student

blueprint = Blueprint("marks", __name__)


@blueprint.get("/marks")
@requires(Permission.MARK_ENTER)
def index() -> str:
    """The classes that the person teaches."""
    today = clock.today(g.timezone)
    return render_template(
        "marks/index.html", groups=queries.groups_taught(db.session, viewer().account_id, today), today=today
    )


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
        new = NewAssessment(
            request.form.get("title", ""), _day(), maximum=service.number(request.form.get("maximum", ""), "Out of")
        )
        made = service.add_assessment(db.session, found, new, today=clock.today(g.timezone))
    except InvalidMark as error:
        db.session.rollback()
        return _group_page(_taught(group_id), error=str(error)), 400
    db.session.commit()
    return redirect(url_for("marks.assessment", assessment_id=made.id), code=303)


@blueprint.route("/assessments/<int:assessment_id>", methods=["GET", "POST"])
@requires(Permission.MARK_ENTER)
def assessment(assessment_id: int) -> str | Response | tuple[str, int]:
    """The results of one assessment, to read and to enter; the students are judged anew."""
    found = db.session.get(Assessment, assessment_id)
    if found is None:
        raise NotFound("assessment")
    taught = _taught(found.teaching_group_id)
    error = None
    if request.method == "POST":
        today = clock.today(g.timezone)
        try:
            changed = service.enter_results(db.session, found, _scores(), by=viewer().by, today=today)
            evaluate(db.session, sources(), changed, as_of=today)
        except InvalidMark as refused:
            db.session.rollback()
            error = str(refused)
        else:
            db.session.commit()
            flash(f"{len(changed)} {'result' if len(changed) == 1 else 'results'} changed.", "success")
            return redirect(url_for("marks.assessment", assessment_id=assessment_id), code=303)
    page = render_template(
        "marks/assessment.html", assessment=found, group=taught, rows=_rows(found), entered=request.form, error=error
    )
    return page, 400 if error else 200


def _taught(group_id: int) -> TeachingGroup:
    today = clock.today(g.timezone)
    found = db.session.scalar(
        select(TeachingGroup)
        .join(TeachingGroupTeacher, TeachingGroupTeacher.teaching_group_id == TeachingGroup.id)
        .where(
            TeachingGroup.id == group_id,
            TeachingGroupTeacher.account_id == viewer().account_id,
            holds_on(TeachingGroupTeacher, today),
        )
    )
    if found is None:
        raise NotFound("class")
    return found


def _group_page(found: TeachingGroup, error: str | None = None) -> str:
    assessments = db.session.scalars(
        select(Assessment)
        .where(Assessment.teaching_group_id == found.id)
        .order_by(Assessment.due_on.desc(), Assessment.id.desc())
        .limit(100)
    ).all()
    students = db.session.scalars(
        select(Student)
        .where(Student.id.in_(service.members(db.session, found.id)), Student.is_active)
        .order_by(Student.family_name, Student.given_name, Student.id)
    ).all()
    return render_template(
        "marks/group.html",
        group=found,
        assessments=assessments,
        students=students,
        today=clock.today(g.timezone),
        entered=request.form,
        error=error,
    )


def _rows(found: Assessment) -> list[tuple[Student, AssessmentResult | None]]:
    students = db.session.scalars(
        select(Student)
        .where(Student.id.in_(service.members(db.session, found.teaching_group_id)))
        .order_by(Student.family_name, Student.given_name, Student.id)
    ).all()
    results = db.session.scalars(select(AssessmentResult).where(AssessmentResult.assessment_id == found.id)).all()
    by_student = {one.student_id: one for one in results}
    return [(one, by_student.get(one.id)) for one in students if one.is_active or one.id in by_student]


def _scores() -> dict[int, Decimal | None]:
    found: dict[int, Decimal | None] = {}
    for name, value in request.form.items():
        kind, _, number = name.partition("-")
        if kind == "score" and number.isdecimal():
            found[int(number)] = service.number(value, "Result") if value.strip() else None
    return found


def _day() -> date:
    try:
        return date.fromisoformat(request.form.get("due_on", ""))
    except ValueError:
        raise InvalidMark("Day: enter a day such as 2026-05-17.") from None
