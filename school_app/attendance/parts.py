"""Into which parts a school's day falls: for each of them a register is taken.

attendance/ and the features above it ask here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import scoped_session

from school_app.attendance.models import Session
from school_app.schools.context import present_school
from school_app.schools.models import SessionScheme

AnySession = DbSession | scoped_session[Any]
PARTS = {SessionScheme.DAY: (Session.DAY,), SessionScheme.AM_PM: (Session.AM, Session.PM)}


def sessions_of(session: AnySession) -> tuple[Session, ...]:
    """The parts of a day for which the school takes registers, as every page knows it: at most a minute old."""
    return PARTS[present_school(session).session_scheme]


def whole_day(scheme: SessionScheme) -> frozenset[str]:
    """The sessions of a whole school day, as facts of attendance name them."""
    return frozenset(part.value for part in PARTS[scheme])
