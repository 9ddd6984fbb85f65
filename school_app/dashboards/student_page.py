"""The page of one student: attendance, marks, incidents, alerts, cases and notes in one place.

It stands on the blueprint of students/, because it shows what features above students/ know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import g, render_template
from sqlalchemy import select

from school_app.alerts import words as alert_words
from school_app.alerts.facts import SessionFact
from school_app.alerts.lists import decisions
from school_app.alerts.models import Alert
from school_app.alerts.queries import risk_of, thresholds_of
from school_app.attendance.history import History, histories, marks_apart
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.behaviour.models import Incident
from school_app.cases.models import CaseStatus
from school_app.cases.queries import cases_of
from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.dashboards import timeline
from school_app.dashboards.whole_form import attendance_band
from school_app.marks.queries import results_of
from school_app.schools.models import Form
from school_app.schools.queries import school_days, school_year_on
from school_app.students.access import reach_of, reachable_student
from school_app.students.models import Student
from school_app.students.notes import notes_on
from school_app.students.queries import guardians_of
from school_app.students.routes import blueprint

MONTHS_SHOWN = 4
WEEKS_SHOWN = 24
WORST_FIRST = ("absent_unexcused", "absent_excused", "unknown", "late", "not_required", "present")


@dataclass(frozen=True, slots=True)
class Square:
    """One day of the attendance calendar."""

    date: date
    number: int
    state: str


@blueprint.get("/students/<int:student_id>")
@requires(Permission.STUDENT_VIEW)
def student(student_id: int) -> str:
    """One student. That the record was seen is recorded, by whom and when."""
    today = clock.today(g.timezone)
    found = reachable_student(db.session, viewer(), student_id, today=today)
    in_care = reach_of(db.session, viewer(), today=today).cares_for(found)
    record(db.session, Event.STUDENT_VIEWED, found)
    year = school_year_on(db.session, today)
    first = year.starts_on if year else today - timedelta(days=180)
    history = histories(db.session, [found.id], first=first, last=today).get(found.id, History(()))
    rendered = render_template(
        "students/student.html",
        student=found,
        form=db.session.get(Form, found.form_id) if found.form_id else None,
        today=today,
        history=history,
        share=history.share(),
        band=attendance_band(history, thresholds_of(db.session)),
        weeks=_weeks(history, today),
        months=_months(history, today),
        profile=risk_of(db.session, [found.id]).get(found.id),
        apart=marks_apart(db.session, found.id, first=first, last=today),
        results=results_of(db.session, found.id, first=first),
        guardians=guardians_of(db.session, found.id) if in_care else [],
        words=alert_words,
        in_care=in_care,
        **_chain(found, in_care=in_care),
    )
    db.session.commit()
    return rendered


def _chain(found: Student, *, in_care: bool) -> dict[str, Any]:
    person = viewer()
    incidents = db.session.scalars(
        select(Incident)
        .where(Incident.student_id == found.id)
        .order_by(Incident.occurred_on.desc(), Incident.id.desc())
        .limit(100)
    ).all()
    sees_alerts, sees_cases = (
        in_care and person.may(Permission.ALERT_VIEW),
        in_care and person.may(Permission.CASE_VIEW),
    )
    alerts = _alerts(found.id) if sees_alerts else []
    cases = cases_of(db.session, [found.id], open_only=False).get(found.id, []) if sees_cases else []
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
            timeline.cases(cases),
            timeline.notes(notes),
        ),
        "may_note": in_care and person.may(Permission.NOTE_WRITE),
        "may_open_case": in_care and person.may(Permission.CASE_WORK),
        "may_report": person.may(Permission.INCIDENT_RECORD),
    }


def _alerts(student_id: int) -> Sequence[Alert]:
    statement = select(Alert).where(Alert.student_id == student_id).order_by(Alert.opened_at.desc(), Alert.id.desc())
    return db.session.scalars(statement.limit(100)).all()


def _weeks(history: History, today: date) -> list[tuple[str, float | None]]:
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(WEEKS_SHOWN - 1, -1, -1)]
    figures = history.weeks(today, WEEKS_SHOWN)
    found = [(f"{start.day} {start:%b}", figure) for start, figure in zip(starts, figures, strict=True)]
    known = next((place for place, (_, figure) in enumerate(found) if figure is not None), len(found))
    return found[known:]


def _months(history: History, today: date) -> list[tuple[str, list[list[Square | None]]]]:
    first = (today.replace(day=1) - timedelta(days=31 * (MONTHS_SHOWN - 1))).replace(day=1)
    known = {day[0].on: day for day in history.days if day}
    open_days = set(school_days(db.session, first, today + timedelta(days=31)))
    months, start = [], first
    while start <= today:
        following = (start + timedelta(days=32)).replace(day=1)
        months.append((f"{start:%B}", _month_of(start, following, known, open_days=open_days, today=today)))
        start = following
    return months


def _month_of(
    start: date, following: date, known: dict[date, Sequence[SessionFact]], *, open_days: set[date], today: date
) -> list[list[Square | None]]:
    weeks: list[list[Square | None]] = []
    day = start
    while day < following:
        if day.weekday() < 5:
            if not weeks or day.weekday() == 0:
                weeks.append([None] * 5)
            weeks[-1][day.weekday()] = Square(day, day.day, _state(day, known, open_days=open_days, today=today))
        day += timedelta(days=1)
    return weeks


def _state(day: date, known: dict[date, Sequence[SessionFact]], *, open_days: set[date], today: date) -> str:
    if day in known:
        states = [fact.category.value if fact.category else "unknown" for fact in known[day]]
        return min(states, key=WORST_FIRST.index)
    if day not in open_days:
        return "closed"
    return "ahead" if day > today else "unknown"
