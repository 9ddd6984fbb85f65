"""Making the schools that were asked for, one after the other, and then their history.

demo.commands calls generate().
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Protocol

from faker import Faker

from school_app.config import Settings
from school_app.core.db.bulk import Row, loading
from school_app.demo.generated import history, tables
from school_app.demo.generated.attendance import PRESENT, REASONS, TAKEN_AT, TAKEN_WITHIN, Attendance
from school_app.demo.generated.behaviour import happen
from school_app.demo.generated.behaviour import rows as incident_rows
from school_app.demo.generated.calendar import TERMS, YearDays, begin_of_year, calendar
from school_app.demo.generated.cases import case_row
from school_app.demo.generated.chain import Chain
from school_app.demo.generated.episodes import Episode, episodes_of
from school_app.demo.generated.loading import Numbers, Shape, Sink
from school_app.demo.generated.marks import Marking, make_classes, make_subjects
from school_app.demo.generated.people import Cohorts, FormYear, Names, People
from school_app.demo.generated.plan import SchoolPlan, Wishes, plans, shared
from school_app.demo.generated.staffing import appoint, hire, make_forms
from school_app.demo.generated.trail import Trail
from school_app.demo.generated.wording import YearKnown
from school_app.demo.shared import EXCUSED, LATE

NAMES_DRAWN = 1_500
TOLD_EVERY = 5_000


class Teller(Protocol):
    """Is told how far it is."""

    def step(self, what: str, total: int) -> None:
        """Something begins that has so many parts."""

    def done(self, parts: int, note: str = "") -> None:
        """So many more parts are done; `note` says on what."""


@dataclass(slots=True)
class Made:
    """What was made: rows and the server's seconds by table, seconds by step, and what the registers state.

    `attended` counts sessions of students that registers state, `exceptions` those of them that are a row.
    """

    plans: list[SchoolPlan]
    rows: Counter[str] = field(default_factory=Counter)
    seconds: Mapping[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    attended: int = 0
    exceptions: int = 0
    archived: int = 0
    unconfirmed: int = 0


def generate(settings: Settings, wishes: Wishes, teller: Teller) -> Made:
    """Make everything; the rows of the schools themselves come last, so that nobody sees one that is not whole."""
    made = Made(plans(wishes))
    with loading(settings) as loader, tempfile.TemporaryDirectory(prefix="formroom-generated-") as folder:
        work = Work(wishes, Sink(loader), history.Waiting(Path(folder)), teller)
        with _timed(made, "Schools"):
            schools = _schools(work, made)
        with _timed(made, "Audit log"):
            teller.step("Writing the audit log", work.waiting.count)
            work.sink.put(tables.AUDIT, _told(work.waiting.in_order(work.numbers), teller))
            work.sink.settle()
        with _timed(made, "Seals"):
            teller.step("Sealing", work.waiting.count)
            history.seal(settings, work.begin, teller.done)
        with _timed(made, "Archive"):
            teller.step("Archiving", work.waiting.count)
            made.archived = history.archive(settings.as_archiver(), teller.done)
        work.sink.put(tables.SCHOOL, schools)
        work.sink.settle()
        made.rows, made.seconds = work.sink.rows, work.sink.seconds
    return made


@contextmanager
def _timed(made: Made, step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    made.steps[step] = time.monotonic() - started


def _told(rows: Iterable[Row], teller: Teller) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if not number % TOLD_EVERY:
            teller.done(TOLD_EVERY)
        yield row


@dataclass(slots=True)
class Work:
    """What the making of all schools shares."""

    wishes: Wishes
    sink: Sink
    waiting: history.Waiting
    teller: Teller
    numbers: Numbers = field(default_factory=Numbers)

    @property
    def begin(self) -> date:
        """The first day of the first school year."""
        last = begin_of_year(self.wishes.until)
        return last.replace(year=last.year - self.wishes.years + 1)


def _schools(work: Work, made: Made) -> list[Row]:
    """Make the schools but for their own rows, which are returned."""
    wishes = work.wishes
    created = datetime.combine(work.begin, datetime.min.time(), UTC) - timedelta(days=30)
    tables.put_operator(work.sink, work.numbers, created)
    names = _names(wishes.seed)
    audit = shared(wishes.audit, [plan.students for plan in made.plans])
    work.teller.step("Schools", wishes.students)
    rows = []
    for plan, share in zip(made.plans, audit, strict=True):
        school_id = work.numbers.next("school")
        SchoolMaking(school_id, plan, work, names=names, audit=share).make(made)
        rows.append(tables.school_row(school_id, plan, created))
    return rows


def _names(seed: int) -> Names:
    fake = Faker("en_GB")
    fake.seed_instance(seed)
    given = [fake.first_name() for _ in range(NAMES_DRAWN)]
    return Names(given, [fake.last_name() for _ in range(NAMES_DRAWN)])


class SchoolMaking:
    """Makes one school, year by year, and what followed from it; everything is drawn from its own dice."""

    def __init__(self, school_id: int, plan: SchoolPlan, work: Work, *, names: Names, audit: int) -> None:
        self.school_id, self.plan, self.work, self.names = school_id, plan, work, names
        self.numbers, self.sink = work.numbers, work.sink
        self.dice = random.Random(f"{work.wishes.seed}-{plan.number}")  # noqa: S311 - a demo's dice.
        years, terms = work.wishes.years, work.wishes.years * len(TERMS)
        first, first_term = self.numbers.take("school_year", years), self.numbers.take("term", terms)
        self.days = calendar(work.wishes.until, years, first_id=first, first_term_id=first_term, dice=self.dice)
        self.trail = Trail(school_id, audit, days=self.days, dice=self.dice)
        self.known: list[YearKnown] = []
        self.episodes: list[Episode] = []

    def make(self, made: Made) -> None:
        """Make the school."""
        structure = tables.Structure(self.school_id, self.plan, self.days, self.numbers, self.sink)
        self._told("people")
        self.codes = structure.put_days()
        people = self._people(structure)
        for year in self.days.years:
            self._told(year.name)
            self._year(year, people, made)
        self._told("alerts")
        chain = Chain(self.school_id, self.days, self.known, numbers=self.numbers, dice=self.dice)
        chain.live(people.pupils, self.episodes)
        self._put_chain(chain)
        self.work.waiting.add(self.trail.told(people, chain, self._counted))
        made.unconfirmed += chain.unconfirmed
        self.work.teller.done(self.plan.students)

    def _told(self, what: str) -> None:
        self.work.teller.done(0, f"{self.plan.slug}, {self.plan.students:,} students: {what}")

    def _put(self, shape: Shape, rows: Iterable[Row]) -> None:
        self.sink.put(shape, self.trail.watch(shape, rows))

    def _people(self, structure: tables.Structure) -> People:
        people = hire(self.plan, self.names, self.numbers, self.dice)
        forms = make_forms(self.plan, self.days, self.numbers)
        appoint(people, forms, self.days, self.dice)
        structure.put_staff(people)
        ids = iter(lambda: self.numbers.next("student"), None)
        cohorts = Cohorts(self.plan, self.days, self.names, ids=ids, dice=self.dice)
        cohorts.fill(forms)
        people.pupils = cohorts.pupils
        structure.put_students(people.pupils, self.dice)
        subjects = make_subjects(self.numbers, self.dice)
        self.classes = make_classes(people, subjects, self.days, numbers=self.numbers, dice=self.dice)
        structure.put_classes(subjects, [one for found in self.classes.values() for one in found])
        return people

    def _year(self, year: YearDays, people: People, made: Made) -> None:
        """Registers, marks, results and incidents of one year, and the episodes that they make."""
        forms = [form for form in people.forms if form.year is year]
        first = self.numbers.take("register", 0)
        attendance = Attendance(self.days, year, scheme=self.plan.scheme, dice=self.dice, first_id=first)
        attendance.open(forms)
        self.numbers.take("register", attendance.count)
        self._put(tables.REGISTER, attendance.registers(self.school_id))
        lives = {pupil: life for pupil in people.pupils if (life := attendance.live(pupil)) is not None}
        marking = Marking(self.days, year, lives, self.dice)
        known = YearKnown(attendance, lives, marking.by_pupil)
        self.known.append(known)
        self._put(tables.MARK, self._marks(known, made))
        classes = [one for form in forms for one in self.classes[form]]
        self._put(tables.RESULT, marking.results(classes, self.school_id, self.numbers))
        self._put(tables.INCIDENT, self._incidents(known))
        for pupil, life in lives.items():
            found, results = known.happened.get(pupil, []), marking.by_pupil.get(pupil, {})
            self.episodes.extend(episodes_of(pupil, life, found, results, self.days))

    def _marks(self, known: YearKnown, made: Made) -> Iterator[Row]:
        attendance, dice, school = known.attendance, self.dice, self.school_id
        for pupil, life in known.lives.items():
            made.attended += life.counted[-1] - life.counted[0]
            for day, at, letter, sheets, form in attendance.marks_of(pupil, life):
                made.exceptions += 1
                on = self.days.days[day]
                minutes = dice.randrange(3, 45) if letter == LATE else None
                reason = REASONS.draw(dice) if letter == EXCUSED else None
                moment = self.days.at(day, TAKEN_AT[attendance.sessions[at]] + TAKEN_WITHIN)
                yield (
                    self.numbers.next("attendance_mark"), school, attendance.register_id(sheets, day, at), pupil.id, on,
                    attendance.sessions[at].value, self.codes[letter], minutes, reason, "person", form.master(on).id,
                    moment,
                )  # fmt: skip

    def _incidents(self, known: YearKnown) -> Iterator[Row]:
        for pupil, life in known.lives.items():
            found = happen(pupil, life, self.numbers, self.dice)
            if found:
                known.happened[pupil] = found
                yield from incident_rows(found, self.days, self.school_id, life)

    def _put_chain(self, chain: Chain) -> None:
        files = chain.files
        self._put(tables.ALERT, chain.alert_rows())
        self._put(tables.PROFILE, chain.profile_rows())
        self._put(tables.DECISION, chain.answer_rows())
        self._put(tables.CASE, (case_row(case, self.school_id) for case in files.cases))
        self._put(tables.STEP, files.steps)
        self._put(tables.EVENT, files.events)
        self._put(tables.NOTE, files.notes)

    def _counted(self, register: Row) -> tuple[int, int]:
        """How many students a register has, and how many of them are exceptions."""
        form_id, on, part = (register[tables.REGISTER.place(name)] for name in ("form_id", "date", "session"))
        day = self.days.place_from(on)
        known = next(one for one in self.known if one.year.begin <= day < one.year.end)
        at = [one.value for one in known.attendance.sessions].index(part)
        form = self._forms[form_id]
        there = [place.student for place in form.places if place.begin <= day < place.end]
        marks = [known.lives[pupil].marks.get(day) for pupil in there]
        return len(there), sum(mark is not None and mark[at] != PRESENT for mark in marks)

    @cached_property
    def _forms(self) -> dict[int, FormYear]:
        return {form.id: form for form in self.classes}
