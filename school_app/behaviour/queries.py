"""What incidents say of students.

behaviour/ itself, and the features above it; alerts reads it through alerts.sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import BehaviourFacts, IncidentFact, behaviour_facts
from school_app.alerts.thresholds import Thresholds
from school_app.behaviour.models import Incident, IncidentKind
from school_app.core.errors import NotFound
from school_app.core.lasting import lasting
from school_app.core.paging import Page, behind, decode, page
from school_app.schools.models import Form, SchoolYear
from school_app.schools.queries import YearSoFar, year_so_far
from school_app.students.access import Reach
from school_app.students.models import Student

AnySession = Session | scoped_session[Any]
INCIDENTS_A_PAGE = 50


def behaviour_facts_of(
    session: AnySession,
    student_ids: Collection[int],
    *,
    as_of: date,
    thresholds: Thresholds,
    year: YearSoFar | None = None,
) -> Mapping[int, BehaviourFacts]:
    """The incidents of some students in the thresholds' window of school days, in three statements.

    Every student has an entry: no incident is a fact too. Between school years nobody has one.
    """
    year = year or year_so_far(session, as_of)
    if year is None or not student_ids:
        return {}
    incidents = _incidents(session, student_ids, first=year.starts_on, last=as_of)
    return {
        student_id: behaviour_facts(
            as_of,
            incidents.get(student_id, ()),
            instructional_days=year.days,
            window_school_days=thresholds.incident_window_school_days,
            school_year_key=str(year.id),
        )
        for student_id in student_ids
    }


CONCERNS = lasting(
    select(Incident.student_id, Incident.id, Incident.occurred_on, Incident.severity, Incident.category).where(
        Incident.student_id.in_(bindparam("ids", expanding=True)),
        Incident.occurred_on.between(bindparam("first"), bindparam("last")),
        Incident.kind == IncidentKind.CONCERN,
        Incident.withdrawn_at.is_(None),
    )
)


def _incidents(
    session: AnySession, student_ids: Collection[int], *, first: date, last: date
) -> dict[int, list[IncidentFact]]:
    rows = session.execute(CONCERNS, {"ids": list(student_ids), "first": first, "last": last})
    found: dict[int, list[IncidentFact]] = defaultdict(list)
    for student_id, id_, on, severity, category in rows:
        found[student_id].append(IncidentFact(id_, on, severity=severity, category=category))
    return found


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of incidents is narrowed to; None leaves a part out. `severity` is the lowest that is shown."""

    kind: IncidentKind | None = None
    severity: int | None = None
    form_id: int | None = None
    since: date | None = None
    reported_by: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident in a list, with its student's name."""

    id: int
    student_name: str
    kind: IncidentKind
    category: str
    severity: int
    description: str
    occurred_on: date
    recorded_at: datetime
    reported_by_name: str | None
    is_withdrawn: bool


def incidents(session: AnySession, reach: Reach, filters: Filters, *, cursor: str | None = None) -> Page[Listed]:
    """The incidents of the students in reach, the latest recorded first, in one statement. Raises BadCursor."""
    statement = (
        select(Incident, Student.given_name, Student.family_name)
        .join(Student, Student.id == Incident.student_id)
        .where(reach.students(), *_conditions(filters))
    )
    if cursor is not None:
        key = decode(cursor, datetime, int)
        statement = statement.where(behind(Incident.recorded_at, Incident.id, key))
    ordered = statement.order_by(Incident.recorded_at.desc(), Incident.id.desc()).limit(INCIDENTS_A_PAGE + 1)
    rows = [_listed(one, f"{given} {family}".strip()) for one, given, family in session.execute(ordered)]
    return page(rows, INCIDENTS_A_PAGE, lambda row: (row.recorded_at, row.id))


def _listed(one: Incident, name: str) -> Listed:
    return Listed(
        one.id,
        name,
        one.kind,
        category=one.category,
        severity=one.severity,
        description=one.description,
        occurred_on=one.occurred_on,
        recorded_at=one.recorded_at,
        reported_by_name=one.reported_by_name,
        is_withdrawn=one.withdrawn_at is not None,
    )


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[tuple[object, ColumnElement[bool]]] = [
        (filters.kind, Incident.kind == filters.kind),
        (filters.severity, Incident.severity >= (filters.severity or 0)),
        (filters.form_id, Student.form_id == filters.form_id),
        (filters.since, Incident.occurred_on >= (filters.since or date.min)),
        (filters.reported_by, Incident.reported_by == filters.reported_by),
    ]
    return [condition for wanted, condition in found if wanted is not None]


def reachable_incident(session: AnySession, reach: Reach, incident_id: int) -> tuple[Incident, Student]:
    """An incident of a student in reach, with the student. Raises NotFound for every other."""
    row = session.execute(
        select(Incident, Student)
        .join(Student, Student.id == Incident.student_id)
        .where(Incident.id == incident_id, reach.students())
    ).first()
    if row is None:
        raise NotFound("incident")
    return row[0], row[1]


def forms_in_reach(session: AnySession, reach: Reach, on: date) -> list[tuple[int, str]]:
    """The active forms of the year of a day that a person has in reach, as id and name."""
    rows = session.execute(
        select(Form.id, Form.name)
        .join(SchoolYear, SchoolYear.id == Form.school_year_id)
        .where(reach.forms(), Form.is_active, SchoolYear.starts_on <= on, SchoolYear.ends_on >= on)
        .order_by(Form.name, Form.id)
    )
    return [(id_, name) for id_, name in rows]
