"""When a person last looked, and what has happened to their form since: section 5 of the home.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.queries import Told
from school_app.behaviour.models import IncidentKind
from school_app.core import clock
from school_app.dashboards.models import LastLook
from school_app.dashboards.written import MOST_NEWS
from school_app.students.queries import FormStudent, Seat

AnySession = Session | scoped_session[Any]
# A visit ends when nothing was opened for so long; what came in meanwhile is then news at the next one.
VISIT_ENDS_AFTER = timedelta(minutes=30)
# Looks that follow each other so soon are written down as one: so much of what was seen may be told once more.
LOOKS_APART = timedelta(minutes=5)
FIRST_LOOK_BACK = timedelta(days=7)
SHORT = 120
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
    students: Sequence[FormStudent],
    seats: Sequence[Seat],
    alerts: Sequence[Told],
    notes: Iterable[Any],
    incidents: Iterable[Any],
    start: datetime,
    *,
    form_id: int,
    today: date,
    limit: int,
) -> Since:
    """What has happened to some students since a moment: their alerts, notes, incidents and places.

    `seats` are those of the form since then.
    """
    by_id = {student.id: student for student in students}
    rows = [
        *_incidents(incidents, by_id),
        *_crossed(alerts, by_id, start),
        *_notes(notes, by_id),
        *_joined_or_left(seats, form_id, start, today),
    ]
    return Since(sorted(rows, key=lambda row: row.on, reverse=True)[:limit])


def begin_of(last_look: datetime | None) -> datetime:
    """From when on something is news to a person who looked then, or never."""
    return last_look or clock.now() - FIRST_LOOK_BACK


def _url(student_id: int) -> str:
    return url_for("students.student", student_id=student_id)


def _incidents(rows: Iterable[Any], by_id: Mapping[int, FormStudent]) -> list[Row]:
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


def _crossed(alerts: Sequence[Told], by_id: Mapping[int, FormStudent], start: datetime) -> list[Row]:
    risen = [one for one in alerts if one.indicator == "C" and one.rose_at > start]
    rows = sorted(risen, key=lambda one: one.opened_at, reverse=True)[:MOST_NEWS]
    return [
        Row(
            one.rose_at,
            f"{by_id[one.student_id].name}: marks crossed a line",
            one.reason,
            url_for("alerts.alert", alert_id=one.id),
        )
        for one in rows
    ]


def _notes(rows: Iterable[Any], by_id: Mapping[int, FormStudent]) -> list[Row]:
    return [
        Row(
            one.created_at,
            f"{by_id[one.student_id].name}: note by {one.author_name}",
            "restricted" if one.is_restricted else one.body[:SHORT],
            _url(one.student_id),
        )
        for one in rows
    ]


def _joined_or_left(seats: Sequence[Seat], form_id: int, start: datetime, today: date) -> list[Row]:
    """Who came to the form and who went, by the dates of their places; a whole form that begins is no news."""
    latest = sorted(seats, key=lambda one: one.starts_on, reverse=True)
    joined = [(one.starts_on, one) for one in latest if start.date() <= one.starts_on <= today]
    left = [(one.ends_on, one) for one in latest if one.ends_on and start.date() <= one.ends_on <= today]
    if len(joined) >= WHOLE_FORM:
        joined = []
    return [
        *(_move(on, f"{one.student.name} joined the form", None, _url(one.student.id)) for on, one in joined),
        *(_move(on, f"{one.student.name} left the form", _gone_to(one, form_id), None) for on, one in left),
    ]


def _move(on: date, text: str, context: str | None, url: str | None) -> Row:
    return Row(datetime.combine(on, time(), UTC), text, context, url, whole_day=True)


def _gone_to(seat: Seat, form_id: int) -> str:
    if not seat.is_active:
        return "has left the school"
    return "has a place in another form" if seat.form_id not in (None, form_id) else "has no form now"
