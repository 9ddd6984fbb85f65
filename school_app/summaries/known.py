"""What is read once where figures of days and of students are counted together: the school year's registers so far.

summaries.at_once reads it, and hands it to summaries.counting and summaries.students.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.attendance.queries import NOTHING_RECORDED, Recorded, recorded
from school_app.core.lasting import lasting
from school_app.schools.models import School, SessionScheme
from school_app.schools.queries import YearSoFar, year_so_far

AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Way:
    """How a school counts its days: pages know it as it was a moment ago, what is kept follows it as it is."""

    zone: ZoneInfo
    scheme: SessionScheme


@dataclass(frozen=True, slots=True)
class Known:
    """The school year of a day, up to that day, and what its registers say of some students; without one nothing."""

    way: Way
    year: YearSoFar | None
    last: date
    recorded: Recorded

    def days_between(self, first: date, last: date) -> list[date] | None:
        """The days with school from one to another; None where these do not all lie in what is known."""
        if self.year is None or not self.year.starts_on <= first <= last <= self.last:
            return None
        return [on for on in self.year.days if first <= on <= last]


def known_of(session: AnySession, student_ids: Collection[int], *, as_of: date) -> Known:
    """What is known of some students as of a day; four statements, whatever their number."""
    year = year_so_far(session, as_of)
    found = NOTHING_RECORDED if year is None else recorded(session, student_ids, first=year.starts_on, last=as_of)
    return Known(way_of(session), year, as_of, found)


def way_of(session: AnySession) -> Way:
    """How the school of the session counts its days now."""
    zone, scheme = session.execute(WAY).one()
    return Way(ZoneInfo(zone), scheme)


WAY = lasting(select(School.timezone, School.session_scheme))
