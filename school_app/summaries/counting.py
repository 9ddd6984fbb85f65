"""The figures of days and of students, counted from the rows themselves.

summaries.service keeps what is counted here, and summaries.checking compares it; nothing else reads so much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Row, and_, bindparam, cast, literal, null, or_, select, true, union_all
from sqlalchemy.orm import Session, aliased, scoped_session

from school_app.alerts.facts import EnrolledSpan, SessionKey
from school_app.alerts.models import Alert, AlertDecision
from school_app.attendance.parts import whole_day
from school_app.attendance.queries import exceptions_of, taken_registers
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases.models import Case
from school_app.core.db import UtcDateTime
from school_app.core.lasting import lasting
from school_app.schools.models import Form, SchoolYear
from school_app.schools.queries import school_days
from school_app.students.models import Enrolment
from school_app.summaries.known import Known, way_of
from school_app.summaries.rules import Happening, Key, Place, Raw, Tally, count

AnySession = Session | scoped_session[Any]
FIRST: Any = bindparam("first", type_=Date)
LAST: Any = bindparam("last", type_=Date)
INCIDENT_COLUMNS = {IncidentKind.CONCERN: "incidents", IncidentKind.POSITIVE: "positives"}


Placed = Sequence[Row[*tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Some:
    """Students of whom a day is counted by themselves: the rows of their places on it, and what is known of them."""

    placed: Placed
    known: Known


def counted_days(session: AnySession, first: date, last: date, *, some: Some | None = None) -> dict[Key, Tally]:
    """The figures of each form and day between two days, both included, of which there is anything to say.

    With `some`, what these students alone count: the figures of a form are whole where all who had a place in it are
    among them. Six statements, whatever the number of forms and students, or as few as one with what is known of them.
    """
    return count(_raw(session, first, last, some))


def _raw(session: AnySession, first: date, last: date, some: Some | None) -> Raw:
    placed = session.execute(PLACED, {"first": first, "last": last}).all() if some is None else some.placed
    places = _places(placed, first, last)
    days = None if some is None else some.known.days_between(first, last)
    if some is not None and days is not None:
        taken, exceptions = some.known.recorded.taken, some.known.recorded.exceptions
    else:
        forms = {place.form_id for found in places.values() for place in found}
        days = school_days(session, first, last)
        taken = taken_registers(session, forms, first=first, last=last)
        exceptions = exceptions_of(session, places.keys(), first=first, last=last)
    way = way_of(session) if some is None else some.known.way
    students = None if some is None else places.keys()
    return Raw(
        first,
        last,
        days,
        whole_day(way.scheme),
        places=places,
        taken=_parts(taken),
        exceptions=exceptions,
        happenings=list(_happenings(session, first, last, students, zone=way.zone)),
    )


def _parts(taken: Mapping[int, Collection[SessionKey]]) -> dict[tuple[int, date], set[str]]:
    found: dict[tuple[int, date], set[str]] = defaultdict(set)
    for form_id, keys in taken.items():
        for on, part in keys:
            found[form_id, on].add(part)
    return found


def _values(first: date, last: date, students: Collection[int] | None) -> dict[str, Any]:
    """The parameters of the statements: the days, and of which students, where they are not of everyone."""
    days = {"first": first, "last": last}
    return days if students is None else {**days, "students": list(students)}


def _of(column: Any, of_some: bool) -> ColumnElement[bool]:
    return column.in_(bindparam("students", expanding=True)) if of_some else true()


def _places(placed: Placed, first: date, last: date) -> dict[int, list[Place]]:
    found: dict[int, list[Place]] = defaultdict(list)
    for student_id, form_id, starts_on, ends_on, id_, year_starts_on, year_ends_on in placed:
        in_year = EnrolledSpan(max(starts_on, year_starts_on), min(ends_on or year_ends_on, year_ends_on))
        span = EnrolledSpan(starts_on, ends_on)
        if in_year.first_day <= last and (in_year.last_day or last) >= first:
            found[student_id].append(Place(form_id, span, in_year, order=(starts_on, id_)))
    return found


def _overlaps(place: Any) -> ColumnElement[bool]:
    return and_(place.starts_on <= LAST, or_(place.ends_on.is_(None), place.ends_on >= FIRST))


_PLACES = (
    select(
        *(Enrolment.student_id, Enrolment.form_id, Enrolment.starts_on, Enrolment.ends_on, Enrolment.id),
        *(SchoolYear.starts_on.label("year_starts_on"), SchoolYear.ends_on.label("year_ends_on")),
    )
    .join(Form, Form.id == Enrolment.form_id)
    .join(SchoolYear, SchoolYear.id == Form.school_year_id)
    .where(_overlaps(Enrolment))
)
_THERE = aliased(Enrolment)
_IN_FORMS = select(_THERE.student_id).where(
    _THERE.form_id.in_(bindparam("form_ids", expanding=True)), _overlaps(_THERE)
)
PLACED = lasting(_PLACES)
PLACED_WITH_FORMS = lasting(_PLACES.where(Enrolment.student_id.in_(_IN_FORMS)))


def placed_with(session: AnySession, form_ids: Collection[int], on: date) -> Placed:
    """The places on a day, in whatever form, of everyone who had one in some forms on it; one statement."""
    values = {"first": on, "last": on, "form_ids": list(form_ids)}
    return session.execute(PLACED_WITH_FORMS, values).all()


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
