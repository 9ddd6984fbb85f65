"""The list of cases, and everything that is done in one.

school_app.features registers the blueprint; the page of a case, which shows what other features know of the student,
stands in dashboards.case_page.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.cases import queries, service, words
from school_app.cases.models import CaseStatus, Monitoring
from school_app.cases.queries import Filters
from school_app.cases.service import InvalidCase, Plan
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.students import notes
from school_app.students.access import carers_of, reach_of, reachable_student
from school_app.students.models import NoteKind

blueprint = Blueprint("cases", __name__)
FILTERS = ("status", "whose", "late")


@blueprint.get("/cases")
@requires(Permission.CASE_VIEW)
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
            case = service.open_case(db.session, student.id, plan_posted(), by=viewer().by, today=today)
        except InvalidCase as refused:
            db.session.rollback()
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
        review_on=_day("review_on", "Review") if request.form.get("review_on") else None,
    )


def _day(field: str, label: str) -> date:
    try:
        return asked.day(request.form.get(field, ""))
    except ValueError:
        raise InvalidCase(f"{label}: enter a day such as 2026-05-17.") from None


@blueprint.post("/cases/<int:case_id>")
@requires(Permission.CASE_WORK)
def act(case_id: int) -> Response:
    """Do one thing in a case: the posted `action` says which."""
    today = clock.today(g.timezone)
    queries.case_in_care(db.session, viewer(), case_id, today=today)
    action = ACTIONS.get(request.form.get("action", ""))
    if action is None:
        raise NotFound("action")
    try:
        said = action(case_id, today)
    except (InvalidCase, notes.InvalidNote, service.CaseAlreadyClosed) as error:
        db.session.rollback()
        flash(str(error), "error")
    else:
        db.session.commit()
        flash(said, "success")
    return redirect(url_for("dashboards.home") if request.form.get("back") == "home" else _page(case_id), code=303)


def _add_step(case_id: int, today: date) -> str:
    service.add_step(
        db.session, case_id, title=request.form.get("title", ""), due_on=_day("due_on", "Due"), today=today
    )
    return "The step is added."


def _done(case_id: int, today: date) -> str:
    word = request.form.get("step_id", "")
    step = service.finish_step(db.session, case_id, asked.number(word) or 0, by=viewer().by)
    if request.form.get("note", "").strip():
        _note(case_id, today)
    return f"Done: {step.title}."


def _note(case_id: int, today: date) -> str:
    case = queries.case_in_care(db.session, viewer(), case_id, today=today).case
    if case.status is CaseStatus.CLOSED:
        raise service.CaseAlreadyClosed
    draft = notes.Draft(
        request.form.get("note", ""),
        NoteKind.GENERAL,
        is_restricted=request.form.get("restricted") == "yes",
        case_id=case.id,
    )
    notes.add_note(db.session, case.student_id, draft, by=viewer().by)
    return "The note is kept."


def _extend(case_id: int, today: date) -> str:
    reason = request.form.get("note", "")
    case = service.extend(db.session, case_id, review_on=_day("until", "New date"), reason=reason, today=today)
    return f"The review is moved to {case.review_on.isoformat()}."


def _escalate(case_id: int, today: date) -> str:
    service.escalate(db.session, case_id, reason=request.form.get("note", ""))
    return "The case is escalated to the head of year."


def _review(case_id: int, today: date) -> str:
    service.start_review(db.session, case_id)
    return "The case is in review."


def _confirm(case_id: int, today: date) -> str:
    service.confirm(db.session, case_id)
    return "The case is confirmed as still needed."


ACTIONS: dict[str, Callable[[int, date], str]] = {
    "step": _add_step,
    "done": _done,
    "note": _note,
    "extend": _extend,
    "escalate": _escalate,
    "review": _review,
    "confirm": _confirm,
}


@blueprint.route("/cases/<int:case_id>/hand-over", methods=["GET", "POST"])
@requires(Permission.CASE_WORK)
def hand_over(case_id: int) -> str | Response | tuple[str, int]:
    """Give a case to another champion, one of those who have the student in their care."""
    today = clock.today(g.timezone)
    listed = queries.case_in_care(db.session, viewer(), case_id, today=today)
    people = carers_of(db.session, listed.student, Permission.CASE_WORK, today=today)
    error = None
    if request.method == "POST":
        to_id = request.form.get("to", "")
        try:
            if to_id not in {str(one.id) for one in people}:
                raise InvalidCase("Champion: choose one of the people listed.")
            service.hand_over(db.session, case_id, to_id=int(to_id), reason=request.form.get("reason", ""))
        except (InvalidCase, service.CaseAlreadyClosed) as refused:
            db.session.rollback()
            error = str(refused)
            listed = queries.case_in_care(db.session, viewer(), case_id, today=today)
            people = carers_of(db.session, listed.student, Permission.CASE_WORK, today=today)
        else:
            db.session.commit()
            flash("The case is handed over.", "success")
            return redirect(_page(case_id), code=303)
    page = render_template("cases/hand_over.html", listed=listed, people=people, error=error, entered=request.form)
    return page, 400 if error else 200


def _page(case_id: int) -> str:
    return url_for("cases.case", case_id=case_id)
