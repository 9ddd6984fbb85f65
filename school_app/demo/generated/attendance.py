"""Registers and the exceptions in them: spells of absence by person, weekday, season and wave of illness.

A register's id follows from its day, form and session, so that nobody has to remember a million of them; the ids of
registers that nobody took are left out. making.py calls it year by year.
"""

from __future__ import annotations

import random
from bisect import bisect, bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from school_app.alerts.facts import SessionKey
from school_app.attendance.models import Session
from school_app.attendance.parts import PARTS
from school_app.core.db.bulk import Row
from school_app.demo.generated.calendar import SEASON, WEEKDAYS, SchoolCalendar, YearDays
from school_app.demo.generated.dice import Lengths, Weighted, often
from school_app.demo.generated.people import FormYear, Place, Pupil
from school_app.demo.shared import AWOL, EXCUSED, LATE
from school_app.schools.models import SessionScheme

# Of the registers, so many were not taken.
MISSING = 0.01
# Days of an illness, and of staying away without a reason.
ILL = Lengths((46, 24, 14, 7, 5, 1.5, 0.8, 0.8, 0.5, 0.4))
AWAY = Lengths((74, 13, 5, 3, 2, 1, 0.6, 0.5, 0.3, 0.3, 0.1, 0.1, 0.1))
HALF_DAYS = 0.3
# How much a student's years differ, as the deviation of a logarithm.
YEARS_DIFFER = 0.25
# Waves of illness: how many a year, in which weeks of it, for how many weeks, how strong, and how many forms it takes.
WAVES, WAVE_WEEKS, WAVE_LENGTH, WAVE_FACTOR, WAVE_REACH = (2, 4), (7, 28), (1, 3), (2.0, 4.0), 0.6
REASONS = Weighted(("ill", 70), ("doctor", 12), ("dentist", 8), ("family", 10))
# What stands for a session to which nothing is excepted, beside the letters of the codes.
PRESENT = "-"
# Minutes after midnight at which registers of a session are due, and for how long people take them.
TAKEN_AT = {Session.DAY: 525, Session.AM: 525, Session.PM: 805}
TAKEN_WITHIN = 25


@dataclass(slots=True)
class Sheets:
    """The registers of a form's year: those missing, and how many sessions and days are counted up to each day.

    `sessions[k]` counts those of the first k days of the year, and so does `days`.
    """

    first_id: int
    step: int
    offset: int
    missing: frozenset[tuple[int, int]]
    sessions: list[int]
    days: list[int]
    keys: list[SessionKey] = field(default_factory=list)


@dataclass(slots=True)
class Attended:
    """What is known of a student's attendance in one year.

    `marks` has a letter for each session of a day, by the day's place; `counted` and `days` are sums up to each day of
    the year, from before its first; `absent` is places of days with the sessions absent, in order.
    """

    year: YearDays
    places: list[Place]
    counted: list[int]
    days: list[int]
    marks: dict[int, str] = field(default_factory=dict)
    absent: list[tuple[int, int]] = field(default_factory=list)
    late: int = 0

    def counted_up_to(self, place: int) -> int:
        """Sessions counted up to and including the day of a place."""
        return self.counted[place - self.year.begin + 1]

    def counted_between(self, begin: int, end: int) -> int:
        """Sessions counted from the day of a place to that of another, which is excluded."""
        low, high = (min(max(one, self.year.begin), self.year.end) - self.year.begin for one in (begin, end))
        return self.counted[max(low, high)] - self.counted[low]

    def absent_between(self, begin: int, end: int) -> int:
        """Sessions absent of those."""
        low, high = bisect_left(self.absent, (begin, 0)), bisect_left(self.absent, (end, 0))
        return sum(sessions for _, sessions in self.absent[low:high])


