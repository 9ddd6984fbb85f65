"""Who has seen a student's record, when and how often: the looks and exports that name the student, by person.

The student's page and the history narrowed to a student use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.queries import Filters, rows_before
from school_app.core import clock

AnySession = Session | scoped_session[Any]
DAYS = 90
# Looks beyond these are not counted one by one; a page says so.
MOST = 1_000
LOOKS = (
    Event.STUDENT_VIEWED,
    Event.CASE_VIEWED,
    Event.NOTE_READ,
    Event.INCIDENT_VIEWED,
    Event.ALERT_VIEWED,
    Event.AUDIT_VIEWED,
    Event.EXPORTED,
)


@dataclass(frozen=True, slots=True)
class Looker:
    """One person who looked: under the latest name, how often, and when last."""

    actor_id: int | None
    name: str
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """Who has seen a record in the last `days`, the first of which is `since`, the latest first.

    `is_cut` says that only the latest looks were counted.
    """

    lookers: Sequence[Looker]
    days: int
    since: date
    is_cut: bool


def seen_by(session: AnySession, student_id: int, *, days: int = DAYS) -> Seen:
    """Who has seen a student's record; one statement for each place in which rows of these days lie."""
    now = clock.now()
    looks = Filters(
        now - timedelta(days=days),
        now + timedelta(minutes=1),
        student_id=student_id,
        events=tuple(str(event) for event in LOOKS),
    )
    rows = rows_before(session, looks, None, limit=MOST + 1)
    found: dict[tuple[int | None, str], Looker] = {}
    for row in rows[:MOST]:
        # A person may have been renamed; what has no account, such as a job of the schedule, is told by its name.
        who = (row.actor_id, "" if row.actor_id is not None else row.actor_name)
        before = found.get(who)
        found[who] = (
            Looker(row.actor_id, row.actor_name, 1, row.created_at)
            if before is None
            else Looker(before.actor_id, before.name, before.times + 1, before.last_at)
        )
    return Seen(list(found.values()), days, looks.since.date(), is_cut=len(rows) > MOST)
