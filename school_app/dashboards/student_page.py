"""The page of one student: attendance, marks, incidents, alerts, cases and notes in one place.

It stands on the blueprint of students/, because it shows what features above students/ know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import g, render_template
from sqlalchemy import bindparam, select

from school_app.alerts import words as alert_words
from school_app.alerts.lists import decisions
from school_app.alerts.models import Alert
from school_app.alerts.queries import risk_of, thresholds_of
from school_app.attendance.history import History, histories, noted_marks
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.behaviour.models import Incident
from school_app.cases.course import courses_of
from school_app.cases.models import CaseStatus
from school_app.cases.queries import cases_about
from school_app.core import clock
from school_app.core.db import db
from school_app.core.lasting import lasting
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.dashboards import timeline
from school_app.dashboards.attendance_calendar import calendar, months_shown
from school_app.dashboards.whole_form import attendance_band
from school_app.history.seen import seen_by
from school_app.marks.results import results_by_subject
from school_app.schools.models import Form
from school_app.schools.queries import school_days, school_year_on
from school_app.students.access import reach_of, student_among
from school_app.students.models import Student
from school_app.students.notes import Draft, notes_on
from school_app.students.queries import guardians_of
from school_app.students.routes import blueprint

WEEKS_SHOWN = 24
MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class RefusedNote:
    """A note that was not kept, and why."""

    draft: Draft
    message: str


@blueprint.get("/students/<int:student_id>")
@requires(Permission.STUDENT_VIEW)
def student(student_id: int) -> str:
    """One student. That the record was seen is recorded, by whom and when."""
    return student_page(student_id)


def student_page(student_id: int, refused: RefusedNote | None = None) -> str:
    """The page, with a note that was not taken in its form as it was typed. It commits that the record was seen."""
    rendered = _printed(student_id, refused)
    db.session.commit()
    return rendered


@reading
def _printed(student_id: int, refused: RefusedNote | None) -> str:
    today = clock.today(g.timezone)
    reach = reach_of(db.session, viewer(), today=today)
    found = student_among(db.session, reach.students(), student_id)
    in_care = reach.cares_for(found)
    record(db.session, Event.STUDENT_VIEWED, found)
    year = school_year_on(db.session, today)
    first = year.starts_on if year else today - timedelta(days=180)
    return render_template(
        "students/student.html",
        student=found,
        form=db.session.get(Form, found.form_id) if found.form_id else None,
        today=today,
        profile=risk_of(db.session, [found.id]).get(found.id),
        subjects=results_by_subject(
            db.session, found.id, first=first, on=today, taught_by=None if in_care else viewer().account_id
        ),
        guardians=guardians_of(db.session, found.id) if in_care else [],
        words=alert_words,
        in_care=in_care,
        **_attendance(found, first, today, in_care=in_care),
        refused=refused,
        **_chain(found, in_care=in_care),
        seen=seen_by(db.session, found.id) if viewer().may(Permission.STUDENT_LOOKS) else None,
        reads_history=viewer().may(Permission.AUDIT_VIEW),
    )


def _attendance(found: Student, first: date, today: date, *, in_care: bool) -> dict[str, Any]:
    history = histories(db.session, [found.id], first=first, last=today).get(found.id, History(()))
    noted = noted_marks(db.session, found.id, first=first, last=today)
    months = months_shown(first, today)
    open_days = school_days(db.session, max(first, months[0]), today + timedelta(days=31))
    return {
        "share": history.share(),
        "band": attendance_band(history, thresholds_of(db.session)),
        "weeks": _weeks(history, today),
        "calendar": calendar(history, noted, open_days, months=months, today=today, reasons=in_care),
        "apart": [one for one in noted if not one.counts],
    }


def _chain(found: Student, *, in_care: bool) -> dict[str, Any]:
    person = viewer()
    incidents = db.session.scalars(INCIDENTS, {"student_id": found.id}).all()
    sees_alerts, sees_cases = (
        in_care and person.may(Permission.ALERT_VIEW),
        in_care and person.may(Permission.CASE_VIEW),
    )
    alerts = db.session.scalars(ALERTS, {"student_id": found.id}).all() if sees_alerts else []
    cases = cases_about(db.session, found.id) if sees_cases else []
    reads = in_care and person.may(Permission.NOTE_READ_RESTRICTED)
    notes = notes_on(db.session, found.id, reads_restricted=reads) if sees_cases else []
    answered = decisions(db.session, found.id) if sees_alerts else []
    return {
        "incidents": incidents,
        "alerts": alerts,
        "cases": cases,
        "open_cases": [case for case in cases if case.status is not CaseStatus.CLOSED],
        "entries": timeline.timeline(
            timeline.incidents(incidents),
            timeline.alerts(alerts, answered),
            timeline.cases(cases, courses_of(db.session, [case.id for case in cases])),
            timeline.notes(notes, person.account_id),
        ),
        "may_note": in_care and person.may(Permission.NOTE_WRITE),
        "may_open_case": in_care and person.may(Permission.CASE_WORK),
        "may_report": person.may(Permission.INCIDENT_RECORD),
    }


def _latest(model: Any, moment: Any) -> Any:
    """A student's latest rows of one kind, as many as the page has room for."""
    statement = select(model).where(model.student_id == bindparam("student_id"))
    return lasting(statement.order_by(moment.desc(), model.id.desc()).limit(MOST_ROWS))


INCIDENTS = _latest(Incident, Incident.occurred_on)
ALERTS = _latest(Alert, Alert.opened_at)


def _weeks(history: History, today: date) -> list[tuple[str, float | None]]:
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(WEEKS_SHOWN - 1, -1, -1)]
    figures = history.weeks(today, WEEKS_SHOWN)
    found = [(f"{start.day} {start:%b}", figure) for start, figure in zip(starts, figures, strict=True)]
    known = next((place for place, (_, figure) in enumerate(found) if figure is not None), len(found))
    return found[known:]
