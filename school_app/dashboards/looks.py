"""When a person last looked, and what has happened to their form since: section 5 of the home.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.models import Alert
from school_app.behaviour.models import Incident, IncidentKind
from school_app.core import clock
from school_app.dashboards.models import LastLook
from school_app.students.models import Enrolment, Note, Student

AnySession = Session | scoped_session[Any]
# A visit ends when nothing was opened for so long; what came in meanwhile is then news at the next one.
VISIT_ENDS_AFTER = timedelta(minutes=30)
FIRST_LOOK_BACK = timedelta(days=7)
SHORT = 120
MOST_MOVES = 60
# So many who join at once are the form itself, at the start of its year.
WHOLE_FORM = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened; `url` is None where there is no page that the reader may open."""

    on: datetime
    text: str
    context: str | None
    url: str | None
    whole_day: bool = False


@dataclass(frozen=True, slots=True)
class Since:
    """Section 5."""

    rows: Sequence[Row]
    more_url: str | None = None


def look(session: AnySession, account_id: int, now: datetime) -> datetime | None:
    """Remember that a person looks now, and return when they looked before this visit; None at the first."""
    row = session.scalar(select(LastLook).where(LastLook.account_id == account_id).with_for_update())
    if row is None:
        try:
            with session.begin_nested():
                session.add(LastLook(account_id=account_id, looked_at=now))
                session.flush()
        except IntegrityError:
            # The same person's other window was a moment faster, and has written the same.
            session.expire_all()
        return None
    if now - row.looked_at > VISIT_ENDS_AFTER:
        row.before = row.looked_at
    row.looked_at = now
    return row.before


def since(
    session: AnySession,
    students: Sequence[Student],
    last_look: datetime | None,
    *,
    form_id: int,
    today: date,
    viewer_id: int,
    limit: int,
) -> Since:
    """What has happened to some students since a moment, or in the last week; four statements."""
    start = last_look or clock.now() - FIRST_LOOK_BACK
    by_id = {student.id: student for student in students}
    rows = [
        *_incidents(session, by_id, start),
        *_crossed(session, by_id, start),
        *_notes(session, by_id, start, viewer_id=viewer_id),
        *_joined_or_left(session, form_id, start, today),
    ]
    return Since(sorted(rows, key=lambda row: row.on, reverse=True)[:limit])


def last_notes(session: AnySession, ids: Sequence[int]) -> dict[int, datetime]:
    """When the last note on each student was written."""
    rows = session.execute(
        select(Note.student_id, func.max(Note.created_at))
        .where(Note.student_id.in_(ids), Note.withdrawn_at.is_(None))
        .group_by(Note.student_id)
    )
    return {student_id: last for student_id, last in rows}


def _url(student_id: int) -> str:
    return url_for("students.student", student_id=student_id)


def _incidents(session: AnySession, by_id: dict[int, Student], start: datetime) -> list[Row]:
    rows = session.scalars(
        select(Incident)
        .where(Incident.student_id.in_(by_id), Incident.recorded_at > start, Incident.withdrawn_at.is_(None))
        .order_by(Incident.recorded_at.desc())
        .limit(20)
    )
    return [
        Row(
            one.recorded_at,
            f"{by_id[one.student_id].name}: "
            + ("a positive record" if one.kind is IncidentKind.POSITIVE else f"incident, {one.category}"),
            one.description[:SHORT],
            url_for("behaviour.incident", incident_id=one.id),
        )
        for one in rows
    ]


def _crossed(session: AnySession, by_id: dict[int, Student], start: datetime) -> list[Row]:
    rows = session.scalars(
        select(Alert)
        .where(
            Alert.student_id.in_(by_id),
            Alert.indicator == "C",
            or_(Alert.opened_at > start, Alert.worsened_at > start),
        )
        .order_by(Alert.opened_at.desc())
        .limit(20)
    )
    return [
        Row(
            max(one.opened_at, one.worsened_at or one.opened_at),
            f"{by_id[one.student_id].name}: marks crossed a line",
            one.reason,
            url_for("alerts.alert", alert_id=one.id),
        )
        for one in rows
    ]


def _notes(session: AnySession, by_id: dict[int, Student], start: datetime, *, viewer_id: int) -> list[Row]:
    rows = session.scalars(
        select(Note)
        .where(
            Note.student_id.in_(by_id),
            Note.created_at > start,
            Note.author_id != viewer_id,
            Note.withdrawn_at.is_(None),
        )
        .order_by(Note.created_at.desc())
        .limit(20)
    )
    return [
        Row(
            one.created_at,
            f"{by_id[one.student_id].name}: note by {one.author_name}",
            "restricted" if one.is_restricted else one.body[:SHORT],
            _url(one.student_id),
        )
        for one in rows
    ]


def _joined_or_left(session: AnySession, form_id: int, start: datetime, today: date) -> list[Row]:
    """Who came to the form and who went, by the dates of their places; a whole form that begins is no news."""
    rows = session.execute(
        select(Enrolment.starts_on, Enrolment.ends_on, Student)
        .join(Student, Student.id == Enrolment.student_id)
        .where(
            Enrolment.form_id == form_id,
            or_(Enrolment.starts_on.between(start.date(), today), Enrolment.ends_on.between(start.date(), today)),
        )
        .order_by(Enrolment.starts_on.desc(), Student.family_name)
        .limit(MOST_MOVES)
    ).all()
    joined = [(starts_on, student) for starts_on, _, student in rows if start.date() <= starts_on <= today]
    left = [(ends_on, student) for _, ends_on, student in rows if ends_on and start.date() <= ends_on <= today]
    if len(joined) >= WHOLE_FORM:
        joined = []
    return [
        *(Row(_morning(on), f"{one.name} joined the form", None, _url(one.id), whole_day=True) for on, one in joined),
        *(
            Row(_morning(on), f"{one.name} left the form", _gone_to(one, form_id), None, whole_day=True)
            for on, one in left
        ),
    ]


def _row_of_leaver(on: date, student: Student, form_id: int) -> Row:
    return Row(_morning(on), f"{student.name} left the form", _gone_to(student, form_id), None, whole_day=True)


def _gone_to(student: Student, form_id: int) -> str:
    if not student.is_active:
        return "has left the school"
    return "has a place in another form" if student.form_id not in (None, form_id) else "has no form now"


def _morning(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)
