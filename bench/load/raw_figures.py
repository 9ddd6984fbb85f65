"""What summaries are worth: the figures of a school's page, read from them and counted from the rows behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from flask import Flask
from sqlalchemy import func, select

from bench.apps import seconds
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.schools.models import School, SchoolYear
from school_app.students.access import Reach
from school_app.students.models import Student
from school_app.summaries.counting import counted_days
from school_app.summaries.models import FIGURES
from school_app.summaries.periods import Span
from school_app.summaries.queries import figures_by_day, figures_by_form

SPANS = {"a week": 7, "a month": 30, "a term": 90}
Key = TypeVar("Key")
Sums = tuple[Mapping[int, Mapping[str, int]], Mapping[date, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds for one span of days: read from the summaries, and counted from the rows."""

    read: float
    counted: float

    @property
    def gain(self) -> float:
        """How many times as long counting takes."""
        return self.counted / self.read


def compare(app: Flask) -> dict[str, Compared]:
    """Both for the largest school, by span. The figures stay what they are; nothing is written."""
    with app.app_context():
        with all_schools(db.session):
            school_id, timezone = _largest()
        with use_school(db.session, school_id):
            today = clock.today(timezone)
            last = min(today, db.session.scalar(select(func.max(SchoolYear.ends_on))) or today)
            # What was never called is made ready once.
            _compared(Span(last, last))
            found = {name: _compared(Span(last - timedelta(days=days - 1), last)) for name, days in SPANS.items()}
        db.session.rollback()
        db.session.remove()
    return found


def _largest() -> tuple[int, str]:
    rows = db.session.execute(
        select(School.id, School.timezone)
        .join(Student, Student.school_id == School.id)
        .where(School.is_active, Student.is_active)
        .group_by(School.id, School.timezone)
        .order_by(func.count().desc())
        .limit(1)
    ).one()
    return int(rows[0]), str(rows[1])


def _compared(span: Span) -> Compared:
    return Compared(seconds(lambda: read_sums(span)), seconds(lambda: counted_sums(span)))


def read_sums(span: Span) -> Sums:
    """The figures of the session's school by form and by day, as its page reads them from the summaries."""
    everyone = Reach(everyone=True)
    by_form = {one.form_id or 0: one.figures.sums for one in figures_by_form(db.session, everyone, span)}
    return by_form, {on: one.sums for on, one in figures_by_day(db.session, everyone, span).items()}


def counted_sums(span: Span) -> Sums:
    """The same, counted from registers, marks, incidents, alerts and cases."""
    by_form: dict[int, Counter[str]] = {}
    by_day: dict[date, Counter[str]] = {}
    for (on, place), figures in counted_days(db.session, span.first, span.last).items():
        by_form.setdefault(place, Counter()).update(figures)
        by_day.setdefault(on, Counter()).update(figures)
    return _whole(by_form), _whole(by_day)


def _whole(sums: Mapping[Key, Counter[str]]) -> dict[Key, dict[str, int]]:
    return {key: {name: found[name] for name in FIGURES} for key, found in sums.items()}
