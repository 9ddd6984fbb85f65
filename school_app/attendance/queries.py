"""What the registers say: the facts of attendance of many students at once.

attendance/ itself, and the features above it; alerts reads it through alerts.sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, bindparam, func, null, or_, select, type_coerce
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import (
    AttendanceCategory,
    AttendanceFacts,
    EnrolledSpan,
    SessionFact,
    SessionKey,
)
from school_app.alerts.school_days import UsualDays, facts_of_days, usual_days
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import AttendanceCode, Register, RegisterState
from school_app.attendance.parts import whole_day
from school_app.attendance.rows import Chosen, Tables, read_lasting
from school_app.core.lasting import lasting
from school_app.core.permissions import Viewer
from school_app.schools.context import present_school
from school_app.schools.models import Form
from school_app.schools.queries import YearSoFar, school_year_on, year_so_far
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
class Taken:
    """When and by whom a register was taken; `taken_by_name` is None where a file states it."""

    taken_at: datetime | None
    taken_by_name: str | None
    corrected_at: datetime | None


@dataclass(frozen=True, slots=True)
class FormDay:
    """A form and its registers of one day, by session; a session without one was not taken."""

    form_id: int
    name: str
    registers: Mapping[str, Taken]


def heavier(one: AttendanceCategory | None, other: AttendanceCategory) -> AttendanceCategory:
    """Of two marks in one session the one that counts."""
    return other if one is None or WEIGHT[other] > WEIGHT[one] else one


def attendance_facts_of(
    session: AnySession,
    student_ids: Collection[int],
    *,
    as_of: date,
    thresholds: Thresholds,
    year: YearSoFar | None = None,
) -> Mapping[int, AttendanceFacts]:
    """The facts of attendance of some students in the school year of `as_of`, up to and including that day.

    Four statements, whatever the number of students. Who was in no form this year has no entry; between school years
    nobody has one. The rule is docs/decisions/0001.
    """
    year = year or year_so_far(session, as_of)
    if year is None or not student_ids:
        return {}
    found = recorded(session, student_ids, first=year.starts_on, last=as_of)
    if not found.places:
        return {}
    school = present_school(session)
    notes = _last_notes(session, student_ids, as_of, zone=ZoneInfo(school.timezone))
    sessions = whole_day(school.session_scheme)
    by_day = sessions_by_day(as_of, found, instructional_days=year.days, sessions_of_day=sessions)
    return {
        student_id: facts_of_days(as_of, days, school_year_key=str(year.id), last_note_on=notes.get(student_id))
        for student_id, days in by_day.items()
    }


def sessions_by_day(
    last: date, found: Recorded, *, instructional_days: Collection[date], sessions_of_day: frozenset[str]
) -> dict[int, list[Sequence[SessionFact]]]:
    """The sessions of some students up to a day, one list a school day.

    What the registers say of whoever is excepted in none is worked out once for all who were in the same places.
    """
    usual: dict[tuple[Place, ...], UsualDays] = {}
    for own in {tuple(own) for own in found.places.values()}:
        usual[own] = usual_days(
            last,
            _registers(own, found.taken),
            instructional_days=instructional_days,
            enrolled=[place.span for place in own],
            sessions_of_day=sessions_of_day,
        )
    return {id_: usual[tuple(own)].excepted(found.exceptions.get(id_, {})) for id_, own in found.places.items()}


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where some students were enrolled, the sessions of these forms whose register was taken, and the marks in them.

    Places and marks are by student, registers by form.
    """

    places: dict[int, list[Place]]
    taken: dict[int, list[SessionKey]]
    exceptions: dict[int, dict[SessionKey, AttendanceCategory]]


NOTHING_RECORDED = Recorded({}, {}, {})


def recorded(session: AnySession, student_ids: Collection[int], *, first: date, last: date) -> Recorded:
    """What is recorded of the attendance of some students between two days; one statement, whatever their number."""
    found = Recorded(defaultdict(list), defaultdict(list), defaultdict(dict))
    ids = list(student_ids)
    rows = read_lasting(session, _exceptions_beside, _taken_beside, beside=PLACES, first=first, last=last, ids=ids)
    for id_, on, part, category, form_id, until in rows:
        if form_id is not None:
            found.places[id_].append(Place(form_id, EnrolledSpan(max(on, first), until)))
        elif category is None:
            found.taken[id_].append((on, part.value))
        else:
            _except(found.exceptions[id_], (on, part.value), category)
    return found


def _except(marks: dict[SessionKey, AttendanceCategory], key: SessionKey, category: AttendanceCategory) -> None:
    marks[key] = heavier(marks.get(key), category)


