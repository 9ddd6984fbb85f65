"""The pages of the history: who did what, when, to whom, and what it was before.

They stand on the blueprint of audit/, because they name what lies above audit/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.audit import queries, seals, words
from school_app.audit.events import Event
from school_app.audit.queries import HistoryRow
from school_app.audit.routes import blueprint
from school_app.audit.service import record
from school_app.core.asked import moment as read_moment
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.permissions import Permission, requires
from school_app.core.reading import reading
from school_app.history import people
from school_app.history.exports import MOST_ROWS
from school_app.history.filters import Asked, asked
from school_app.history.names import Names, is_kind, kinds, names_of
from school_app.history.people import Candidate
from school_app.history.seen import Seen, seen_by
from school_app.history.sentences import Told, mentioned, tell

# What a name is looked for as: the field of the form, and the filter that it becomes.
SOUGHT = {"who": "actor", "whom": "student"}
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Narrowed:
    """One filter that is set and has no field of its own in the form: in words, and the history without it."""

    said: str
    without_url: str


@blueprint.get("/audit")
@requires(Permission.AUDIT_VIEW)
def history() -> str | Response:
    """The school's history, the latest first; the last 30 days unless the address says otherwise."""
    wanted = asked(request.args, g.timezone)
    sought = {name: " ".join(request.args.get(name, "").split())[:LONGEST_NAME] for name in SOUGHT}
    if any(sought.values()):
        return _named(wanted, sought)
    rendered = _printed(wanted)
    _record_look(wanted)
    db.session.commit()
    return rendered


@reading
def _printed(wanted: Asked) -> str:
    page = queries.history(db.session, wanted.filters, cursor=request.args.get("after"))
    names = names_of(db.session, [*mentioned(page.rows), *_chosen_things(wanted)], g.timezone)
    more = _url(wanted, after=page.next) if page.next else None
    return _page(wanted, names, told=tell(page.rows, names), more=more, seen=_seen(wanted))


def _page(
    wanted: Asked,
    names: Names,
    *,
    told: Sequence[Told] = (),
    more: str | None = None,
    seen: Seen | None = None,
    sought: dict[str, str] | None = None,
    candidates: dict[str, Sequence[Candidate]] | None = None,
) -> str:
    return render_template(
        "audit/history.html",
        asked=wanted,
        chosen=wanted.chosen,
        told=told,
        more=more,
        narrowed=_narrowed(wanted, names),
        sought=sought or {},
        candidates=candidates,
        events=sorted(words.EVENTS.items(), key=lambda item: item[1]),
        kinds=kinds(),
        seal=seals.newest(db.session),
        most_exported=MOST_ROWS,
        seen=seen,
        student_id=wanted.filters.student_id,
        reads_history=True,
    )


def _seen(wanted: Asked) -> Seen | None:
    """Who has seen the record of the student to whom the history is narrowed; on its first page alone."""
    student_id = wanted.filters.student_id
    return None if student_id is None or request.args.get("after") else seen_by(db.session, student_id)


def _named(wanted: Asked, sought: dict[str, str]) -> str | Response:
    """The history of whom a name means; where it may mean several, or nobody, the choice."""
    search = {"who": people.accounts_named, "whom": people.students_named}
    candidates = {name: search[name](db.session, text) for name, text in sought.items() if text}
    found = [f"{SOUGHT[name]} {one.id}" for name, several in candidates.items() for one in several]
    record(db.session, Event.AUDIT_VIEWED, reason=f"looked for a name, found: {', '.join(found) or 'nobody'}")
    if all(len(several) == 1 for several in candidates.values()):
        db.session.commit()
        chosen = {SOUGHT[name]: several[0].id for name, several in candidates.items()}
        return redirect(_url(wanted, **chosen), code=303)
    names = names_of(db.session, _chosen_things(wanted), g.timezone)
    rendered = _page(wanted, names, sought=sought, candidates=candidates)
    db.session.commit()
    return rendered


