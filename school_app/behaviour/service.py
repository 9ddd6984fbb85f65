"""Recording incidents and positive records, correcting and withdrawing them.

behaviour.routes and imports call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.behaviour.models import Incident, IncidentKind
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.core.fingerprint import is_once
from school_app.schools.due import note_due
from school_app.students.models import Student

AnySession = Session | scoped_session[Any]
LONGEST = 4000
CATEGORY_LENGTH = 120
REASON_LENGTH = 500
LEAST_REASON = 3
OLDEST = timedelta(days=366)
SEVERITIES = {1: "slight", 2: "minor", 3: "moderate", 4: "serious", 5: "grave"}


class InvalidIncident(DomainError):
    """What was entered cannot stand; str() names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened: `severity` 1 (slight) to 5 (grave), which a positive record has not."""

    kind: IncidentKind
    occurred_on: date
    category: str
    severity: int
    description: str


def record_incident(
    session: AnySession, student_id: int, report: Report, *, by: By, today: date, once: str = ""
) -> Incident:
    """Keep a report on a student; the caller has checked that the reporter sees the student.

    `once` names what the form makes: sending the form again finds what it made before. InvalidIncident says what is
    wrong with the report.
    """
    _refuse(report, today)
    if is_once(once):
        # Locked, so that the same form sent twice at once finds what it made the first time.
        session.execute(select(Student.id).where(Student.id == student_id).with_for_update())
        made = session.scalar(select(Incident).where(Incident.sourced_id == once, Incident.student_id == student_id))
        if made is not None:
            return made
    incident = Incident(
        sourced_id=once if is_once(once) else None,
        student_id=student_id,
        kind=report.kind,
        occurred_on=report.occurred_on,
        category=report.category.strip(),
        severity=0 if report.kind is IncidentKind.POSITIVE else report.severity,
        description=report.description.strip(),
        reported_by=by.id,
        reported_by_name=by.name,
    )
    session.add(incident)
    note_due(session, report.occurred_on, report.occurred_on, student_id=student_id)
    session.flush()
    return incident


def correct_incident(session: AnySession, incident_id: int, report: Report, *, today: date) -> Incident:
    """Change what was recorded; the history keeps what stood before.

    The caller has checked may_change(). InvalidIncident says what cannot stand, Conflict that it was withdrawn.
    """
    _refuse(report, today)
    incident = _standing(session, incident_id)
    if is_imported(incident):
        raise InvalidIncident("This came with a file: correct it where the file is made, and bring it in again.")
    for on in {incident.occurred_on, report.occurred_on}:
        note_due(session, on, on, student_id=incident.student_id)
    incident.kind, incident.occurred_on = report.kind, report.occurred_on
    incident.category, incident.description = report.category.strip(), report.description.strip()
    incident.severity = 0 if report.kind is IncidentKind.POSITIVE else report.severity
    if session.is_modified(incident):
        record(session, Event.INCIDENT_CORRECTED, incident)
    session.flush()
    return incident


def withdraw_incident(session: AnySession, incident_id: int, *, reason: str, by: By) -> Incident:
    """Say that an incident was recorded by mistake: it is kept, shown as withdrawn, and counts nowhere."""
    reason = reason.strip()
    if not LEAST_REASON <= len(reason) <= REASON_LENGTH:
        raise InvalidIncident(f"Why: say it in {LEAST_REASON} to {REASON_LENGTH} characters.")
    incident = _standing(session, incident_id)
    incident.withdrawn_at, incident.withdrawn_by_name, incident.withdrawn_because = clock.now(), by.name, reason
    record(session, Event.INCIDENT_WITHDRAWN, incident, reason=reason)
    note_due(session, incident.occurred_on, incident.occurred_on, student_id=incident.student_id)
    session.flush()
    return incident


def may_change(incident: Incident, by: By, *, in_care: bool) -> bool:
    """Whether a person may correct or withdraw: who reported it, and who has the student in their care."""
    return incident.withdrawn_at is None and (in_care or incident.reported_by == by.id)


def is_imported(incident: Incident) -> bool:
    """Whether it came with a file, which would overwrite a correction."""
    return incident.sourced_id is not None and not is_once(incident.sourced_id)


def _standing(session: AnySession, incident_id: int) -> Incident:
    incident = session.scalar(
        select(Incident).where(Incident.id == incident_id).with_for_update().execution_options(populate_existing=True)
    )
    if incident is None:
        raise NotFound("incident")
    if incident.withdrawn_at is not None:
        raise Conflict(f"{incident.withdrawn_by_name} has withdrawn this meanwhile.")
    return incident


def _refuse(report: Report, today: date) -> None:
    category, description = report.category.strip(), report.description.strip()
    if not today - OLDEST <= report.occurred_on <= today:
        raise InvalidIncident("Day: choose a day of the last year, up to today.")
    if not category or len(category) > CATEGORY_LENGTH:
        raise InvalidIncident(f"Category: write what kind it was, in {CATEGORY_LENGTH} characters or fewer.")
    if report.kind is IncidentKind.CONCERN and report.severity not in SEVERITIES:
        raise InvalidIncident("Severity: choose one from 1 (slight) to 5 (grave).")
    if not description or len(description) > LONGEST:
        raise InvalidIncident(f"What happened: write it in {LONGEST} characters or fewer.")
