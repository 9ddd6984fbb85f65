"""The attendance of students day by day: what calendars, sparklines and before-and-after figures are drawn from.

dashboards/ uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import HALVES, WHOLE_DAY, SessionFact, sessions_by_day
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState
from school_app.attendance.queries import enrolled_places, exceptions_of, taken_registers
from school_app.core.figures import attended
from school_app.schools.models import School, SessionScheme
from school_app.schools.queries import school_days

AnySession = Session | scoped_session[Any]
WEEK = timedelta(days=7)
# Two sessions on each of a year's school days, and some.
MOST_MARKS = 1_000


@dataclass(frozen=True, slots=True)
class Share:
    """How much of some sessions a student attended, with the counts behind it."""

    counted: int
    absent: int
    unknown: int = 0

    @property
    def percent(self) -> float | None:
        """Attendance in percent, 0 to 100, with one decimal as it is written; None where no session is known."""
        return float(attended(self.absent, self.counted)) if self.counted else None


@dataclass(frozen=True, slots=True)
class History:
    """A student's sessions in the order of days."""

    days: Sequence[Sequence[SessionFact]]

    def share(self, first: date | None = None, last: date | None = None) -> Share:
        """The attendance between two days, both included."""
        facts = [
            fact
            for day in self.days
            for fact in day
            if (first is None or fact.on >= first) and (last is None or fact.on <= last)
        ]
        counted = [fact for fact in facts if fact.is_counted]
        return Share(len(counted), sum(fact.is_absent for fact in counted), sum(f.category is None for f in facts))

    def weeks(self, until: date, count: int) -> list[float | None]:
        """Attendance in percent of the last `count` weeks, oldest first; None for a week without a register."""
        monday = until - timedelta(days=until.weekday())
        starts = [monday - WEEK * back for back in range(count - 1, -1, -1)]
        return [self.share(start, start + WEEK - timedelta(days=1)).percent for start in starts]

    def change(self, until: date, weeks: int = 4) -> float | None:
        """Points of attendance in the last weeks less those of as many weeks before; None where either is unknown."""
        now = self.share(until - WEEK * weeks + timedelta(days=1), until).percent
        before = self.share(until - WEEK * weeks * 2 + timedelta(days=1), until - WEEK * weeks).percent
        return None if now is None or before is None else round(now - before, 1)

    def absent_run(self, until: date) -> int:
        """School days absent in a row up to and including `until`; days of which nothing is known are passed over."""
        run = 0
        for day in reversed(self.days):
            counted = [fact for fact in day if fact.is_counted]
            if not counted or counted[0].on > until:
                continue
            if not all(fact.is_absent for fact in counted):
                break
            run += 1
        return run


def histories(session: AnySession, student_ids: Collection[int], *, first: date, last: date) -> dict[int, History]:
    """The histories of some students between two days; five statements, whatever their number."""
    places = enrolled_places(session, student_ids, first=first, last=last)
    if not places:
        return {}
    forms = {place.form_id for found in places.values() for place in found}
    taken = taken_registers(session, forms, first=first, last=last)
    exceptions = exceptions_of(session, student_ids, first=first, last=last)
    days = school_days(session, first, last)
    scheme = session.scalars(select(School.session_scheme)).one()
    sessions = HALVES if scheme is SessionScheme.AM_PM else frozenset({WHOLE_DAY})
    return {
        student_id: History(
            sessions_by_day(
                last,
                {key for place in found for key in taken.get(place.form_id, ()) if place.span.covers(key[0])},
                exceptions=exceptions.get(student_id, {}),
                instructional_days=days,
                enrolled=[place.span for place in found],
                sessions_of_day=sessions,
            )
        )
        for student_id, found in places.items()
    }


def together(found: Iterable[History]) -> Share:
    """The attendance of several students taken together."""
    shares = [one.share() for one in found]
    return Share(*(sum(getattr(one, name) for one in shares) for name in ("counted", "absent", "unknown")))


@dataclass(frozen=True, slots=True)
class Noted:
    """A student's mark with what was written beside it.

    One that does not count stands in no register, such as a tardy on a Sunday: it is kept, and enters no rate.
    """

    on: date
    name: str
    minutes_late: int | None
    reason: str | None
    counts: bool


def noted_marks(session: AnySession, student_id: int, *, first: date, last: date) -> list[Noted]:
    """A student's marks in taken registers of their form, and those without a register; latest first, one statement."""
    rows = session.execute(
        select(
            AttendanceMark.date,
            AttendanceCode.name,
            AttendanceMark.minutes_late,
            AttendanceMark.reason,
            AttendanceMark.register_id,
        )
        .join(AttendanceCode, AttendanceCode.id == AttendanceMark.code_id)
        .join(Register, Register.id == AttendanceMark.register_id, isouter=True)
        .where(
            AttendanceMark.student_id == student_id,
            AttendanceMark.date.between(first, last),
            or_(
                AttendanceMark.register_id.is_(None),
                and_(Register.form_id.is_not(None), Register.state == RegisterState.TAKEN),
            ),
        )
        .order_by(AttendanceMark.date.desc(), AttendanceMark.session, AttendanceMark.id)
        .limit(MOST_MARKS)
    )
    return [Noted(on, name, minutes, reason, counts=id_ is not None) for on, name, minutes, reason, id_ in rows]
