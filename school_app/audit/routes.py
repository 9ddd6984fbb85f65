"""The history: who did what, when, to whom, and what it was before.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, render_template, request, url_for

from school_app.audit import queries, seals, words
from school_app.audit.events import Event
from school_app.audit.queries import Filters
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.asked import day as read_day
from school_app.core.asked import moment as read_moment
from school_app.core.db import db
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Permission, requires
from school_app.core.words import full_day

blueprint = Blueprint("audit", __name__)
SHOWN_DAYS = 30
NAMES = ("from", "to", "actor", "student", "thing", "event")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: the filters, and the days as the form shows them."""

    filters: Filters
    first: date
    last: date


@blueprint.get("/audit")
@requires(Permission.AUDIT_VIEW)
def history() -> str:
    """The school's history, the latest first; the last 30 days unless the address says otherwise."""
    asked = _asked()
    page = queries.history(db.session, asked.filters, cursor=request.args.get("after"))
    chosen: dict[str, Any] = {name: request.args[name] for name in NAMES if request.args.get(name)}
    _record_look(asked, chosen)
    rendered = render_template(
        "audit/history.html",
        page=page,
        more=url_for("audit.history", **{**chosen, "after": page.next}) if page.next else None,
        asked=asked,
        chosen=chosen,
        events=sorted(words.EVENTS.items(), key=lambda item: item[1]),
        things=sorted({*words.THINGS, "student", "register", "alert", "note", "account", "incident", "form"}),
        words=words,
        seal=seals.newest(db.session),
    )
    db.session.commit()
    return rendered


@blueprint.get("/audit/<int:row_id>/<moment>")
@requires(Permission.AUDIT_VIEW)
def event(row_id: int, moment: str) -> str:
    """One event: what it was before and after, and everything else of the same request."""
    try:
        created_at = read_moment(moment)
    except ValueError:
        raise NotFound("event") from None
    row = queries.one(db.session, row_id, created_at)
    record(db.session, Event.AUDIT_VIEWED, reason=f"row {row.id}", student_id=row.student_id)
    rendered = render_template("audit/event.html", row=row, together=queries.together(db.session, row), words=words)
    db.session.commit()
    return rendered


def _record_look(asked: Asked, chosen: dict[str, Any]) -> None:
    # Every page of it, and by what it was narrowed: who looked a child up is a question of its own.
    narrowed = [f"{name} {value}" for name, value in chosen.items() if name not in ("from", "to")]
    onward = ["a later page"] if request.args.get("after") else []
    said = ", ".join([f"{full_day(asked.first)} to {full_day(asked.last)}", *narrowed, *onward])
    record(db.session, Event.AUDIT_VIEWED, reason=said, student_id=asked.filters.student_id)


def _asked() -> Asked:
    zone, today = ZoneInfo(g.timezone), clock.today(g.timezone)
    last = _day("to") or today
    first = _day("from") or last - timedelta(days=SHOWN_DAYS)
    if first > last:
        raise DomainError("From and to: the first day lies after the last one.")
    filters = Filters(
        since=datetime(first.year, first.month, first.day, tzinfo=zone),
        until=datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1),
        actor_id=_number("actor"),
        student_id=_number("student"),
        entity_type=request.args.get("thing") or None,
        event=request.args.get("event") or None,
    )
    return Asked(filters, first, last)


def _day(name: str) -> date | None:
    text = request.args.get(name, "")
    try:
        return read_day(text) if text else None
    except ValueError:
        raise DomainError("From and to: enter days such as 2026-05-17.") from None


def _number(name: str) -> int | None:
    text = request.args.get(name, "").strip()
    if text and not (text.isdecimal() and len(text) < 19):
        raise DomainError("Person and student: choose them by their link, or enter their number.")
    return int(text) if text else None
