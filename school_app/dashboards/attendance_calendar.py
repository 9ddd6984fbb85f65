"""A student's attendance calendar: months of squares, and the list of days that were not fully attended.

dashboards.student_page alone uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from school_app.alerts.facts import SessionFact
from school_app.attendance.history import History, Noted

MONTHS_SHOWN = 4
WORST_FIRST = ("absent_unexcused", "absent_excused", "unknown", "late", "not_required", "present")
NAMES = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Square:
    """One day: its state, as components/charts.html names them, and what is noted of it, such as a reason."""

    date: date
    state: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Month:
    """A month's squares by weeks, with None for the days of other months."""

    name: str
    weeks: Sequence[Sequence[Square | None]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The columns by their weekdays' names, the last months, and the year's days not fully attended, latest first."""

    weekdays: Sequence[str]
    months: Sequence[Month]
    missed: Sequence[Square]


@dataclass(frozen=True, slots=True)
class _Days:
    """What is known of days: the student's own, the school's, and what is noted."""

    known: Mapping[date, Sequence[SessionFact]]
    open_days: Collection[date]
    notes: Mapping[date, str]
    apart: Collection[date]
    today: date

    def square(self, day: date) -> Square:
        """The square of one day."""
        return Square(day, self._state(day), self.notes.get(day))

    def _state(self, day: date) -> str:
        if day in self.known:
            states = [fact.category.value if fact.category else "unknown" for fact in self.known[day]]
            return min(states, key=WORST_FIRST.index)
        if day in self.apart:
            return "apart"
        if day not in self.open_days:
            return "closed"
        return "ahead" if day > self.today else "not_enrolled"


def months_shown(first: date, today: date) -> list[date]:
    """The first days of the months that are drawn: the last few of the school year, which begins on `first`."""
    now = today.year * 12 + today.month - 1
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(now - MONTHS_SHOWN + 1, now + 1)]
    return [start for start in starts if start >= first.replace(day=1)]


def calendar(
    history: History,
    noted: Sequence[Noted],
    school_days: Collection[date],
    *,
    months: Sequence[date],
    today: date,
    reasons: bool,
) -> Calendar:
    """The calendar of some months and their `school_days`; reasons are told only where the reader may know them.

    Every weekday with school or with a mark has its column.
    """
    known = {day[0].on: day for day in history.days if day}
    apart = {one.on for one in noted if not one.counts}
    days = _Days(known, set(school_days), _notes(noted, reasons=reasons), apart, today)
    columns = week(school_days, {day for day in (*known, *apart) if day >= months[0]})
    missed = [days.square(day) for day in sorted(known, reverse=True)]
    return Calendar(
        [NAMES[weekday] for weekday in columns],
        [_month(start, columns, days) for start in months],
        [square for square in missed if square.state != "present"],
    )


def week(school_days: Collection[date], others: Collection[date] = ()) -> list[int]:
    """The weekdays, Monday 0, on which a calendar has columns, in the order of the school's own week.

    The week begins after its longest rest, so that Sunday comes first where school is from Sunday to Thursday; a
    weekday on which there is school now and then does not shorten the rest.
    """
    counted = Counter(day.weekday() for day in school_days)
    most = max(counted.values(), default=0)
    usual = {weekday for weekday, days in counted.items() if 2 * days >= most} or set(range(5))
    begins = min(usual, key=lambda weekday: (-_rest_before(weekday, usual), weekday))
    found = usual | counted.keys() | {day.weekday() for day in others}
    return sorted(found, key=lambda weekday: (weekday - begins) % 7)


def _rest_before(weekday: int, usual: Collection[int]) -> int:
    return next(back for back in range(7) if (weekday - 1 - back) % 7 in usual)


def _notes(noted: Sequence[Noted], *, reasons: bool) -> dict[date, str]:
    found: dict[date, list[str]] = {}
    for one in noted:
        parts = [
            None if one.counts else f"{one.name.lower()}, counts in no rate",
            f"{one.minutes_late} min" if one.minutes_late else None,
            one.reason if reasons else None,
        ]
        words = ", ".join(part for part in parts if part)
        if words and words not in found.setdefault(one.on, []):
            found[one.on].append(words)
    return {day: "; ".join(words) for day, words in found.items() if words}


def _month(start: date, columns: Sequence[int], days: _Days) -> Month:
    weeks: list[list[Square | None]] = []
    day, last = start, len(columns)
    while day.month == start.month:
        place = columns.index(day.weekday()) if day.weekday() in columns else None
        if place is not None:
            if place <= last:
                weeks.append([None] * len(columns))
            weeks[-1][place], last = days.square(day), place
        day += DAY
    return Month(f"{start:%B}", weeks)