def _chosen_things(wanted: Asked) -> list[tuple[str, int]]:
    filters = wanted.filters
    found = [("account", filters.actor_id), ("student", filters.student_id)]
    if filters.entity_type is not None:
        found.append((filters.entity_type, filters.entity_id))
    return [(kind, id_) for kind, id_ in found if id_ is not None]


def _narrowed(wanted: Asked, names: Names) -> list[Narrowed]:
    filters, said = wanted.filters, {}
    gone: dict[str, dict[str, None]] = {"entity": {"thing": None}}
    if filters.actor_id is not None:
        said["actor"] = f"What {names.of('account', filters.actor_id)} did"
    if filters.student_id is not None:
        said["student"] = f"What concerns {names.of('student', filters.student_id)}"
    if filters.entity_type is not None and not is_kind(filters.entity_type):
        # What was written once under a name that is used no more is found by it all the same.
        which = "thing" if filters.entity_id is None else "entity"
        said[which] = f"“{filters.entity_type}” is no kind of thing by today’s names"
    elif filters.entity_type is not None and filters.entity_id is not None:
        said["entity"] = f"What happened to: {names.with_kind(filters.entity_type, filters.entity_id)}"
    if filters.event is not None and filters.event not in words.EVENTS:
        said["event"] = f"“{filters.event}” is no kind of event by today’s names"
    if filters.request_id is not None:
        said["request"] = "What happened in one request"
    if filters.job_id is not None:
        said["job"] = "What happened in one job"
    return [Narrowed(text, _url(wanted, **{**gone.get(name, {}), name: None})) for name, text in said.items()]


def _url(wanted: Asked, **instead: object) -> str:
    """The history as it is narrowed, but for some filters; None takes one away."""
    values: dict[str, Any] = {**wanted.chosen, **instead}
    return url_for("audit.history", **values)


def _record_look(wanted: Asked) -> None:
    # Every page of it, and by what it was narrowed: who looked a child up is a question of its own.
    onward = ", a later page" if request.args.get("after") else ""
    record(db.session, Event.AUDIT_VIEWED, reason=wanted.said() + onward, student_id=wanted.filters.student_id)


@blueprint.get("/audit/<int:row_id>/<moment>")
@requires(Permission.AUDIT_VIEW)
def event(row_id: int, moment: str) -> str:
    """One event: what it was before and after, and everything else of the same request or job."""
    try:
        created_at = read_moment(moment)
    except ValueError:
        raise NotFound("event") from None
    row, rendered = _printed_event(row_id, created_at)
    record(db.session, Event.AUDIT_VIEWED, reason=f"one event, no. {row.id}", student_id=row.student_id)
    db.session.commit()
    return rendered


@reading
def _printed_event(row_id: int, created_at: datetime) -> tuple[HistoryRow, str]:
    row = queries.one(db.session, row_id, created_at)
    rows = queries.together(db.session, row)
    names = names_of(db.session, mentioned([row, *rows]), g.timezone)
    rendered = render_template(
        "audit/event.html",
        told=tell([row], names)[0],
        together=tell(rows, names),
        is_whole=len(rows) < queries.TOGETHER_SHOWN,
        links=_links(row),
    )
    return row, rendered


def _links(row: HistoryRow) -> dict[str, str]:
    """Where the history goes on from an event: by person, student, thing, and request or job."""
    found = {}
    if row.actor_id is not None:
        found["actor"] = url_for("audit.history", actor=row.actor_id)
    if row.student_id is not None:
        found["student"] = url_for("audit.history", student=row.student_id)
    if row.entity_type is not None and row.entity_id is not None:
        found["thing"] = url_for("audit.history", thing=row.entity_type, entity=row.entity_id)
    if row.request_id or row.job_id:
        zone = ZoneInfo(g.timezone)
        within = queries.together_within(row)
        first, last = (row.created_at + by for by in (-within, within))
        days: dict[str, Any] = {
            "from": first.astimezone(zone).date().isoformat(),
            "to": last.astimezone(zone).date().isoformat(),
        }
        found["together"] = url_for("audit.history", request=row.request_id, job=row.job_id, **days)
    return found
