"""Students whom a roster no longer lists, and the end of their places.

rosters.service uses it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.rosters.merge import Counts
from school_app.students.models import Enrolment, Student

AnySession = Session | scoped_session[Any]


def let_go(session: AnySession, listed: Collection[str], *, today: date, counts: Counts) -> None:
    """Say of every active student who is not listed that they have left; their places end the day before `today`."""
    gone = {student.id: student for student in _active(session) if student.sourced_id not in listed}
    for student in gone.values():
        student.is_active = False
    counts.note("ended", "student", len(gone))
    yesterday = today - timedelta(days=1)
    for place in session.scalars(select(Enrolment).where(Enrolment.student_id.in_(gone))):
        if place.ends_on is None or place.ends_on > yesterday:
            place.ends_on = max(place.starts_on, yesterday)
            counts.note("ended", "enrolment")
    session.flush()


def _active(session: AnySession) -> list[Student]:
    return list(session.scalars(select(Student).where(Student.is_active, Student.sourced_id.is_not(None))))
