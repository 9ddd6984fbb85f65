"""Generated schools look like schools: absence by student, weekday, season and wave, at the rates that are known."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from school_app.core.db.bulk import Row
from school_app.demo import people as demo
from school_app.demo.generated import tables
from school_app.demo.generated.history import Waiting
from school_app.demo.generated.loading import Numbers, Shape, Sink
from school_app.demo.generated.making import Made, SchoolMaking, Work
from school_app.demo.generated.people import Names
from school_app.demo.generated.plan import Wishes, plans
from school_app.demo.generated.sampling import Sample

STUDENTS, YEARS = 450, 2
TODAY = date(2026, 8, 1)
ABSENT = {"A", "E"}


class Kept:
    """Stands in for a database: keeps the rows that it is given."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.seconds: dict[str, float] = {}

    def write(self, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
        found = list(rows)
        self.rows[table.name].extend(found)
        return len(found)

    def settle(self) -> None:
        """Everything is there already."""


class Silent:
    def step(self, what: str, total: int) -> None: ...

    def done(self, parts: int, note: str = "") -> None: ...


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The rows of a school of two whole years."""
    patch = pytest.MonkeyPatch()
    patch.setattr(demo, "_HASHED", ["a hash"])
    wishes = Wishes(1, STUDENTS, YEARS, audit=0, seed=3, until=TODAY)
    made, found = Made(plans(wishes)), Kept()
    work = Work(wishes, Sink(found), Waiting(tmp_path_factory.mktemp("waiting")), Silent())  # type: ignore[arg-type]
    SchoolMaking(1, made.plans[0], work, names=Names(["Ada"], ["Byron"]), audit=0).make(made)
    patch.undo()
    assert made.unconfirmed == 0
    return found


def column(kept: Kept, shape: Shape, name: str) -> list[Any]:
    place = shape.place(name)
    return [row[place] for row in kept.rows[shape.name]]


@pytest.fixture(scope="module")
def days_absent(kept: Kept) -> dict[int, set[date]]:
    """The days on which each student was absent."""
    letters = dict(zip(column(kept, tables.CODE, "id"), column(kept, tables.CODE, "code"), strict=True))
    found: dict[int, set[date]] = defaultdict(set)
    marks = (column(kept, tables.MARK, name) for name in ("student_id", "date", "code_id"))
    for student, on, code in zip(*marks, strict=True):
        if letters[code] in ABSENT:
            found[student].add(on)
    return found


def test_one_student_in_six_or_so_is_chronically_absent(kept: Kept, days_absent: dict[int, set[date]]) -> None:
    profiles = column(kept, tables.PROFILE, "inputs")
    rates = [one["sessions_absent"] / one["sessions_counted"] for one in profiles]
    assert len(rates) == STUDENTS
    assert 0.04 < sum(rates) / len(rates) < 0.08
    assert 0.12 < sum(rate >= 0.1 for rate in rates) / len(rates) < 0.23
    by_student = sorted((len(days) for days in days_absent.values()), reverse=True)
    tenth = len(column(kept, tables.STUDENT, "id")) // 10
    assert sum(by_student[:tenth]) > 0.3 * sum(by_student)


def test_absence_comes_in_spells_of_days(days_absent: dict[int, set[date]]) -> None:
    followed = total = 0
    for days in days_absent.values():
        ordinals = {on.toordinal() for on in days}
        midweek = [on for on in days if on.weekday() < 4]
        total += len(midweek)
        followed += sum(on.toordinal() + 1 in ordinals for on in midweek)
    # Of days that were drawn one by one, a twentieth or so would be followed by another.
    assert followed / total > 0.35


def test_absence_is_likelier_on_mondays_and_in_winter(kept: Kept, days_absent: dict[int, set[date]]) -> None:
    school_days = set(column(kept, tables.REGISTER, "date"))
    absences = Counter(on for days in days_absent.values() for on in days)

    def a_day(days: list[date]) -> float:
        return sum(absences[on] for on in days) / len(days)

    mondays, wednesdays = ([on for on in school_days if on.weekday() == day] for day in (0, 2))
    winter = [on for on in school_days if on.month in (12, 1, 2)]
    summer = [on for on in school_days if on.month in (9, 5, 6)]
    assert a_day(mondays) > 1.05 * a_day(wednesdays)
    assert a_day(winter) > 1.3 * a_day(summer)


def test_waves_of_illness_take_some_forms_and_not_others(kept: Kept) -> None:
    # Of independent absences the counts of a form's weeks would differ by about the root of their mean.
    forms = dict(zip(column(kept, tables.REGISTER, "id"), column(kept, tables.REGISTER, "form_id"), strict=True))
    weeks: Counter[tuple[int, int]] = Counter()
    marks = (column(kept, tables.MARK, name) for name in ("register_id", "date"))
    for register, on in zip(*marks, strict=True):
        weeks[forms[register], on.toordinal() // 7] += 1
    by_week: dict[int, list[int]] = defaultdict(list)
    for (_, week), number in weeks.items():
        by_week[week].append(number)
    spread = [max(found) / (sum(found) / len(found)) for found in by_week.values() if len(found) > 10]
    assert max(spread) > 2


def test_alerts_and_cases_come_in_the_proportions_asked_for(kept: Kept) -> None:
    alerts, cases = (len(kept.rows[shape.name]) for shape in (tables.ALERT, tables.CASE))
    assert 2.2 * STUDENTS < alerts < 5 * STUDENTS
    assert 0.22 < cases / alerts < 0.26
    rules = Counter(column(kept, tables.ALERT, "rule"))
    assert min(rules[rule] for rule in ("chronic_absence", "consecutive_unexplained", "behaviour")) > 10


def test_a_sample_is_even_and_has_all_of_few() -> None:
    rows = [(number,) for number in range(200)]
    seen: Counter[int] = Counter()
    for seed in range(2_000):
        sample = Sample(10, random.Random(seed))
        assert list(sample.of(rows)) == rows
        assert len(sample.rows) == 10
        seen.update(number for (number,) in sample.rows)
    # Each is expected a hundred times, with a deviation of ten.
    assert 55 < min(seen.values()) <= max(seen.values()) < 150
    few = Sample(10, random.Random(1))
    assert list(few.of(rows[:4])) == few.rows == rows[:4]


def test_waiting_rows_come_back_in_the_order_of_time(tmp_path: Path) -> None:
    moments = [date(2026, 1, 1 + day * 7 % 28) for day in range(20)]
    waiting = Waiting(tmp_path)
    waiting.add([(moment, "one") for moment in moments[:10]])
    waiting.add([(moment, "two") for moment in moments[10:]])
    found = list(waiting.in_order(Numbers()))
    assert [id_ for id_, _, _ in found] == list(range(1, 21))
    assert [moment for _, moment, _ in found] == sorted(moments)
    assert list(tmp_path.iterdir()) == []
