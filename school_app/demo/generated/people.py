"""Who is at a school and when: cohorts that move up year by year, joiners, leavers, movers, and the staff over them.

making.py asks for them; the other modules of this package read them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from school_app.core.permissions import Role
from school_app.demo.generated.calendar import DAY, SchoolCalendar, YearDays
from school_app.demo.generated.plan import FIRST_YEAR_GROUP, SchoolPlan

# Of a form's students, so many leave in the summer and in the course of a year, and so many change to another form.
LEAVE_IN_SUMMER, LEAVE_IN_YEAR, MOVE = 0.015, 0.02, 0.006
# Of forms, so many get another master in the summer and in the course of a year.
MASTER_CHANGES, MASTER_CHANGES_IN_YEAR = 0.15, 0.04
STUDENTS_A_TEACHER = 15
# Nobody leaves within the first or last days of a year, and whoever comes in their place comes within some weeks.
SETTLED_DAYS, SEAT_EMPTY_DAYS = 5, 20


@dataclass(slots=True, eq=False)
class Person:
    """A member of staff. `login` is without its school."""

    id: int
    given: str
    family: str
    login: str = ""
    roles: tuple[Role, ...] = (Role.TEACHER,)

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


@dataclass(slots=True, eq=False)
class Duty:
    """Who is master of a form, from a day to a day (None: until further notice)."""

    person: Person
    first: date
    last: date | None


@dataclass(slots=True, eq=False)
class FormYear:
    """A form of one year: `group` is the place of its year group, the youngest 0."""

    id: int
    year: YearDays
    group: int
    name: str
    masters: list[Duty] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def master(self, on: date) -> Person:
        """Who is master on a day; the last one where the year is over."""
        return next((duty.person for duty in reversed(self.masters) if duty.first <= on), self.masters[0].person)


@dataclass(slots=True, eq=False)
class Place:
    """A student's place in a form. `begin` and `end` are places of school days, the end excluded."""

    student: Pupil
    form: FormYear
    first: date
    last: date | None
    begin: int
    end: int


@dataclass(slots=True, eq=False)
class Pupil:
    """A student. `left` is the last day of one who has left.

    How a student is: `absence` and `lateness` are shares of days, `truancy` of spells, `ability` of points, `trouble`
    incidents a year.
    """

    id: int
    given: str
    family: str
    born: date
    absence: float
    lateness: float
    truancy: float
    ability: float
    trouble: float
    places: list[Place] = field(default_factory=list)
    left: date | None = None

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


@dataclass(slots=True)
class People:
    """Everybody at a school."""

    staff: list[Person]
    heads: list[Person]
    admin: Person
    auditor: Person
    pupils: list[Pupil] = field(default_factory=list)
    forms: list[FormYear] = field(default_factory=list)

    def everyone(self) -> list[Person]:
        """All who may log in."""
        return [*self.staff, *self.heads, self.admin, self.auditor]


@dataclass(slots=True)
class Names:
    """Names to draw from."""

    given: list[str]
    family: list[str]

    def draw(self, dice: random.Random) -> tuple[str, str]:
        """A given and a family name."""
        return dice.choice(self.given), dice.choice(self.family)


