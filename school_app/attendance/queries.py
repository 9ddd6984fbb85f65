"""What the registers say: the facts of attendance of many students at once.

attendance/ itself, and the features above it; alerts reads it through alerts.sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import (
    HALVES,
    WHOLE_DAY,
    AttendanceCategory,
    AttendanceFacts,
    EnrolledSpan,
    SessionKey,
    attendance_facts,
)
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState
from school_app.core.permissions import Viewer
from school_app.schools.models import Form, School, SessionScheme
from school_app.schools.queries import school_days, school_year_on
from school_app.students.access import reach_of
from school_app.students.models import Enrolment, Note

AnySession = Session | scoped_session[Any]
# A whole day's absence wins over an arrival late on the same day: the file that says both knows the day's end.
WEIGHT = {
    AttendanceCategory.ABSENT_UNEXCUSED: 4,
    AttendanceCategory.ABSENT_EXCUSED: 3,
    AttendanceCategory.LATE: 2,
    AttendanceCategory.NOT_REQUIRED: 1,
    AttendanceCategory.PRESENT: 0,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A student's form from a day to a day (None: until further notice), both included."""

    form_id: int
    span: EnrolledSpan


@dataclass(frozen=True, slots=True)
class FormDay:
    """A form and its registers of one day, by session; a session without one was not taken."""

    form_id: int
    name: str
    registers: Mapping[str, Register]


def heavier(one: AttendanceCategory | None, other: AttendanceCategory) -> AttendanceCategory:
    """Of two marks in one session the one that counts."""
    return other if one is None or WEIGHT[other] > WEIGHT[one] else one


def attendance_facts_of(
    session: AnySession, student_ids: Collection[int], *, as_of: date, thresholds: Thresholds
) -> Mapping[int, AttendanceFacts]:
    """The facts of attendance of some students in the school year of `as_of`, up to and including that day.

    Seven statements, whatever the number of students. Who was in no form this year has no entry; between school years
    nobody has one. The rule is docs/decisions/0001.
    """
    year = school_year_on(session, as_of)
    if year is None or not student_ids:
        return {}
    places = enrolled_places(session, student_ids, first=year.starts_on, last=as_of)
    if not places:
        return {}
    forms = {place.form_id for found in places.values() for place in found}
    days = school_days(session, year.starts_on, as_of)
    taken = taken_registers(session, forms, first=year.starts_on, last=as_of)
    exceptions = exceptions_of(session, student_ids, first=year.starts_on, last=as_of)
    school = session.execute(select(School.timezone, School.session_scheme)).one()
    notes = _last_notes(session, student_ids, as_of, zone=ZoneInfo(school.timezone))
    sessions = HALVES if school.session_scheme is SessionScheme.AM_PM else frozenset({WHOLE_DAY})
    return {
        student_id: attendance_facts(
            as_of,
            _registers(found, taken),
            exceptions=exceptions.get(student_id, {}),
            instructional_days=days,
            enrolled=[place.span for place in found],
            school_year_key=str(year.id),
            sessions_of_day=sessions,
            last_note_on=notes.get(student_id),
        )
        for student_id, found in places.items()
    }


def enrolled_places(
    session: AnySession, student_ids: Collection[int], *, first: date, last: date
) -> dict[int, list[Place]]:
    """Where some students were enrolled between two days."""
    rows = session.execute(
        select(Enrolment.student_id, Enrolment.form_id, Enrolment.starts_on, Enrolment.ends_on).where(
            Enrolment.student_id.in_(student_ids),
            Enrolment.starts_on <= last,
            or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= first),
        )
    )
    found: dict[int, list[Place]] = defaultdict(list)
    for student_id, form_id, starts_on, ends_on in rows:
        found[student_id].append(Place(form_id, EnrolledSpan(max(starts_on, first), ends_on)))
    return found


def taken_registers(
    session: AnySession, form_ids: Collection[int], *, first: date, last: date
) -> dict[int, list[SessionKey]]:
    """The sessions whose register was taken, by form, between two days."""
    rows = session.execute(
        select(Register.form_id, Register.date, Register.session).where(
            Register.form_id.in_(form_ids),
            Register.date.between(first, last),
            Register.state == RegisterState.TAKEN,
        )
    )
    found: dict[int, list[SessionKey]] = defaultdict(list)
    for form_id, on, part in rows:
        if form_id is not None:
            found[form_id].append((on, part.value))
    return found


def exceptions_of(
    session: AnySession, student_ids: Collection[int], *, first: date, last: date
) -> dict[int, dict[SessionKey, AttendanceCategory]]:
    """The marks of some students in registers of their form that were taken, by student and session."""
    rows = session.execute(
        select(AttendanceMark.student_id, Register.date, Register.session, AttendanceCode.category)
        .join(Register, Register.id == AttendanceMark.register_id)
        .join(AttendanceCode, AttendanceCode.id == AttendanceMark.code_id)
        .where(
            AttendanceMark.student_id.in_(student_ids),
            AttendanceMark.date.between(first, last),
            Register.state == RegisterState.TAKEN,
            Register.form_id.is_not(None),
        )
    )
    found: dict[int, dict[SessionKey, AttendanceCategory]] = defaultdict(dict)
    for student_id, on, part, category in rows:
        marks = found[student_id]
        marks[(on, part.value)] = heavier(marks.get((on, part.value)), category)
    return found


def _registers(places: Iterable[Place], taken: Mapping[int, list[SessionKey]]) -> set[SessionKey]:
    return {key for place in places for key in taken.get(place.form_id, ()) if place.span.covers(key[0])}


def _last_notes(session: AnySession, student_ids: Collection[int], as_of: date, *, zone: ZoneInfo) -> dict[int, date]:
    end = datetime.combine(as_of, datetime.max.time(), zone)
    rows = session.execute(
        select(Note.student_id, func.max(Note.created_at))
        .where(Note.student_id.in_(student_ids), Note.created_at <= end, Note.withdrawn_at.is_(None))
        .group_by(Note.student_id)
    )
    return {student_id: last.astimezone(zone).date() for student_id, last in rows}


def enrolled_in(session: AnySession, form_id: int, on: date) -> set[int]:
    """The ids of the students who were enrolled in a form on a day."""
    return set(
        session.scalars(
            select(Enrolment.student_id).where(
                Enrolment.form_id == form_id,
                Enrolment.starts_on <= on,
                or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= on),
            )
        )
    )


def registers_of_day(session: AnySession, viewer: Viewer, on: date) -> list[FormDay]:
    """The forms that a person takes or watches the registers of, with those of a day; four statements."""
    year = school_year_on(session, on)
    if year is None:
        return []
    reach = reach_of(session, viewer, today=on)
    forms = session.execute(
        select(Form.id, Form.name)
        .where(Form.school_year_id == year.id, Form.is_active, reach.forms())
        .order_by(Form.name, Form.id)
    ).all()
    taken: dict[int, dict[str, Register]] = defaultdict(dict)
    for register in session.scalars(
        select(Register).where(Register.date == on, Register.form_id.in_([form.id for form in forms]))
    ):
        if register.form_id is not None and register.state is RegisterState.TAKEN:
            taken[register.form_id][register.session.value] = register
    return [FormDay(form.id, form.name, taken.get(form.id, {})) for form in forms]
