"""How long a class of data is kept, and when its time is past: from data alone, without database or clock."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_YEARS, MOST_YEARS = 1, 100
LEAST_SOURCE = 10
# A shorter time holds after so long, so that whoever disagrees can set a hold.
NOTICE = timedelta(days=30)


class DataClass(enum.StrEnum):
    """What the product destroys by itself once its time is past."""

    SCHOOL_LOG = "school_log"
    PLATFORM_LOG = "platform_log"

    @property
    def words(self) -> str:
        """What it is called."""
        return WORDS[self]


WORDS = {
    DataClass.SCHOOL_LOG: "Audit log of a school: who saw and changed what",
    DataClass.PLATFORM_LOG: "Audit log of the platform: operators, and log-ins of no school",
}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole years that are kept after the year in which something was written, and the law or rule that says so."""

    years: int
    source: str


# What was destroyed is judged by them for ever: one that changes has to hold from a day on, beside the one before it.
DEFAULTS = {
    DataClass.SCHOOL_LOG: Period(
        10, "Preset of the product. 34 CFR 99.32(a)(2) keeps the record of disclosures as long as the student’s record."
    ),
    DataClass.PLATFORM_LOG: Period(10, "Preset of the product: as long as the log of the schools that it explains."),
}


class InvalidRetention(ValueError):
    """A period or a reason that cannot be taken; str() says why."""


def checked(years: int, source: str) -> Period:
    """A period that somebody asks for. Raises InvalidRetention."""
    if not is_lawful(years):
        raise InvalidRetention(f"Years: enter a number from {LEAST_YEARS} to {MOST_YEARS}.")
    return Period(years, checked_reason(source, "Law or rule"))


def checked_reason(text: str, field: str) -> str:
    """A reason of some words. Raises InvalidRetention."""
    found = " ".join(text.split())
    if not LEAST_SOURCE <= len(found) <= 500:
        raise InvalidRetention(f"{field}: enter {LEAST_SOURCE} to 500 characters.")
    return found


def is_lawful(years: object) -> bool:
    """Whether it is a number of years that a rule can say."""
    return isinstance(years, int) and LEAST_YEARS <= years <= MOST_YEARS


def in_force(years: int, before: int, changed_at: datetime, now: datetime) -> int:
    """The years that hold now: a longer time at once, a shorter one after NOTICE."""
    return max(years, before) if now < changed_at + NOTICE else years


@dataclass(frozen=True, slots=True)
class Said:
    """For how many years a rule keeps a class of data, as the log says that it was said at a moment."""

    at: datetime
    years: int


def years_by(said: Sequence[Said], at: datetime, otherwise: Callable[[datetime], int], *, is_least: bool) -> int:
    """The years that held at a moment, from what was said until then in the order of its moments, each with its notice.

    `otherwise` tells what held at a moment where nothing was said; with `is_least` no rule goes below that.
    """

    def held(rule: tuple[int, int, datetime] | None, moment: datetime) -> int:
        if rule is None:
            return otherwise(moment)
        years = in_force(*rule, moment)
        return max(years, otherwise(moment)) if is_least else years

    rule: tuple[int, int, datetime] | None = None
    for one in said:
        if one.at <= at and (rule is None or one.years != rule[0]):
            rule = (one.years, held(rule, one.at), one.at)
    return held(rule, at)


def is_past(year: int, years: int, now: datetime) -> bool:
    """Whether what was written in a year (UTC) has been kept for so many whole years after it."""
    return year + years < now.year
