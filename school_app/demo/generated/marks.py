"""Classes, their assessments and the results in them.

making.py calls it year by year; episodes.py reads the results.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from school_app.core.db.bulk import Row
from school_app.demo.generated.attendance import PRESENT, Attended
from school_app.demo.generated.calendar import SchoolCalendar, TermDays, YearDays
from school_app.demo.generated.dice import Weighted
from school_app.demo.generated.loading import Numbers
from school_app.demo.generated.people import FormYear, People, Person, Pupil

# A school teaches the first so many of these; the first three are core subjects.
SUBJECTS = ("English", "Mathematics", "Science", "History", "Geography", "Art")
CORE = 3
SUBJECTS_TAUGHT = (4, 6)
A_TERM = Weighted((2, 1), (3, 6), (4, 3))
MAXIMA = (20, 40, 50, 100)
# Whoever is absent on the day mostly hands nothing in.
LOST_BY_ABSENCE = 0.8
# Deviations, as shares of the points: of a subject from the student's level, of a term from the subject, of one result.
SUBJECT_DIFFERS, TERM_DIFFERS, RESULT_DIFFERS = 0.06, 0.04, 0.06
HANDED_IN_AT = 930


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of a school."""

    id: int
    name: str
    is_core: bool


@dataclass(slots=True, eq=False)
class Work:
    """An assessment; `day` is the place of its day."""

    id: int
    term: TermDays
    day: int
    maximum: int
    title: str


@dataclass(slots=True, eq=False)
class ClassYear:
    """A form's class in a subject, who teaches it, and what it writes."""

    id: int
    form: FormYear
    subject: Subject
    teacher: Person
    works: list[Work] = field(default_factory=list)


# By subject, in order of their days: the place of the day, the term's ordinal, the score and the maximum.
Result = tuple[int, int, int, int]
Results = dict[Subject, list[Result]]


def make_subjects(numbers: Numbers, dice: random.Random) -> list[Subject]:
    """The subjects that a school teaches."""
    names = SUBJECTS[: dice.randint(*SUBJECTS_TAUGHT)]
    return [Subject(numbers.next("subject"), name, place < CORE) for place, name in enumerate(names)]


def make_classes(
    people: People, subjects: list[Subject], days: SchoolCalendar, *, numbers: Numbers, dice: random.Random
) -> dict[FormYear, list[ClassYear]]:
    """The classes of all forms, with the assessments up to the last day."""
    found: dict[FormYear, list[ClassYear]] = {}
    teachers = [one for one in people.staff if one.login.startswith("teacher")] or people.staff
    for form in people.forms:
        found[form] = []
        for place, subject in enumerate(subjects):
            # Masters teach their form one subject; the first teacher has a class of the year's first form.
            teacher = form.masters[0].person if not place else dice.choice(people.staff)
            if form.year is days.present and place == 1 and form.masters[-1].person is people.staff[0]:
                teacher = teachers[0]
            made = ClassYear(numbers.next("teaching_group"), form, subject, teacher)
            for term in form.year.terms:
                made.works.extend(_works(term, days, numbers, dice))
            found[form].append(made)
    return found


def _works(term: TermDays, days: SchoolCalendar, numbers: Numbers, dice: random.Random) -> Iterator[Work]:
    inside = [on for on in days.ahead if term.starts_on <= on <= term.ends_on]
    count = A_TERM.draw(dice)
    for number in range(count):
        on = inside[int(len(inside) * (number + 0.4 + 0.5 * dice.random()) / count)]
        if on <= days.until:
            yield Work(numbers.next("assessment"), term, days.place_from(on), dice.choice(MAXIMA), f"Test {number + 1}")


class Marking:
    """The results of one year."""

    def __init__(self, days: SchoolCalendar, year: YearDays, lives: dict[Pupil, Attended], dice: random.Random) -> None:
        self.days, self.year, self.lives, self.dice = days, year, lives, dice
        self.by_pupil: dict[Pupil, Results] = defaultdict(dict)

    def results(self, classes: list[ClassYear], school_id: int, numbers: Numbers) -> Iterator[Row]:
        """The rows of the results, which are kept by student as well."""
        for one in classes:
            offsets = {place.student: self.dice.gauss(0, SUBJECT_DIFFERS) for place in one.form.places}
            for term in self.year.terms:
                drift = {pupil: self.dice.gauss(offset, TERM_DIFFERS) for pupil, offset in offsets.items()}
                for work in (work for work in one.works if work.term is term):
                    yield from self._of(one, work, drift, school_id=school_id, numbers=numbers)

    def _of(
        self, one: ClassYear, work: Work, drift: dict[Pupil, float], *, school_id: int, numbers: Numbers
    ) -> Iterator[Row]:
        on, moment, dice = self.days.days[work.day], self.days.at(work.day, HANDED_IN_AT), self.dice
        for place in one.form.places:
            if not place.begin <= work.day < place.end:
                continue
            pupil = place.student
            mark = self.lives[pupil].marks.get(work.day, PRESENT)
            if mark[0] in "AE" and dice.random() < LOST_BY_ABSENCE:
                continue
            share = pupil.ability + drift[pupil] + dice.gauss(0, RESULT_DIFFERS)
            score = round(min(1.0, max(0.0, share)) * work.maximum)
            known = self.by_pupil[pupil].setdefault(one.subject, [])
            known.append((work.day, work.term.ordinal, score, work.maximum))
            id_ = numbers.next("assessment_result")
            yield id_, school_id, work.id, pupil.id, score, "fully graded", on, one.teacher.id, moment
