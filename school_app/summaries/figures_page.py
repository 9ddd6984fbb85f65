"""What the page of figures shows: each form's figures of a period beside those before, and all of them together.

summaries.routes alone uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session, scoped_session

from school_app.core.figures import tenths
from school_app.core.pages import day
from school_app.students.access import Reach
from school_app.summaries.periods import DAY, WEEK, Period, Span
from school_app.summaries.queries import (
    Figures,
    FormFigures,
    Standing,
    figures_by_day,
    figures_by_form,
    standing,
    together,
)

AnySession = Session | scoped_session[Any]
# Beyond so many days a line of days is drawn by weeks.
MOST_POINTS = 45


@dataclass(frozen=True, slots=True)
class FormRow:
    """A form in the table: its figures, and those before."""

    form: FormFigures
    before: Figures

    @property
    def change(self) -> Decimal | None:
        """Points of attendance more than before; None where either is not known."""
        return change(self.form.figures, self.before)


@dataclass(frozen=True, slots=True)
class FiguresPage:
    """The forms by name, all of them together, and attendance over the period, oldest first."""

    rows: Sequence[FormRow]
    total: Figures
    before: Figures
    points: Sequence[tuple[date, float | None]]
    by_week: bool
    standing: Standing

    @property
    def change(self) -> Decimal | None:
        """Points of attendance more than before; None where either is not known."""
        return change(self.total, self.before)

    @property
    def drawn(self) -> list[tuple[str, float | None]]:
        """The line's points with their days in words."""
        return [(day(on), value) for on, value in self.points]

    @property
    def lowest(self) -> int:
        """From which percentage the line is drawn, in steps of ten."""
        known = [value for _, value in self.points if value is not None]
        return int(min([70, *known]) // 10 * 10)


def figures_page(session: AnySession, reach: Reach, period: Period) -> FiguresPage:
    """The page of a period; five statements, or four where there is nothing before it. None reads a raw row."""
    found = figures_by_form(session, reach, period.shown)
    before = [] if period.before is None else figures_by_form(session, reach, period.before)
    by_form = {one.form_id: one.figures for one in before}
    days = figures_by_day(session, reach, period.shown)
    by_week = (period.shown.last - period.shown.first).days > MOST_POINTS
    return FiguresPage(
        [FormRow(one, by_form.get(one.form_id, Figures())) for one in found],
        together(one.figures for one in found),
        together(by_form.values()),
        points=list(_weeks(days, period.shown)) if by_week else [(on, _percent(one)) for on, one in days.items()],
        by_week=by_week,
        standing=standing(session, reach, period.shown),
    )


def change(now: Figures, before: Figures) -> Decimal | None:
    """Points of attendance more than before; None where either is not known."""
    return None if now.percent is None or before.percent is None else tenths(now.percent - before.percent)


def _weeks(days: dict[date, Figures], span: Span) -> list[tuple[date, float | None]]:
    monday = span.first - span.first.weekday() * DAY
    found = []
    while monday <= span.last:
        found.append((monday, _percent(together(one for on, one in days.items() if monday <= on < monday + WEEK))))
        monday += WEEK
    return found


def _percent(figures: Figures) -> float | None:
    return None if figures.percent is None else float(figures.percent)
