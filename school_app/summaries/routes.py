"""The pages of figures: by form for a day, a week, a month, a term or a year, and by student for one form.

school_app.features registers the blueprint. They read summaries alone.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import structlog
from flask import Blueprint, Response, g, render_template, request, url_for
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from school_app.core import clock
from school_app.core.asked import day as asked_day
from school_app.core.db import db
from school_app.core.errors import DomainError
from school_app.core.permissions import Permission, requires, viewer
from school_app.schools.due import FORM_NOTED
from school_app.schools.queries import school_day_before, school_years, terms
from school_app.students.access import Reach, reach_of, reachable_form
from school_app.summaries import at_once, queries
from school_app.summaries.figures_page import figures_page
from school_app.summaries.periods import (
    Named,
    Period,
    PeriodKind,
    Span,
    day_period,
    month_period,
    named_period,
    week_period,
)

log = structlog.get_logger()
blueprint = Blueprint("summaries", __name__)
TABS = (
    (PeriodKind.DAY, "Day"),
    (PeriodKind.WEEK, "Week"),
    (PeriodKind.MONTH, "Month"),
    (PeriodKind.TERM, "Term"),
    (PeriodKind.YEAR, "Year"),
)


@blueprint.after_app_request
def count_saved(response: Response) -> Response:
    """Count the form whose register the request has saved; where that fails the scheduler does it within minutes."""
    if db.session.info.pop(FORM_NOTED, False):
        try:
            for _ in at_once.count_saved(db.session, today=clock.today(g.timezone)):
                db.session.commit()
        except (OperationalError, PoolTimeout) as error:
            db.session.rollback()
            log.warning("register_counted_later", error=type(error).__name__)
    return response


@blueprint.get("/figures")
@requires(Permission.ALERT_VIEW)
def index() -> str:
    """The figures of the forms in reach over a period, beside those of the period before."""
    today = clock.today(g.timezone)
    reach = reach_of(db.session, viewer(), today=today)
    kind = _kind()
    period = _period(kind, _on(today), today)
    page = None if period is None else figures_page(db.session, reach, period)
    return render_template("summaries/index.html", page=page, period=period, kind=kind, tabs=_tabs(kind), today=today)


@blueprint.get("/figures/forms/<int:form_id>")
@requires(Permission.ALERT_VIEW)
def form(form_id: int) -> str:
    """The figures of the students who are in a form now, by name."""
    today = clock.today(g.timezone)
    found = reachable_form(db.session, viewer(), form_id, today=today)
    one = Reach(form_ids=frozenset({found.id}))
    return render_template(
        "summaries/form.html",
        form=found,
        rows=queries.students_of_form(db.session, found.id),
        standing=queries.standing(db.session, one, Span(today, today)),
        share=queries.share,
        trend=queries.trend,
        today=today,
    )


def _kind() -> PeriodKind:
    word = request.args.get("period", PeriodKind.WEEK.value)
    if word not in set(PeriodKind):
        raise DomainError(f"Period: {word[:20]!r} is none; choose one of {', '.join(PeriodKind)}.")
    return PeriodKind(word)


def _on(today: date) -> date:
    text = request.args.get("on", "")
    try:
        return min(asked_day(text), today) if text else today
    except ValueError:
        raise DomainError(f"Day: {text[:20]!r} is no day; write it as 2026-03-02.") from None


def _period(kind: PeriodKind, on: date, today: date) -> Period | None:
    if kind is PeriodKind.DAY:
        return day_period(on, day_before=school_day_before(db.session, on), today=today)
    if kind is PeriodKind.WEEK:
        return week_period(on, today=today)
    if kind is PeriodKind.MONTH:
        return month_period(on, today=today)
    parts: Any = terms(db.session) if kind is PeriodKind.TERM else school_years(db.session)
    named = [Named(one.name, Span(one.starts_on, one.ends_on)) for one in parts]
    return named_period(kind, named, on, today=today)


def _tabs(kind: PeriodKind) -> list[tuple[str, str, bool]]:
    return [(label, url_for("summaries.index", period=one.value), one is kind) for one, label in TABS]