IDS: Any = bindparam("ids", expanding=True)
FIRST: Any = bindparam("first", type_=Date)
LAST: Any = bindparam("last", type_=Date)
# Nothing, of a type: the first part of a statement of several says the types of them all.
NO_FORM: Any = type_coerce(null(), Enrolment.form_id.type)
NO_DAY: Any = type_coerce(null(), Date())
_ENROLLED = (
    Enrolment.student_id.in_(IDS),
    Enrolment.starts_on <= LAST,
    or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= FIRST),
)
PLACES = select(Enrolment.student_id, Enrolment.starts_on, null(), null(), Enrolment.form_id, Enrolment.ends_on).where(
    *_ENROLLED
)


def _exceptions_beside(tables: Tables) -> Chosen:
    return _exceptions(tables).add_columns(NO_FORM.label("form_id"), NO_DAY.label("until"))


def _taken_beside(tables: Tables) -> Chosen:
    nothing = [null().label(name) for name in ("category", "form_id", "until")]
    return _taken_of(tables, select(Enrolment.form_id).where(*_ENROLLED)).add_columns(*nothing)


def taken_registers(
    session: AnySession, form_ids: Collection[int], *, first: date, last: date
) -> dict[int, list[SessionKey]]:
    """The sessions whose register was taken, by form, between two days."""
    rows = read_lasting(session, _taken, first=first, last=last, ids=list(form_ids))
    found: dict[int, list[SessionKey]] = defaultdict(list)
    for form_id, on, part in rows:
        if form_id is not None:
            found[form_id].append((on, part.value))
    return found


def _taken(tables: Tables) -> Chosen:
    return _taken_of(tables, IDS)


def _taken_of(tables: Tables, form_ids: Any) -> Chosen:
    register = tables.register
    return select(register.form_id.label("id"), register.date, register.session).where(
        register.form_id.in_(form_ids), register.date.between(FIRST, LAST), register.state == RegisterState.TAKEN
    )


def exceptions_of(
    session: AnySession, student_ids: Collection[int], *, first: date, last: date
) -> dict[int, dict[SessionKey, AttendanceCategory]]:
    """The marks of some students in registers of their form that were taken, by student and session."""
    rows = read_lasting(session, _exceptions, first=first, last=last, ids=list(student_ids))
    found: dict[int, dict[SessionKey, AttendanceCategory]] = defaultdict(dict)
    for student_id, on, part, category in rows:
        _except(found[student_id], (on, part.value), category)
    return found


def _exceptions(tables: Tables) -> Chosen:
    register, mark = tables.register, tables.mark
    return (
        select(mark.student_id, register.date, register.session, AttendanceCode.category)
        .join(register, tables.joined(FIRST, LAST))
        .join(AttendanceCode, AttendanceCode.id == mark.code_id)
        .where(
            mark.student_id.in_(IDS),
            mark.date.between(FIRST, LAST),
            register.state == RegisterState.TAKEN,
            register.form_id.is_not(None),
        )
    )


def _registers(places: Iterable[Place], taken: Mapping[int, Collection[SessionKey]]) -> set[SessionKey]:
    return {key for place in places for key in taken.get(place.form_id, ()) if place.span.covers(key[0])}


def _last_notes(session: AnySession, student_ids: Collection[int], as_of: date, *, zone: ZoneInfo) -> dict[int, date]:
    end = datetime.combine(as_of, datetime.max.time(), zone)
    rows = session.execute(LAST_NOTES, {"ids": list(student_ids), "end": end})
    return {student_id: last.astimezone(zone).date() for student_id, last in rows}


LAST_NOTES = lasting(
    select(Note.student_id, func.max(Note.created_at))
    .where(Note.student_id.in_(IDS), Note.created_at <= bindparam("end"), Note.withdrawn_at.is_(None))
    .group_by(Note.student_id)
)


def registers_of_day(session: AnySession, viewer: Viewer, on: date) -> list[FormDay]:
    """The forms that a person takes or watches the registers of, with those of today; four statements.

    Today lies in no closed year.
    """
    year = school_year_on(session, on)
    if year is None:
        return []
    reach = reach_of(session, viewer, today=on)
    forms = session.execute(
        select(Form.id, Form.name)
        .where(Form.school_year_id == year.id, Form.is_active, reach.forms())
        .order_by(Form.name, Form.id)
    ).all()
    taken = taken_on(session, on, Register.form_id, [form.id for form in forms])
    return [FormDay(form.id, form.name, taken.get(form.id, {})) for form in forms]


def taken_on(session: AnySession, on: date, whose: Any, ids: Collection[int]) -> dict[int, dict[str, Taken]]:
    """The registers of a day that were taken, by form or class (the column `whose`) and session; one statement."""
    rows = session.execute(
        select(whose, Register.session, Register.taken_at, Register.taken_by_name, Register.corrected_at).where(
            Register.date == on, whose.in_(ids), Register.state == RegisterState.TAKEN
        )
    )
    found: dict[int, dict[str, Taken]] = defaultdict(dict)
    for id_, part, *taken in rows:
        found[id_][part.value] = Taken(*taken)
    return found