def letter(place: int) -> str:
    """A to Z, then AA, AB …"""
    return (chr(64 + place // 26) if place >= 26 else "") + chr(65 + place % 26)


class Cohorts:
    """Seats of students that move up together; a seat stands empty for some weeks at most."""

    def __init__(
        self, plan: SchoolPlan, days: SchoolCalendar, names: Names, *, ids: Iterator[int], dice: random.Random
    ):
        self._plan, self._days, self._names = plan, days, names
        self._ids, self._dice = ids, dice
        self.pupils: list[Pupil] = []

    def fill(self, forms: dict[tuple[int, int, int], FormYear]) -> None:
        """Give the forms, by year, year group and letter, their students."""
        groups, years = len(self._plan.cohorts), len(self._days.years)
        for began in range(1 - groups, years):
            # The oldest year group of today stands for those that have left before.
            now = min(years - 1 - began, groups - 1)
            seats: list[list[Pupil | None]] = [[None] * size for size in self._plan.cohorts[now]]
            last = min(began + groups - 1, years - 1)
            for number in range(max(began, 0), last + 1):
                self._year(seats, [forms[number, number - began, at] for at in range(self._plan.letters)])
            if last < years - 1:
                self._leave(seats, self._days.years[last].ends_on)

    def _leave(self, seats: list[list[Pupil | None]], on: date) -> None:
        for pupil in (one for row in seats for one in row if one is not None):
            pupil.left = on

    def _year(self, seats: list[list[Pupil | None]], forms: list[FormYear]) -> None:
        year, dice = forms[0].year, self._dice
        for row, form in zip(seats, forms, strict=True):
            for seat, pupil in enumerate(row):
                if pupil is not None and dice.random() < LEAVE_IN_SUMMER:
                    pupil.left, pupil = year.starts_on - DAY, None
                pupil = pupil or self._new(form, year.starts_on)
                row[seat] = self._stay(pupil, form)
        if len(forms) > 1:
            self._move(seats, forms)

    def _stay(self, pupil: Pupil, form: FormYear) -> Pupil:
        """Give a student a seat for the year, and the seat to somebody else where they leave; who has it in the end."""
        dice, year = self._dice, form.year
        free = range(year.begin + SETTLED_DAYS, year.end - SETTLED_DAYS - SEAT_EMPTY_DAYS)
        if not free or dice.random() >= LEAVE_IN_YEAR:
            self._place(pupil, form, year.starts_on)
            return pupil
        gone = dice.choice(free)
        back = gone + dice.randrange(1, SEAT_EMPTY_DAYS)
        self._place(pupil, form, year.starts_on, self._days.days[gone] - DAY)
        pupil.left = self._days.days[gone] - DAY
        joiner = self._new(form, self._days.days[back])
        self._place(joiner, form, self._days.days[back])
        return joiner

    def _move(self, seats: list[list[Pupil | None]], forms: list[FormYear]) -> None:
        """Some pairs of students change places in the course of the year."""
        dice, year = self._dice, forms[0].year
        free = range(year.begin + SETTLED_DAYS, year.end - SETTLED_DAYS)
        for _ in range(round(sum(map(len, seats)) * MOVE / 2) if free else 0):
            (one, other), on = dice.sample(range(len(forms)), 2), self._days.days[dice.choice(free)]
            if not seats[one] or not seats[other]:
                continue
            here, there = dice.randrange(len(seats[one])), dice.randrange(len(seats[other]))
            first, second = seats[one][here], seats[other][there]
            if first and second and _whole_year(first, forms[one]) and _whole_year(second, forms[other]):
                self._change(first, forms[other], on)
                self._change(second, forms[one], on)
                seats[one][here], seats[other][there] = second, first

    def _change(self, pupil: Pupil, to: FormYear, on: date) -> None:
        before = pupil.places[-1]
        before.last, before.end = on - DAY, self._days.place_from(on)
        self._place(pupil, to, on)

    def _place(self, pupil: Pupil, form: FormYear, first: date, last: date | None = None) -> None:
        year = form.year
        if last is None and year is not self._days.present:
            last = year.ends_on
        begin = year.begin if first == year.starts_on else self._days.place_from(first)
        end = year.end if last in (None, year.ends_on) else self._days.place_from((last or first) + DAY)
        place = Place(pupil, form, first, last, begin=begin, end=end)
        pupil.places.append(place)
        form.places.append(place)

    def _new(self, form: FormYear, on: date) -> Pupil:
        dice = self._dice
        given, family = self._names.draw(dice)
        born = form.year.starts_on - timedelta(days=int((FIRST_YEAR_GROUP + 4 + form.group + dice.random()) * 365.25))
        pupil = Pupil(next(self._ids), given, family, born, *_nature(dice))
        self.pupils.append(pupil)
        return pupil


def _whole_year(pupil: Pupil, form: FormYear) -> bool:
    place = pupil.places[-1]
    return place.form is form and place.first == form.year.starts_on


def _nature(dice: random.Random) -> tuple[float, float, float, float, float]:
    """Absence, lateness, truancy, ability and trouble: most students little of each, a few much."""
    absence = dice.betavariate(1.3, 23.0)
    if dice.random() < 0.035:
        absence = dice.uniform(0.12, 0.5)
    lateness = dice.betavariate(0.6, 28.0)
    truancy = min(0.9, dice.betavariate(0.9, 3.2) + absence)
    ability = min(0.97, max(0.2, dice.gauss(0.7, 0.1) - 0.4 * absence))
    trouble = 1.2 * dice.gammavariate(0.4, 2.5) * (0.6 + 2.0 * truancy)
    return absence, lateness, truancy, ability, trouble
