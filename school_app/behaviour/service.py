"""Recording incidents and positive records.

behaviour.routes and imports call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.behaviour.models import Incident, IncidentKind
from school_app.core.acting import By
from school_app.core.errors import DomainError
from school_app.core.fingerprint import is_once

AnySession = Session | scoped_session[Any]
LONGEST = 4000
CATEGORY_LENGTH = 120
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
    session.flush()
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