class Attendance:
    """One school's registers and marks of one year."""

    def __init__(
        self, days: SchoolCalendar, year: YearDays, *, scheme: SessionScheme, dice: random.Random, first_id: int
    ) -> None:
        self.days, self.year, self.dice, self.first_id = days, year, dice, first_id
        self.sessions = PARTS[scheme]
        self.sheets: dict[FormYear, Sheets] = {}
        self._weights: dict[FormYear, list[float]] = {}
        self.count = 0

    def open(self, forms: list[FormYear]) -> None:
        """Lay out the registers of all forms of the year, and how likely an absence begins on each day."""
        waves = self._waves()
        length, parts = self.year.end - self.year.begin, len(self.sessions)
        self.count = length * len(forms) * parts
        for place, form in enumerate(forms):
            missing = frozenset(
                (self.dice.randrange(self.year.begin, self.year.end), self.dice.randrange(parts))
                for _ in range(often(self.dice, MISSING * length * parts))
            )
            left_out: dict[int, int] = {}
            for day, _ in missing:
                left_out[day] = left_out.get(day, 0) + 1
            taken = [parts - left_out.get(day, 0) for day in range(self.year.begin, self.year.end)]
            self.sheets[form] = Sheets(
                self.first_id + place * parts,
                len(forms) * parts,
                self.year.begin,
                missing,
                sessions=[0, *accumulate(taken)],
                days=[0, *accumulate(map(bool, taken))],
                keys=[
                    (self.days.days[day], part.value)
                    for day in range(self.year.begin, self.year.end)
                    for at, part in enumerate(self.sessions)
                    if (day, at) not in missing
                ],
            )
            self._weights[form] = [0.0, *accumulate(self._weight(day, waves) for day in self._days())]
            waves = [(wave[0], wave[1], self._reach()) for wave in waves]

    def _days(self) -> range:
        return range(self.year.begin, self.year.end)

    def _waves(self) -> list[tuple[int, int, float]]:
        """Waves of illness as first and last week of the year, and how much likelier absence is in them."""
        found = []
        for _ in range(self.dice.randint(*WAVES)):
            begin = self.dice.randint(*WAVE_WEEKS)
            found.append((begin, begin + self.dice.randrange(*WAVE_LENGTH), self._reach()))
        return found

    def _reach(self) -> float:
        return self.dice.uniform(*WAVE_FACTOR) if self.dice.random() < WAVE_REACH else 1.0

    def _weight(self, day: int, waves: list[tuple[int, int, float]]) -> float:
        on = self.days.days[day]
        week = (on - self.year.starts_on).days // 7
        weight = SEASON[on.month] * WEEKDAYS[on.weekday() % 5]
        for first, last, factor in waves:
            if first <= week <= last:
                weight *= factor
        return weight

    def registers(self, school_id: int) -> Iterator[Row]:
        """The rows of all registers that were taken."""
        for form, sheets in self.sheets.items():
            for day in self._days():
                on, master = self.days.days[day], form.master(self.days.days[day])
                for at, part in enumerate(self.sessions):
                    if (day, at) in sheets.missing:
                        continue
                    moment = self.days.at(day, TAKEN_AT[part] + self.dice.randrange(TAKEN_WITHIN))
                    yield (
                        self.register_id(sheets, day, at), school_id, form.id, on, part.value, "taken", "person",
                        master.id, master.name, moment,
                    )  # fmt: skip

    def register_id(self, sheets: Sheets, day: int, at: int) -> int:
        """The id of a register."""
        return sheets.first_id + (day - sheets.offset) * sheets.step + at

    def live(self, pupil: Pupil) -> Attended | None:
        """Draw a student's year; None where they were in no form on any day of it."""
        places = [place for place in pupil.places if place.form.year is self.year and place.begin < place.end]
        if not places:
            return None
        attended = self._empty(places)
        for place in places:
            self._away(attended, pupil, place)
            self._late(attended, pupil, place)
        attended.absent = [
            (day, count) for day in sorted(attended.marks) if (count := self._absent_on(attended, day))
        ]  # fmt: skip
        return attended

    def _empty(self, places: list[Place]) -> Attended:
        only, length = places[0], self.year.end - self.year.begin
        if len(places) == 1 and only.begin == self.year.begin and only.end == self.year.end:
            sheets = self.sheets[only.form]
            return Attended(self.year, places, sheets.sessions, sheets.days)
        sessions, known = [0] * length, [0] * length
        for place in places:
            sheets = self.sheets[place.form]
            for day in range(place.begin - self.year.begin, place.end - self.year.begin):
                sessions[day] = sheets.sessions[day + 1] - sheets.sessions[day]
                known[day] = sheets.days[day + 1] - sheets.days[day]
        return Attended(self.year, places, [0, *accumulate(sessions)], [0, *accumulate(known)])

    def _away(self, attended: Attended, pupil: Pupil, place: Place) -> None:
        """Spells of absence, each of one kind and several days."""
        dice, sums, begin = self.dice, self._weights[place.form], self.year.begin
        low, high = sums[place.begin - begin], sums[place.end - begin]
        mean = pupil.truancy * AWAY.mean + (1 - pupil.truancy) * ILL.mean
        days = pupil.absence * dice.lognormvariate(0.0, YEARS_DIFFER) * (place.end - place.begin)
        marks = attended.marks
        for _ in range(often(dice, days / mean)):
            day = begin + bisect(sums, low + dice.random() * (high - low)) - 1
            letter, lengths = (AWOL, AWAY) if dice.random() < pupil.truancy else (EXCUSED, ILL)
            length = lengths.draw(dice)
            mark = letter * len(self.sessions)
            if len(mark) > 1 and length == 1 and dice.random() < HALF_DAYS:
                mark = letter + PRESENT if dice.random() < 0.5 else PRESENT + letter
            for one in range(day, min(day + length, place.end)):
                marks.setdefault(one, mark)

    def _late(self, attended: Attended, pupil: Pupil, place: Place) -> None:
        dice = self.dice
        mark = LATE + PRESENT * (len(self.sessions) - 1)
        for _ in range(often(dice, pupil.lateness * (place.end - place.begin))):
            attended.marks.setdefault(dice.randrange(place.begin, place.end), mark)

    def _absent_on(self, attended: Attended, day: int) -> int:
        mark = attended.marks[day]
        missing = self.sheets[_place_on(attended, day).form].missing
        return sum(letter in "AE" and (day, at) not in missing for at, letter in enumerate(mark))

    def marks_of(self, pupil: Pupil, attended: Attended) -> Iterator[tuple[int, int, str, Sheets, FormYear]]:
        """A student's marks in registers that were taken: day, session, letter, and where they stand."""
        for day in sorted(attended.marks):
            form = _place_on(attended, day).form
            sheets = self.sheets[form]
            for at, letter in enumerate(attended.marks[day]):
                if letter != PRESENT and (day, at) not in sheets.missing:
                    yield day, at, letter, sheets, form


def _place_on(attended: Attended, day: int) -> Place:
    if len(attended.places) == 1:
        return attended.places[0]
    return next(place for place in attended.places if place.begin <= day < place.end)
