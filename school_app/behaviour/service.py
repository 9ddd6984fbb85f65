"""Recording incidents and positive records.

behaviour.routes and imports call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session, scoped_session

from school_app.behaviour.models import Incident, IncidentKind
from school_app.core.acting import By
from school_app.core.errors import DomainError

AnySession = Session | scoped_session[Any]
LONGEST = 4000
CATEGORY_LENGTH = 120
OLDEST = timedelta(days=366)
SEVERITIES = {1: "slight", 2: "minor", 3: "moderate", 4: "serious", 5: "grave"}


class InvalidIncident(DomainError):
    """What was entered cannot stand; str() names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened: `severity` 1 (slight) to 5 (grave); a positive record has severity 1."""

    kind: IncidentKind
    occurred_on: date
    category: str
    severity: int
    description: str


def record_incident(session: AnySession, student_id: int, report: Report, *, by: By, today: date) -> Incident:
    """Keep a report on a student; the caller has checked that the reporter sees the student."""
    category, description = report.category.strip(), report.description.strip()
    if not today - OLDEST <= report.occurred_on <= today:
        raise InvalidIncident("Day: choose a day of the last year, up to today.")
    if not category or len(category) > CATEGORY_LENGTH:
        raise InvalidIncident(f"Category: write what kind it was, in {CATEGORY_LENGTH} characters or fewer.")
    if report.severity not in SEVERITIES:
        raise InvalidIncident("Severity: choose one from 1 (slight) to 5 (grave).")
    if not description or len(description) > LONGEST:
        raise InvalidIncident(f"What happened: write it in {LONGEST} characters or fewer.")
    incident = Incident(
        student_id=student_id,
        kind=report.kind,
        occurred_on=report.occurred_on,
        category=category,
        severity=1 if report.kind is IncidentKind.POSITIVE else report.severity,
        description=description,
        reported_by=by.id,
        reported_by_name=by.name,
    )
    session.add(incident)
    session.flush()
    return incident
