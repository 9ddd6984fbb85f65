"""The attendance of students day by day: what calendars, sparklines and before-and-after figures are drawn from.

dashboards/ uses it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Date, and_, bindparam, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceCategory, SessionFact, is_counted
from school_app.attendance.models import AttendanceCode, RegisterState
from school_app.attendance.parts import whole_day
from school_app.attendance.queries import Recorded, recorded, sessions_by_day
from school_app.attendance.rows import Chosen, Tables, read_lasting
from school_app.core.figures import attended
from school_app.schools.context import present_school
from school_app.schools.models import SessionScheme
from school_app.schools.queries import school_days

AnySession = Session | scoped_session[Any]
PRESENT = AttendanceCategory.PRESENT
WEEK = timedelta(days=7)
# How long the present is that is held against as long a time before it.
TREND = WEEK * 4
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


@dataclass(frozen=True)
class History:
    """A student's sessions in the order of days."""

    days: Sequence[Sequence[SessionFact]]

    def share(self, first: date | None = None, last: date | None = None) -> Share:
        """The attendance between two days, both included."""
        dates, sums = self._sums
        begin = 0 if first is None else bisect_left(dates, first)
        end = len(dates) if last is None else max(begin, bisect_right(dates, last))
        before, until = sums[begin], sums[end]
        return Share(until[0] - before[0], until[1] - before[1], until[2] - before[2])

    @cached_property
    def _sums(self) -> tuple[list[date], list[tuple[int, int, int]]]:
        """The days, and what is counted, absent and unknown before each of them, and of all.

        A page asks for a score of stretches of each history; so the sessions are gone through once.
        """
        counted = absent = unknown = 0
        dates: list[date] = []
        sums = [(counted, absent, unknown)]
        for day in self.days:
            for fact in day:
                category = fact.category
                # Nearly all of them, so that it is asked first.
                if category is PRESENT:
                    counted += 1
                elif category is None:
                    unknown += 1
                elif is_counted(category):
                    counted, absent = counted + 1, absent + category.is_absent
            if day:
                dates.append(day[0].on)
                sums.append((counted, absent, unknown))
        return dates, sums

    def weeks(self, until: date, count: int) -> list[float | None]:
        """Attendance in percent of the last `count` weeks, oldest first; None for a week without a register."""
        monday = until - timedelta(days=until.weekday())
        starts = [monday - WEEK * back for back in range(count - 1, -1, -1)]
        return [self.share(start, start + WEEK - timedelta(days=1)).percent for start in starts]

    def stretches(self, until: date) -> tuple[Share, Share]:
        """The attendance of the weeks of a trend up to a day, and that of as many weeks before them."""
        first = until - TREND + timedelta(days=1)
        return self.share(first, until), self.share(first - TREND, until - TREND)

    def change(self, until: date) -> float | None:
        """Points of attendance in the last weeks less those of as many weeks before; None where either is unknown."""
        now, before = (one.percent for one in self.stretches(until))
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


def histories(
    session: AnySession,
    student_ids: Collection[int],
    *,
    first: date,
    last: date,
    days: Collection[date] | None = None,
) -> dict[int, History]:
    """The histories of some students between two days; two statements, whatever their number.

    `days` are those with school from `first` to `last`, where they are read already. How often registers are taken is
    as pages know it, at most a minute old.
    """
    found = recorded(session, student_ids, first=first, last=last)
    if not found.places:
        return {}
    days = school_days(session, first, last) if days is None else days
    return histories_in(found, last, days=days, scheme=present_school(session).session_scheme)


def histories_in(found: Recorded, last: date, *, days: Collection[date], scheme: SessionScheme) -> dict[int, History]:
    """The histories of some students up to a day, from what is read already."""
    by_day = sessions_by_day(last, found, instructional_days=days, sessions_of_day=whole_day(scheme))
    return {student_id: History(own) for student_id, own in by_day.items()}


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
    rows = read_lasting(session, _noted, first=first, last=last, student_id=student_id)
    latest = sorted(rows, key=lambda row: (-row.date.toordinal(), row.session, row.id))[:MOST_MARKS]
    return [
        Noted(row.date, row.name, row.minutes_late, row.reason, counts=row.register_id is not None) for row in latest
    ]


def _noted(tables: Tables) -> Chosen:
    register, mark = tables.register, tables.mark
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    return (
        select(mark.date, mark.session, mark.id, AttendanceCode.name, mark.minutes_late, mark.reason)
        .add_columns(mark.register_id)
        .join(AttendanceCode, AttendanceCode.id == mark.code_id)
        .join(register, tables.joined(first, last), isouter=True)
        .where(
            mark.student_id == bindparam("student_id"),
            mark.date.between(first, last),
            or_(
                mark.register_id.is_(None),
                and_(register.form_id.is_not(None), register.state == RegisterState.TAKEN),
            ),
        )
        .order_by(mark.date.desc(), mark.session, mark.id)
        .limit(MOST_MARKS)
    )
