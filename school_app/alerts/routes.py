"""The pages on which alerts are read and answered, and the school's thresholds set.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.alerts import lists, service, words
from school_app.alerts.lists import Filters
from school_app.alerts.models import Alert, AlertStatus, DecisionKind
from school_app.alerts.service import Answer, InvalidDecision
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.cases.routes import plan_posted
from school_app.cases.service import InvalidCase, usual_review
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import DomainError
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.students.access import carers_of, reach_of

blueprint = Blueprint("alerts", __name__)
FILTERS = ("status", "indicator", "whose", "late")


@blueprint.get("/alerts")
@requires(Permission.ALERT_VIEW)
@reading
def index() -> str:
    """The alerts on students in the person's care."""
    today = clock.today(g.timezone)
    reach = reach_of(db.session, viewer(), today=today)
    filters = _filters(today)
    page = lists.alerts(db.session, reach, filters, cursor=request.args.get("after"))
    chosen: dict[str, Any] = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return render_template(
        "alerts/index.html",
        page=page,
        more=url_for("alerts.index", **{**chosen, "after": page.next}) if page.next else None,
        chosen=chosen,
        words=words,
        today=today,
    )


def _filters(today: date) -> Filters:
    status = request.args.get("status", AlertStatus.OPEN.value)
    indicator = request.args.get("indicator", "")
    whose = request.args.get("whose", "")
    return Filters(
        status=AlertStatus(status) if status in {one.value for one in AlertStatus} else None,
        indicator=indicator if indicator in words.INDICATORS else None,
        assigned_to=viewer().account_id if whose == "mine" else None,
        unassigned=whose == "nobody",
        overdue_on=today if request.args.get("late") == "yes" else None,
    )


@blueprint.get("/alerts/<int:alert_id>")
@requires(Permission.ALERT_VIEW)
def alert(alert_id: int) -> str:
    """One alert: why, by which counts, and what was decided. That it was looked at is recorded."""
    found, rendered = _printed(alert_id)
    record(db.session, Event.ALERT_VIEWED, found)
    db.session.commit()
    return rendered


@blueprint.post("/alerts/<int:alert_id>")
@requires(Permission.ALERT_DECIDE)
def decide(alert_id: int) -> Response | str | tuple[str, int]:
    """Answer an alert. A case needs a goal and a strategy first: then its form is shown."""
    today = clock.today(g.timezone)
    lists.alert_in_care(db.session, viewer(), alert_id, today=today)
    word = request.form.get("kind", "")
    if word == DecisionKind.OPEN_CASE.value and "goal" not in request.form:
        return redirect(url_for("alerts.alert", alert_id=alert_id, answer="open_case", _anchor="case"), code=303)
    try:
        answer = _answer(word)
        made = service.decide(db.session, alert_id, answer, by=viewer().by, today=today)
    except (InvalidDecision, InvalidCase, service.AlertAlreadyDecided) as error:
        db.session.rollback()
        return _page(alert_id, error=error), error.status
    db.session.commit()
    flash(f"{words.ANSWERS[made.kind]}.", "success")
    if made.case_id is not None:
        return redirect(url_for("cases.case", case_id=made.case_id), code=303)
    return redirect(url_for("dashboards.home"), code=303)


@blueprint.post("/alerts/<int:alert_id>/decider")
@requires(Permission.ALERT_DECIDE)
def hand_on(alert_id: int) -> Response | tuple[str, int]:
    """Give an alert to another person to decide, one of those who have the student in their care."""
    today = clock.today(g.timezone)
    listed = lists.alert_in_care(db.session, viewer(), alert_id, today=today)
    people = carers_of(db.session, listed.student, Permission.ALERT_DECIDE, today=today)
    to_id = asked.number(request.form.get("to", "")) or 0
    try:
        if to_id not in {one.id for one in people}:
            raise InvalidDecision("Who decides: choose one of the people listed.")
        service.hand_on(db.session, alert_id, to_id=to_id, reason=request.form.get("why", ""), by=viewer().by)
    except (InvalidDecision, service.AlertAlreadyDecided) as error:
        db.session.rollback()
        return _page(alert_id, error=error), error.status
    db.session.commit()
    flash("The alert is handed on.", "success")
    return redirect(url_for("alerts.alert", alert_id=alert_id), code=303)


def _answer(word: str) -> Answer:
    if word not in {kind.value for kind in DecisionKind}:
        raise InvalidDecision("Answer: choose one of the three.")
    kind = DecisionKind(word)
    if kind is not DecisionKind.OPEN_CASE:
        return Answer(kind, request.form.get("reason", ""))
    return Answer(kind, request.form.get("reason", ""), plan_posted())


def _page(alert_id: int, error: DomainError | None = None) -> str:
    return _printed(alert_id, error)[1]


@reading
def _printed(alert_id: int, error: DomainError | None = None) -> tuple[Alert, str]:
    today = clock.today(g.timezone)
    listed = lists.alert_in_care(db.session, viewer(), alert_id, today=today)
    may_decide = viewer().may(Permission.ALERT_DECIDE)
    people = carers_of(db.session, listed.student, Permission.ALERT_DECIDE, today=today) if may_decide else []
    rendered = render_template(
        "alerts/alert.html",
        listed=listed,
        people=[one for one in people if one.id != listed.alert.assigned_to],
        decisions=lists.decisions(db.session, listed.student.id),
        words=words,
        today=today,
        review_on=usual_review(db.session, today) if may_decide else today,
        may_decide=may_decide,
        opening=request.values.get("answer") == "open_case" or "goal" in request.form,
        entered=request.form,
        error=str(error) if error else None,
    )
    return listed.alert, rendered
