"""The list of cases, opening one and handing one over.

school_app.features registers the blueprint; the page of a case with what is done on it, which shows what other features
know of the student, stands in dashboards.case_page.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.cases import queries, service, words
from school_app.cases.models import CaseStatus, Monitoring
from school_app.cases.queries import Filters
from school_app.cases.service import CaseAlreadyClosed, CaseChanged, HandOver, InvalidCase, Plan
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.students.access import carers_of, reach_of, reachable_student

blueprint = Blueprint("cases", __name__)
FILTERS = ("status", "whose", "late")


@blueprint.get("/cases")
@requires(Permission.CASE_VIEW)
@reading
def index() -> str:
    """The cases of students in the person's care."""
    today = clock.today(g.timezone)
    reach = reach_of(db.session, viewer(), today=today)
    page = queries.cases(db.session, reach, _filters(today), cursor=request.args.get("after"))
    chosen: dict[str, Any] = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    more = url_for("cases.index", **{**chosen, "after": page.next}) if page.next else None
    return render_template("cases/index.html", page=page, more=more, chosen=chosen, words=words, today=today)


def _filters(today: date) -> Filters:
    status, whose = request.args.get("status", ""), request.args.get("whose", "")
    return Filters(
        status=CaseStatus(status) if status in {one.value for one in CaseStatus} else None,
        open=status != "all",
        assigned_to=viewer().account_id if whose == "mine" else None,
        overdue_on=today if request.args.get("late") == "yes" else None,
        to_hand_over_on=today if whose == "hand_over" else None,
    )


@blueprint.route("/cases/new/<int:student_id>", methods=["GET", "POST"])
@requires(Permission.CASE_WORK)
def new(student_id: int) -> str | Response | tuple[str, int]:
    """Open a case without an alert."""
    today = clock.today(g.timezone)
    student = reachable_student(db.session, viewer(), student_id, today=today, in_care=True)
    error = None
    if request.method == "POST":
        try:
            case = service.open_case(
                db.session, student.id, plan_posted(), by=viewer().by, today=today, once=request.form.get("once", "")
            )
        except InvalidCase as refused:
            db.session.rollback()
            student = reachable_student(db.session, viewer(), student_id, today=today, in_care=True)
            error = str(refused)
        else:
            db.session.commit()
            return redirect(_page(case.id), code=303)
    page = render_template(
        "cases/new.html",
        student=student,
        entered=request.form,
        error=error,
        review_on=service.usual_review(db.session, today),
    )
    return page, 400 if error else 200


def plan_posted() -> Plan:
    """The plan that a form for a new case posts. InvalidCase where a field cannot be read."""
    tier, monitoring = request.form.get("tier", "2"), request.form.get("monitoring", "")
    return Plan(
        request.form.get("goal", ""),
        request.form.get("strategy", ""),
        tier=int(tier) if tier in ("2", "3") else 0,
        monitoring=Monitoring(monitoring) if monitoring in {one.value for one in Monitoring} else Monitoring.WEEKLY,
        review_on=posted_day("review_on", "Review") if request.form.get("review_on") else None,
    )


def posted_day(field: str, label: str) -> date:
    """A day that a form posts. InvalidCase where it cannot be read."""
    text = request.form.get(field, "")
    if not text:
        raise InvalidCase(f"{label}: choose a day.")
    try:
        return asked.day(text)
    except ValueError:
        raise InvalidCase(f"{label}: enter a day such as 2026-05-17.") from None


@blueprint.route("/cases/<int:case_id>/hand-over", methods=["GET", "POST"])
@requires(Permission.CASE_WORK)
def hand_over(case_id: int) -> str | Response | tuple[str, int]:
    """Give a case to another champion, one of those who have the student in their care."""
    if request.method == "GET":
        return _hand_over_page(case_id)
    today = clock.today(g.timezone)
    listed = queries.case_in_care(db.session, viewer(), case_id, today=today)
    carers = {one.id for one in carers_of(db.session, listed.student, Permission.CASE_WORK, today=today)}
    to_id, from_id = (asked.number(request.form.get(name, "")) for name in ("to", "from"))
    try:
        if to_id is None or to_id not in carers:
            raise InvalidCase("Champion: choose one of the people listed.")
        to = HandOver(to_id, request.form.get("reason", ""), from_id)
        service.hand_over(db.session, case_id, to, by=viewer().by, once=request.form.get("once", ""))
    except (InvalidCase, CaseAlreadyClosed, CaseChanged) as error:
        db.session.rollback()
        return _hand_over_page(case_id, str(error)), error.status
    db.session.commit()
    flash("The case is handed over.", "success")
    return redirect(_page(case_id), code=303)


def _hand_over_page(case_id: int, error: str | None = None) -> str:
    today = clock.today(g.timezone)
    listed = queries.case_in_care(db.session, viewer(), case_id, today=today)
    carers = carers_of(db.session, listed.student, Permission.CASE_WORK, today=today)
    people = [one for one in carers if one.id != listed.case.assigned_to]
    return render_template("cases/hand_over.html", listed=listed, people=people, error=error, entered=request.form)


def _page(case_id: int) -> str:
    return url_for("cases.case", case_id=case_id)
