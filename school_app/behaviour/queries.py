"""What incidents say of students.

behaviour/ itself, and the features above it; alerts reads it through alerts.sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import BehaviourFacts, IncidentFact, behaviour_facts
from school_app.alerts.thresholds import Thresholds
from school_app.behaviour.models import Incident, IncidentKind
from school_app.schools.queries import school_days, school_year_on

AnySession = Session | scoped_session[Any]


def behaviour_facts_of(
    session: AnySession, student_ids: Collection[int], *, as_of: date, thresholds: Thresholds
) -> Mapping[int, BehaviourFacts]:
    """The incidents of some students in the thresholds' window of school days, in three statements.

    Every student has an entry: no incident is a fact too. Between school years nobody has one.
    """
    year = school_year_on(session, as_of)
    if year is None or not student_ids:
        return {}
    days = school_days(session, year.starts_on, as_of)
    incidents = _incidents(session, student_ids, first=year.starts_on, last=as_of)
    return {
        student_id: behaviour_facts(
            as_of,
            incidents.get(student_id, ()),
            instructional_days=days,
            window_school_days=thresholds.incident_window_school_days,
            school_year_key=str(year.id),
        )
        for student_id in student_ids
    }


def _incidents(
    session: AnySession, student_ids: Collection[int], *, first: date, last: date
) -> dict[int, list[IncidentFact]]:
    rows = session.execute(
        select(Incident.student_id, Incident.id, Incident.occurred_on, Incident.severity, Incident.category).where(
            Incident.student_id.in_(student_ids),
            Incident.occurred_on.between(first, last),
            Incident.kind == IncidentKind.CONCERN,
        )
    )
    found: dict[int, list[IncidentFact]] = defaultdict(list)
    for student_id, id_, on, severity, category in rows:
        found[student_id].append(IncidentFact(id_, on, severity=severity, category=category))
    return found
