"""Good news: section 7 of the home.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import url_for

from school_app.attendance.history import History
from school_app.students.queries import FormStudent

SHOWN = 3
LOOK_BACK = timedelta(days=14)
BIRTHDAYS_AHEAD = 3
# Points of attendance over four weeks that are worth a word.
IMPROVED_BY = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of good news."""

    text: str
    context: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class News:
    """Section 7."""

    rows: Sequence[Row]


def good_news(
    students: Sequence[FormStudent], histories: Mapping[int, History], positive: Iterable[Any], *, today: date
) -> News:
    """Three at most: a birthday, a positive record of the last LOOK_BACK, an improvement, then more of each."""
    kinds = (
        _birthdays(students, today),
        _positive(positive, {student.id: student for student in students}),
        _improved(students, histories, today),
    )
    longest = max(len(kind) for kind in kinds)
    return News([kind[place] for place in range(longest) for kind in kinds if place < len(kind)][:SHOWN])


def _url(student: FormStudent) -> str:
    return url_for("students.student", student_id=student.id)


def _birthdays(students: Sequence[FormStudent], today: date) -> list[Row]:
    days = {
        (day.month, day.day): day for day in (today + timedelta(days=ahead) for ahead in range(BIRTHDAYS_AHEAD + 1))
    }
    rows = []
    for student in students:
        born = student.birth_date
        day = days.get((born.month, born.day)) if born else None
        if born is not None and day is not None:
            when = "today" if day == today else f"on {day:%A}"
            rows.append((day, Row(f"{student.name} turns {day.year - born.year} {when}", None, _url(student))))
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


def _positive(rows: Iterable[Any], by_id: Mapping[int, FormStudent]) -> list[Row]:
    return [
        Row(f"{by_id[one.student_id].name}: {one.category}", one.description, _url(by_id[one.student_id]))
        for one in rows
    ]


def _improved(students: Sequence[FormStudent], histories: Mapping[int, History], today: date) -> list[Row]:
    found = []
    for student in students:
        change = histories[student.id].change(today) if student.id in histories else None
        if change is not None and change >= IMPROVED_BY:
            found.append((change, student))
    return [
        Row(f"{student.name} is here more: up {change:.1f} points in four weeks", None, _url(student))
        for change, student in sorted(found, key=lambda one: -one[0])
    ]
