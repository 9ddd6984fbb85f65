"""The figures of days and of students, counted from the rows themselves.

summaries.service keeps what is counted here, and summaries.checking compares it; nothing else reads so much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, and_, bindparam, cast, literal, null, or_, select, true, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import EnrolledSpan
from school_app.alerts.models import Alert, AlertDecision
from school_app.attendance.parts import whole_day
from school_app.attendance.queries import exceptions_of, taken_registers
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases.models import Case
from school_app.core.db import UtcDateTime
from school_app.core.lasting import lasting
from school_app.schools.models import Form, School, SchoolYear
from school_app.schools.queries import school_days
from school_app.students.models import Enrolment
from school_app.summaries.rules import Happening, Key, Place, Raw, Tally, count

AnySession = Session | scoped_session[Any]
FIRST: Any = bindparam("first", type_=Date)
LAST: Any = bindparam("last", type_=Date)
INCIDENT_COLUMNS = {IncidentKind.CONCERN: "incidents", IncidentKind.POSITIVE: "positives"}


def counted_days(
    session: AnySession, first: date, last: date, *, students: Collection[int] | None = None
) -> dict[Key, Tally]:
    """The figures of each form and day between two days, both included, of which there is anything to say.

    With `students`, what these alone count: the figures of a form are whole where all who had a place in it are among
    them. Six statements, whatever the number of forms and students.
    """
    return count(_raw(session, first, last, students))


def _raw(session: AnySession, first: date, last: date, students: Collection[int] | None) -> Raw:
    places = _places(session, first, last, students)
    forms = {place.form_id for found in places.values() for place in found}
    taken: dict[tuple[int, date], set[str]] = defaultdict(set)
    for form_id, keys in taken_registers(session, forms, first=first, last=last).items():
        for on, part in keys:
            taken[form_id, on].add(part)
    school = session.execute(select(School.timezone, School.session_scheme)).one()
    return Raw(
        first,
        last,
        school_days(session, first, last),
        whole_day(school.session_scheme),
        places=places,
        taken=taken,
        exceptions=exceptions_of(session, places.keys(), first=first, last=last),
        happenings=list(_happenings(session, first, last, students, zone=ZoneInfo(school.timezone))),
    )


def _values(first: date, last: date, students: Collection[int] | None) -> dict[str, Any]:
    """The parameters of the statements: the days, and of which students, where they are not of everyone."""
    days = {"first": first, "last": last}
    return days if students is None else {**days, "students": list(students)}


def _of(column: Any, of_some: bool) -> ColumnElement[bool]:
    return column.in_(bindparam("students", expanding=True)) if of_some else true()


def _places(session: AnySession, first: date, last: date, students: Collection[int] | None) -> dict[int, list[Place]]:
    rows = session.execute(_asked_places(students is not None), _values(first, last, students))
    found: dict[int, list[Place]] = defaultdict(list)
    for student_id, form_id, starts_on, ends_on, id_, year_starts_on, year_ends_on in rows:
        in_year = EnrolledSpan(max(starts_on, year_starts_on), min(ends_on or year_ends_on, year_ends_on))
        span = EnrolledSpan(starts_on, ends_on)
        if in_year.first_day <= last and (in_year.last_day or last) >= first:
            found[student_id].append(Place(form_id, span, in_year, order=(starts_on, id_)))
    return found


@cache
def _asked_places(of_some: bool) -> Any:
    return lasting(
        select(
            *(Enrolment.student_id, Enrolment.form_id, Enrolment.starts_on, Enrolment.ends_on, Enrolment.id),
            *(SchoolYear.starts_on.label("year_starts_on"), SchoolYear.ends_on.label("year_ends_on")),
        )
        .join(Form, Form.id == Enrolment.form_id)
        .join(SchoolYear, SchoolYear.id == Form.school_year_id)
        .where(Enrolment.starts_on <= LAST, or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= FIRST))
        .where(_of(Enrolment.student_id, of_some))
    )


def _happenings(
    session: AnySession, first: date, last: date, students: Collection[int] | None, *, zone: ZoneInfo
) -> Iterator[Happening]:
    """What happened, in one statement: it would be six, of which most find nothing."""
    moments = {"start": _midnight(first, zone), "end": _midnight(last + timedelta(days=1), zone)}
    values = {**_values(first, last, students), **moments}
    for what, student_id, on, moment in session.execute(_asked_happenings(students is not None), values):
        yield Happening(student_id, on or moment.astimezone(zone).date(), what)


@cache
def _asked_happenings(of_some: bool) -> Any:
    incident, case, alert = (_of(one.student_id, of_some) for one in (Incident, Case, Alert))
    incidents = (
        _told(what, Incident.student_id, on=Incident.occurred_on)
        .where(Incident.occurred_on.between(FIRST, LAST), incident)
        .where(Incident.kind == kind, Incident.withdrawn_at.is_(None))
        for kind, what in INCIDENT_COLUMNS.items()
    )
    opened = _told("cases_opened", Case.student_id, on=Case.starts_on).where(Case.starts_on.between(FIRST, LAST), case)
    decided = _told("alerts_decided", Alert.student_id, moment=AlertDecision.decided_at).join(
        Alert, Alert.id == AlertDecision.alert_id
    )
    return lasting(
        union_all(
            *incidents,
            opened,
            _told("cases_closed", Case.student_id, moment=Case.closed_at).where(_within(Case.closed_at), case),
            _told("alerts_opened", Alert.student_id, moment=Alert.opened_at).where(_within(Alert.opened_at), alert),
            decided.where(_within(AlertDecision.decided_at), alert),
        )
    )


def _told(what: str, student_id: Any, *, on: Any = None, moment: Any = None) -> Any:
    """The select of one kind of happening: on a day, or at a moment whose day the school's time zone says."""
    return select(
        literal(what),
        student_id,
        cast(null(), Date) if on is None else on,
        cast(null(), UtcDateTime) if moment is None else moment,
    )


def _within(column: Any) -> ColumnElement[bool]:
    return and_(column >= bindparam("start"), column < bindparam("end"))


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time.min, zone)
