"""The page of one case, with the student's attendance before and since, and its closing.

It stands on the blueprint of cases/, because it shows what features above cases/ know.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from school_app.alerts.models import Alert
from school_app.attendance.history import History, histories
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases import queries, service, words
from school_app.cases.models import Case, Outcome
from school_app.cases.queries import case_in_care, is_stale, steps_of
from school_app.cases.routes import blueprint
from school_app.cases.service import CaseAlreadyClosed, InvalidCase
from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.students.notes import notes_on

LOOK_BACK = timedelta(weeks=12)


@blueprint.get("/cases/<int:case_id>")
@requires(Permission.CASE_VIEW)
def case(case_id: int) -> str:
    """One case: its plan, steps and notes, and what the figures say."""
    today = clock.today(g.timezone)
    listed = case_in_care(db.session, viewer(), case_id, today=today)
    found = listed.case
    record(db.session, Event.CASE_VIEWED, found)
    history = _history(found, today)
    reads = viewer().may(Permission.NOTE_READ_RESTRICTED)
    rendered = render_template(
        "cases/case.html",
        listed=listed,
        case=found,
        steps=steps_of(db.session, found.id),
        notes=notes_on(db.session, found.student_id, reads_restricted=reads, case_id=found.id),
        alert=db.session.get(Alert, found.alert_id) if found.alert_id else None,
        figures=found.figures or measured(found, history, today=today),
        weeks=_weeks(found, history, today),
        outcomes=list(words.OUTCOMES.items()),
        words=words,
        today=today,
        stale=is_stale(found),
        may_work=viewer().may(Permission.CASE_WORK) and found.closed_at is None,
    )
    db.session.commit()
    return rendered


@blueprint.post("/cases/<int:case_id>/close")
@requires(Permission.CASE_WORK)
def close(case_id: int) -> Response:
    """Close a case with its outcome; the figures of that day are kept with it."""
    today = clock.today(g.timezone)
    listed = queries.case_in_care(db.session, viewer(), case_id, today=today)
    word = request.form.get("outcome", "")
    try:
        if word not in {one.value for one in Outcome}:
            raise InvalidCase("Outcome: choose what came of it.")
        figures = measured(listed.case, _history(listed.case, today), today=today)
        service.close(
            db.session, case_id, outcome=Outcome(word), note=request.form.get("outcome_note", ""), figures=figures
        )
    except (InvalidCase, CaseAlreadyClosed) as error:
        db.session.rollback()
        flash(str(error), "error")
    else:
        db.session.commit()
        flash("The case is closed.", "success")
    return redirect(url_for("cases.case", case_id=case_id), code=303)


def _history(found: Case, today: date) -> History:
    first = found.starts_on - LOOK_BACK
    last = found.closed_at.date() if found.closed_at else today
    return histories(db.session, [found.student_id], first=first, last=last).get(found.student_id, History(()))


def measured(found: Case, history: History, *, today: date) -> dict[str, Any]:
    """Attendance and incidents in the twelve weeks before a case began, and from then to its end or today."""
    last = found.closed_at.date() if found.closed_at else today
    before = history.share(found.starts_on - LOOK_BACK, found.starts_on - timedelta(days=1))
    since = history.share(found.starts_on, last)
    return {
        "attendance_before": None if before.percent is None else round(before.percent, 1),
        "attendance_since": None if since.percent is None else round(since.percent, 1),
        "sessions_before": before.counted,
        "sessions_since": since.counted,
        "incidents_before": _incidents(found.student_id, found.starts_on - LOOK_BACK, found.starts_on - timedelta(1)),
        "incidents_since": _incidents(found.student_id, found.starts_on, last),
        "measured_on": last.isoformat(),
    }


def _incidents(student_id: int, first: date, last: date) -> int:
    statement = (
        select(func.count())
        .select_from(Incident)
        .where(
            Incident.student_id == student_id,
            Incident.occurred_on.between(first, last),
            Incident.kind == IncidentKind.CONCERN,
            Incident.withdrawn_at.is_(None),
        )
    )
    return int(db.session.scalar(statement) or 0)


def _weeks(found: Case, history: History, today: date) -> dict[str, Any]:
    last = found.closed_at.date() if found.closed_at else today
    count = min(40, max(2, (last - (found.starts_on - LOOK_BACK)).days // 7 + 1))
    monday = last - timedelta(days=last.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(count - 1, -1, -1)]
    points = [
        (f"{start.day} {start:%b}", figure) for start, figure in zip(starts, history.weeks(last, count), strict=True)
    ]
    at = next((place for place, start in enumerate(starts) if start + timedelta(days=6) >= found.starts_on), None)
    return {"points": points, "marker": None if at is None else (at, "case opened")}
