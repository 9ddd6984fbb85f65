"""Students whom a roster no longer lists: the brake before many leave at once, and the end of their places.

rosters.service uses it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.errors import DomainError
from school_app.rosters.merge import Counts
from school_app.students.models import Enrolment, Student

AnySession = Session | scoped_session[Any]
NAMED = 5


class ImportBrake(DomainError):
    """A roster would take away more students than is likely to be meant; str() says how many."""


def brake(session: AnySession, listed: Collection[str], *, percent: float) -> None:
    """Raise ImportBrake where more than `percent` of the active students are not in `listed`, by their roster ids."""
    active = _active(session)
    gone = [student for student in active if student.sourced_id not in listed]
    share = 100 * len(gone) / len(active) if active else 0.0
    if share > percent:
        names = ", ".join(student.name for student in gone[:NAMED])
        raise ImportBrake(
            f"This roster would take away {len(gone)} of {len(active)} students ({share:.0f} %), among them {names}. "
            f"More than {percent:g} % at once is refused: look at the file, and force it if it is right."
        )


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
