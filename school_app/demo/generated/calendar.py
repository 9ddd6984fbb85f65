"""The years, terms and days of a school: weekdays from September to July but for the holidays of the seasons.

A school's days are counted on over all its years: the place of a day in `SchoolCalendar.days` stands for it everywhere
in this package.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from school_app.demo.shared import TIMEZONE
from school_app.schools.models import DayType

YEAR_BEGINS = (9, 1)
DAY = timedelta(days=1)
# First and last days of holidays, as month and day, and their names; some schools have theirs a week later.
HOLIDAYS = (
    ((10, 24), (10, 30), "Autumn half-term"),
    ((12, 19), (1, 2), "Christmas"),
    ((2, 13), (2, 19), "February half-term"),
    ((3, 30), (4, 12), "Easter"),
    ((5, 25), (5, 31), "May half-term"),
)
TERMS = (((9, 1), "Autumn term"), ((1, 1), "Spring term"), ((4, 15), "Summer term"))
SUMMER = (7, 21)
# How much likelier an absence begins in each month, and on each weekday from Monday on.
SEASON = {9: 0.7, 10: 0.85, 11: 1.15, 12: 1.35, 1: 1.35, 2: 1.3, 3: 1.05, 4: 0.9, 5: 0.85, 6: 0.85, 7: 0.9, 8: 1.0}
WEEKDAYS = (1.3, 0.9, 0.85, 0.9, 1.25)


@dataclass(frozen=True, slots=True)
class TermDays:
    """A term: its id, name, and first and last day. `ordinal` counts within the year."""

    id: int
    ordinal: int
    name: str
    starts_on: date
    ends_on: date


@dataclass(slots=True)
class YearDays:
    """A school year. `begin` and `end` are the places of its school days up to the last day, end excluded."""

    id: int
    number: int
    name: str
    starts_on: date
    ends_on: date
    terms: tuple[TermDays, ...]
    begin: int = 0
    end: int = 0


@dataclass(slots=True)
class SchoolCalendar:
    """All years, as they stand on the morning of `today`; what has happened ends with the day before, `until`.

    `days` are the school days up to `until`, `ahead` those and all to come, `listed` what the calendar says.
    """

    today: date
    years: list[YearDays]
    days: list[date] = field(default_factory=list)
    listed: list[tuple[date, DayType, str | None]] = field(default_factory=list)
    ahead: list[date] = field(default_factory=list)
    _places: dict[date, int] = field(default_factory=dict)
    _clock: list[datetime] = field(default_factory=list)

    @property
    def until(self) -> date:
        """The last day of what has happened."""
        return self.today - DAY

    def settle(self) -> None:
        """Count the days, once all are listed."""
        self.ahead = [on for on, kind, _ in self.listed if kind is DayType.INSTRUCTIONAL]
        self.days = [on for on in self.ahead if on <= self.until]
        self._places = {on: place for place, on in enumerate(self.days)}
        zone = ZoneInfo(TIMEZONE)
        self._clock = [datetime.combine(on, time(0), zone).astimezone(UTC) for on in self.days]
        for year in self.years:
            year.begin = self.place_from(year.starts_on)
            year.end = self.place_from(year.ends_on + DAY)

    def place_from(self, on: date) -> int:
        """The place of the first school day on or after a day; the number of days where none is left."""
        while on <= self.until:
            if (place := self._places.get(on)) is not None:
                return place
            on += DAY
        return len(self.days)

    def at(self, place: int, minutes: int) -> datetime:
        """A moment of a school day, so many minutes after its midnight by the school's clock."""
        return self._clock[place] + timedelta(minutes=minutes)

    def moment(self, on: date, minutes: int) -> datetime:
        """As at(), for any date."""
        return datetime.combine(on, time(0), ZoneInfo(TIMEZONE)).astimezone(UTC) + timedelta(minutes=minutes)

    def school_day_from(self, on: date) -> date:
        """The first school day on or after a day, of those to come too; the day itself where none is listed."""
        index = bisect_left(self.ahead, on)
        return self.ahead[index] if index < len(self.ahead) else on

    def school_days_after(self, on: date, count: int) -> date:
        """The day that lies so many school days after another; weekdays where the calendar has ended."""
        known = self.ahead[bisect_left(self.ahead, on + DAY) :][:count]
        last, missing = (known[-1] if known else on), count - len(known)
        while missing:
            last += DAY
            missing -= last.weekday() < 5
        return last

    @property
    def present(self) -> YearDays:
        """The year in course."""
        return self.years[-1]


def begin_of_year(on: date) -> date:
    """The first day of the school year that a day lies in."""
    begin = date(on.year, *YEAR_BEGINS)
    return begin if begin <= on else begin.replace(year=on.year - 1)


def calendar(today: date, years: int, *, first_id: int, first_term_id: int, dice: random.Random) -> SchoolCalendar:
    """The calendar of one school over some years, the last of which `today` lies in; ids are counted on from two."""
    last_begin = begin_of_year(today)
    later = timedelta(days=7 * (dice.random() < 0.25))
    made = SchoolCalendar(today, [])
    for number in range(years):
        begin = last_begin.replace(year=last_begin.year - (years - 1 - number))
        end = begin.replace(year=begin.year + 1) - DAY
        term_id = first_term_id + number * len(TERMS)
        name = f"{begin.year}/{end.year}"
        made.years.append(YearDays(first_id + number, number, name, begin, end, _terms(begin, end, term_id)))
        made.listed.extend(_days(begin, end, later))
    made.settle()
    return made


def _terms(begin: date, end: date, first_id: int) -> tuple[TermDays, ...]:
    starts = [_dated(month_day, begin) for month_day, _ in TERMS]
    ends = [*(start - DAY for start in starts[1:]), end]
    return tuple(
        TermDays(first_id + place, place, TERMS[place][1], start, last)
        for place, (start, last) in enumerate(zip(starts, ends, strict=True))
    )


def _dated(month_day: tuple[int, int], begin: date) -> date:
    """The day of a school year that began on `begin`."""
    on = date(begin.year, *month_day)
    return on if on >= begin else on.replace(year=begin.year + 1)


def _days(begin: date, end: date, later: timedelta) -> Iterator[tuple[date, DayType, str | None]]:
    holidays = [(_dated(first, begin), _dated(last, begin), name) for first, last, name in HOLIDAYS]
    summer, on = _dated(SUMMER, begin), begin
    # Staff prepare on the year's first weekday, and school begins on the one after it.
    prepared = False
    while on <= end and on < summer:
        if on.weekday() < 5:
            name = next((what for first, last, what in holidays if first <= on - _shift(what, later) <= last), None)
            if not prepared:
                prepared = True
                yield on, DayType.NON_INSTRUCTIONAL, "Staff training"
            elif name:
                yield on, DayType.HOLIDAY, name
            else:
                yield on, DayType.INSTRUCTIONAL, None
        on += DAY


def _shift(name: str, later: timedelta) -> timedelta:
    return later if name.endswith("half-term") else timedelta(0)
