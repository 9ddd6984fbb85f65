"""Which sessions and events a form's day counts, from plain values; what a session counts as is alerts.facts'.

summaries.counting calls it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from school_app.alerts.facts import AttendanceCategory, EnrolledSpan, SessionFact, SessionKey
from school_app.alerts.school_days import day_sessions

# What stands in a form's place for what happened to students in no form.
NO_FORM = 0
Tally = Counter[str]
Key = tuple[date, int]
COLUMNS: Mapping[AttendanceCategory | None, str] = {
    **{category: category.value for category in AttendanceCategory},
    None: "unknown",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A student's place in a form; `in_year` are its days within the form's school year, on which the form counts it.

    Of two places on one day the one with the greater `order` counts: the student's day is counted in one form alone.
    """

    form_id: int
    span: EnrolledSpan
    in_year: EnrolledSpan
    order: tuple[date, int]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a student on a day; `what` is the column that counts it."""

    student_id: int
    on: date
    what: str


@dataclass(frozen=True, slots=True)
class Raw:
    """What is known of some days of a school; `days` are those with school, in order, from `first` to `last`."""

    first: date
    last: date
    days: Sequence[date]
    sessions: frozenset[str]
    places: Mapping[int, Sequence[Place]]
    taken: Mapping[tuple[int, date], set[str]]
    exceptions: Mapping[int, Mapping[SessionKey, AttendanceCategory]]
    happenings: Sequence[Happening] = ()


def tally(facts: Iterable[SessionFact]) -> Tally:
    """Some sessions by what they count as."""
    return Counter(COLUMNS[fact.category] for fact in facts)


def counted(sessions: Mapping[str, int]) -> int:
    """The sessions that stand in a rate's denominator."""
    return sum(sessions.get(name, 0) for name in ("present", "late", "absent_excused", "absent_unexcused"))


def absent(sessions: Mapping[str, int]) -> int:
    """The sessions absent for any reason."""
    return sessions.get("absent_excused", 0) + sessions.get("absent_unexcused", 0)


def form_on(places: Iterable[Place], on: date) -> int:
    """The form in which a student's day is counted; NO_FORM where they were in none."""
    found = [place for place in places if place.in_year.covers(on)]
    return max(found, key=lambda place: place.order).form_id if found else NO_FORM


def count(raw: Raw) -> dict[Key, Tally]:
    """The figures of each form and day that has any.

    Most students stay in one form, and nothing is excepted of them on most days: what one such student's day counts is
    asked once for each form and day, and multiplied. Every other day of a student is asked by itself.
    """
    counting = _Counting(raw)
    counting.count_steady()
    counting.count_moving()
    counting.count_registers()
    for one in raw.happenings:
        counting.found[one.on, form_on(raw.places.get(one.student_id, ()), one.on)][one.what] += 1
    return dict(counting.found)


@dataclass(slots=True)
class _Counting:
    raw: Raw
    found: dict[Key, Tally] = field(default_factory=lambda: defaultdict(Counter))

    def count_steady(self) -> None:
        """Those who were in one form on all the days."""
        days = set(self.raw.days)
        numbers = Counter(places[0].form_id for places in self.raw.places.values() if self._is_steady(places))
        usual = {(form_id, on): self._day(on, [form_id], {}) for form_id in numbers for on in days}
        for (form_id, on), sessions in usual.items():
            self.found[on, form_id].update({name: number * numbers[form_id] for name, number in sessions.items()})
            self.found[on, form_id]["enrolled"] += numbers[form_id]
        for student_id, marks in self.raw.exceptions.items():
            places = self.raw.places.get(student_id, ())
            if self._is_steady(places):
                form_id = places[0].form_id
                for on in {on for on, _ in marks} & days:
                    self.found[on, form_id].update(self._day(on, [form_id], marks))
                    self.found[on, form_id].subtract(usual[form_id, on])

    def count_moving(self) -> None:
        """Those who came, left, or were in two forms at once: day by day."""
        for student_id, places in self.raw.places.items():
            if self._is_steady(places):
                continue
            marks = self.raw.exceptions.get(student_id, {})
            for on in self.raw.days:
                form_id = form_on(places, on)
                if form_id != NO_FORM:
                    forms = [place.form_id for place in places if place.span.covers(on)]
                    self.found[on, form_id].update(self._day(on, forms, marks))
                    self.found[on, form_id]["enrolled"] += 1

    def count_registers(self) -> None:
        """The registers of the forms that had students, taken and missing."""
        for (on, form_id), figures in self.found.items():
            sessions = day_sessions(on, self.raw.taken.get((form_id, on), set()), {}, expected=self.raw.sessions)
            missing = sum(fact.category is None for fact in sessions)
            figures.update({"registers_taken": len(sessions) - missing, "registers_missing": missing})

    def _is_steady(self, places: Sequence[Place]) -> bool:
        span = places[0].in_year if len(places) == 1 else None
        return span is not None and span.covers(self.raw.first) and span.covers(self.raw.last)

    def _day(self, on: date, forms: Collection[int], marks: Mapping[SessionKey, AttendanceCategory]) -> Tally:
        taken = {part for form_id in forms for part in self.raw.taken.get((form_id, on), ())}
        return tally(day_sessions(on, taken, marks, expected=self.raw.sessions))
