"""What is to be generated: checked wishes, and how the students are shared among schools, year groups and forms.

demo.commands makes the wishes; everything else in this package reads the plans.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from school_app.core.errors import DomainError
from school_app.demo.load import GENERATED
from school_app.schools.models import SessionScheme

MOST_YEARS = 10
MOST_SCHOOLS = 999
EARLIEST = date(2000, 9, 1)
FORM_SIZE = 25
# The forms of a school's smallest kind: two, of at most so many students together.
SMALLEST = 46
# Weights of sizes fall by this power of the place, so that the first of fifty schools has a tenth of the students.
TAIL, BEND = 0.6, 1.6
YEAR_GROUPS = (7, 6, 5)
FIRST_YEAR_GROUP = 7
NAMES = (
    "Alder", "Birch", "Cedar", "Elm", "Fern", "Hazel", "Holly", "Juniper", "Larch", "Maple",
    "Oak", "Poplar", "Rowan", "Sycamore", "Willow",
)  # fmt: skip
PLACES = ("Park", "Hill", "Green", "Road", "Bridge", "Vale", "Grove", "Heath")


class BadPlan(DomainError):
    """What was asked for cannot be made; str() names the option and the remedy."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for. `students` are those on roll on the day `until`; `audit` is rows of the log."""

    schools: int
    students: int
    years: int
    audit: int
    seed: int
    until: date

    def check(self, today: date) -> None:
        """Raise BadPlan for what cannot be made."""
        if not 1 <= self.schools <= MOST_SCHOOLS:
            raise BadPlan(f"--schools {self.schools}: choose from 1 to {MOST_SCHOOLS} schools.")
        if self.students < 2 * self.schools:
            raise BadPlan(
                f"--students {self.students}: there have to be two students for each of the {self.schools} schools; "
                f"ask for at least {2 * self.schools}, or for fewer schools."
            )
        if not 1 <= self.years <= MOST_YEARS:
            raise BadPlan(f"--years {self.years}: choose from 1 to {MOST_YEARS} school years.")
        if self.audit < 0:
            raise BadPlan(f"--audit {self.audit}: choose 0 rows or more.")
        if not EARLIEST.replace(year=EARLIEST.year + MOST_YEARS) <= self.until <= today:
            raise BadPlan(
                f"--until {self.until}: choose a day from {EARLIEST.year + MOST_YEARS}-09-01 to today, {today}."
            )


@dataclass(frozen=True, slots=True)
class SchoolPlan:
    """One school: `number` counts from 1; `cohorts` is students by year group and letter, the youngest first."""

    number: int
    slug: str
    name: str
    scheme: SessionScheme
    cohorts: tuple[tuple[int, ...], ...]

    @property
    def students(self) -> int:
        """Students on roll on the last day."""
        return sum(sum(forms) for forms in self.cohorts)

    @property
    def letters(self) -> int:
        """Forms of each year group."""
        return len(self.cohorts[0])


def plans(wishes: Wishes) -> list[SchoolPlan]:
    """The schools, the largest first; the last is the smallest."""
    dice = random.Random(f"{wishes.seed}-plan")  # noqa: S311 - a demo's dice.
    names = [f"{tree} {place}" for tree in NAMES for place in PLACES]
    dice.shuffle(names)
    return [
        SchoolPlan(
            number,
            f"{GENERATED}{number:02}",
            f"{names[(number - 1) % len(names)]} School",
            # Every third school takes the register twice a day, the second largest among them.
            SessionScheme.AM_PM if number % 3 == 2 else SessionScheme.DAY,
            cohorts=_cohorts(size),
        )
        for number, size in enumerate(sizes(wishes.schools, wishes.students), start=1)
    ]


def sizes(schools: int, students: int) -> list[int]:
    """How many students each school has: a long tail with a few very large ones, the last with two forms."""
    if schools == 1:
        return [students]
    least = min(SMALLEST, max(2, students * 4 // (5 * schools)))
    rest = students - least * schools
    weights = [(place + BEND) ** -TAIL - (schools - 1 + BEND) ** -TAIL for place in range(schools)]
    return [least + more for more in shared(rest, weights)]


def shared(whole: int, weights: Sequence[float]) -> list[int]:
    """A whole number in whole parts by weights, which add up to it; where nothing weighs, the first has it all."""
    total = sum(weights)
    if not total:
        return [whole, *([0] * (len(weights) - 1))]
    exact = [whole * weight / total for weight in weights]
    parts = [int(part) for part in exact]
    by_rest = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_rest[: whole - sum(parts)]:
        parts[place] += 1
    return parts


def _cohorts(students: int) -> tuple[tuple[int, ...], ...]:
    forms = max(2, round(students / FORM_SIZE))
    groups = min(forms, max(YEAR_GROUPS))
    if min(YEAR_GROUPS) < forms < 2 * max(YEAR_GROUPS):
        groups = min(YEAR_GROUPS, key=lambda count: abs(students / (count * _letters(forms, count)) - FORM_SIZE))
    letters = _letters(forms, groups)
    by_form = shared(students, [1.0] * (groups * letters))
    return tuple(tuple(by_form[start : start + letters]) for start in range(0, len(by_form), letters))


def _letters(forms: int, groups: int) -> int:
    return max(1, round(forms / groups))
