"""The days for which a file of attendance speaks, all within one school year and none still to come.

rosters.attendance uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from school_app.rosters.attendance_rows import Rows
from school_app.rosters.local import File
from school_app.schools.models import SchoolYear

# Another school's year may begin earlier or end later; together with the school's own it is no longer than this.
MOST_DAYS = 366
SPLIT = "Correct the date, or split the file by school year."
# What is wrong, and what to do about it.
Wrong = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first to the last, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"

    def covers(self, on: date) -> bool:
        """Whether a day lies in it."""
        return self.first <= on <= self.last

    def shared(self, other: Span) -> int:
        """How many days lie in both."""
        return max(0, (min(self.last, other.last) - max(self.first, other.first)).days + 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a span is measured against: the school's years, and the day that it is at the school."""

    years: Sequence[SchoolYear]
    today: date


@dataclass(frozen=True, slots=True)
class Spoken:
    """The days for which a file speaks at one school, and the school year in which they lie."""

    year: SchoolYear
    span: Span


def span_of(file: File, rows: Rows, calendar: Calendar, named: Span | None) -> Spoken:
    """The days for which a file speaks: those named by a person, else from its first row to its last.

    The rows of other schools count, since the file speaks for all; beyond the school's own year, and after its today,
    nothing is said of it. ImportRefused where a day is to come, or of another school year, or not among those named.
    """
    days = rows.days()
    said = named or Span(min(days), max(days))
    year = _year(rows, calendar, said)
    if named is not None:
        _check_named(file, named, calendar, year)
    for line, (message, remedy) in _wrong_days(rows, calendar, year=year, named=named):
        file.wrong(line, "date", message, remedy)
    file.problems.refuse_if_any()
    if year is None:
        raise AssertionError("Without a school year every day is an error.")
    return Spoken(year, Span(max(said.first, year.starts_on), min(said.last, year.ends_on, calendar.today)))


def _of(year: SchoolYear) -> Span:
    return Span(year.starts_on, year.ends_on)


def _year(rows: Rows, calendar: Calendar, said: Span) -> SchoolYear | None:
    """The school year of most of the school's rows or, without any, of most days; of two that overlap the later."""
    days = Counter(on for _, on in rows.own_days())
    weights = [
        (sum(days[on] for on in days if _of(year).covers(on)) if days else _of(year).shared(said), year.starts_on, year)
        for year in calendar.years
    ]
    weight, _, year = max(weights, key=lambda one: one[:2], default=(0, date.min, None))
    return year if weight else None


def _check_named(file: File, named: Span, calendar: Calendar, year: SchoolYear | None) -> None:
    touched = [one for one in calendar.years if _of(one).shared(named)]
    if named.first > named.last:
        file.wrong(None, None, f"The first day, {named.first}, lies after the last, {named.last}.", "Exchange them.")
    elif named.last > calendar.today:
        remedy = f"End with {calendar.today} or before."
        file.wrong(None, None, f"The file is to speak for {named}, and {named.last} is still to come.", remedy)
    elif not touched:
        remedy = "Correct the days, or enter the school year first."
        file.wrong(None, None, f"The days from {named} lie in no school year of the school.", remedy)
    elif len(touched) > 1 and year is not None and _of(year).shared(named) <= (named.last - named.first).days:
        names = ", ".join(one.name for one in touched)
        file.wrong(None, None, f"The days from {named} lie in several school years ({names}).", SPLIT)


def _wrong_days(
    rows: Rows, calendar: Calendar, *, year: SchoolYear | None, named: Span | None
) -> Iterator[tuple[int, Wrong]]:
    """The lines whose day the file cannot speak for, and what is wrong with each."""
    for line, on in rows.own_days():
        wrong = _to_come(on, calendar) or _not_named(on, named) or _of_other_year(on, calendar, year)
        if wrong := wrong or _of_no_year(on, calendar):
            yield line, wrong
    for on, line in rows.others.items():
        # Another school may be a day ahead, too; what is wrong with its rows alone, its own pass finds.
        if wrong := _not_named(on, named) or _of_other_year(on, calendar, year) or _far_from(on, year):
            yield line, wrong


def _to_come(on: date, calendar: Calendar) -> Wrong | None:
    if on <= calendar.today:
        return None
    return f"{on} is still to come.", "Correct the date, or bring the row in when the day has come."


def _not_named(on: date, named: Span | None) -> Wrong | None:
    if named is None or named.covers(on):
        return None
    return f"{on} is none of the days from {named}, for which the file is to speak.", "Correct the date, or the days."


def _of_other_year(on: date, calendar: Calendar, year: SchoolYear | None) -> Wrong | None:
    if year is None or _of(year).covers(on):
        return None
    other = next((one for one in calendar.years if _of(one).covers(on)), None)
    return None if other is None else (f"{on} lies in {other.name}, but most rows in {year.name}.", SPLIT)


def _of_no_year(on: date, calendar: Calendar) -> Wrong | None:
    if any(_of(one).covers(on) for one in calendar.years):
        return None
    return f"{on} lies in no school year of the school.", "Correct the date, or enter the school year first."


def _far_from(on: date, year: SchoolYear | None) -> Wrong | None:
    if year is None or (max(on, year.ends_on) - min(on, year.starts_on)).days <= MOST_DAYS:
        return None
    return f"{on} lies far from {year.name}, in which most rows lie.", SPLIT
