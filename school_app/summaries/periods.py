"""The spans of days that figures are shown for, each with the one before it, from plain values.

summaries.routes asks; nothing here knows the database or the clock.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAY, WEEK = timedelta(days=1), timedelta(days=7)


class PeriodKind(enum.StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TERM = "term"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first to the last, both included."""

    first: date
    last: date

    def cut(self, last: date) -> Span:
        """The same, ending on a day at the latest."""
        return Span(self.first, min(self.last, last))


@dataclass(frozen=True, slots=True)
class Named:
    """A term or a school year."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Period:
    """The days that are shown, up to the present one, and as much of the period before; None where there was none.

    `name` is that of a term or year; `earlier` and `later` are days of the periods beside it.
    """

    kind: PeriodKind
    shown: Span
    before: Span | None
    name: str | None = None
    before_name: str | None = None
    earlier: date | None = None
    later: date | None = None


def day_period(on: date, *, day_before: date | None, today: date) -> Period:
    """One day, beside the last day with school before it."""
    before = None if day_before is None else Span(day_before, day_before)
    return Period(PeriodKind.DAY, Span(on, on), before, earlier=day_before, later=_up_to(on + DAY, today))


def week_period(on: date, *, today: date) -> Period:
    """The week from Monday on, beside as many days of the week before."""
    monday = on - timedelta(days=on.weekday())
    shown = Span(monday, monday + 6 * DAY).cut(today)
    before = Span(monday - WEEK, shown.last - WEEK)
    return Period(PeriodKind.WEEK, shown, before, earlier=monday - WEEK, later=_up_to(monday + WEEK, today))


def month_period(on: date, *, today: date) -> Period:
    """The month, beside as many days of the month before."""
    first = on.replace(day=1)
    following = (first + 31 * DAY).replace(day=1)
    previous = (first - DAY).replace(day=1)
    shown = Span(first, following - DAY).cut(today)
    whole = shown.last == following - DAY
    before = Span(previous, first - DAY)
    if not whole:
        before = before.cut(previous + (shown.last - first))
    return Period(PeriodKind.MONTH, shown, before, earlier=previous, later=_up_to(following, today))


def named_period(kind: PeriodKind, parts: Sequence[Named], on: date, *, today: date) -> Period | None:
    """The term or year of a day, or the last that has begun by then, beside as many days of the one before.

    None where none has begun.
    """
    begun = sorted((one for one in parts if one.span.first <= today), key=lambda one: one.span.first)
    place = max((number for number, one in enumerate(begun) if one.span.first <= on), default=None)
    if place is None:
        return None
    chosen, previous = begun[place], begun[place - 1] if place else None
    shown = chosen.span.cut(today)
    before = None if previous is None else previous.span
    if before is not None and shown.last < chosen.span.last:
        before = before.cut(before.first + (shown.last - shown.first))
    return Period(
        kind,
        shown,
        before,
        name=chosen.name,
        before_name=previous.name if previous else None,
        earlier=previous.span.first if previous else None,
        later=begun[place + 1].span.first if place + 1 < len(begun) else None,
    )


def _up_to(on: date, today: date) -> date | None:
    return on if on <= today else None
