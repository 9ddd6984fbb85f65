"""Percentages by one rule: cut to one decimal, and attendance is what absence leaves of 100."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_app.alerts.facts import AttendanceFacts
from school_app.alerts.rules.attendance import chronic_absence
from school_app.alerts.rules.decision import Decision
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.history import Share
from school_app.core.figures import attended, percent, tenths
from school_app.core.pages import percent as printed

NBSP = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Fraction(996, 100), "9.9"), (31.6, "31.6"), (Decimal("49.99"), "49.9"), (10, "10.0"), (Fraction(-1, 3), "−0.3")],
)
def test_a_percentage_is_cut_to_one_decimal(value: Fraction | float | Decimal, shown: str) -> None:
    assert percent(value) == printed(value) == f"{shown}{NBSP}%"


@given(st.integers(1, 400), st.data())
def test_attendance_and_absence_add_up_as_they_are_written(counted: int, data: st.DataObject) -> None:
    absent = data.draw(st.integers(0, counted))
    assert attended(absent, counted) + tenths(Fraction(100 * absent, counted)) == 100
    assert printed(Share(counted, absent).percent) == f"{attended(absent, counted)}{NBSP}%"


@given(st.integers(0, 1000), st.fractions(0, 100))
def test_a_figure_stands_on_the_same_side_of_a_cut_point_as_what_it_is_of(cut: int, value: Fraction) -> None:
    point = Fraction(cut, 10)
    assert (tenths(value) >= point) == (value >= point)


def test_an_alert_and_a_page_say_the_same_of_one_student() -> None:
    facts = AttendanceFacts(
        date(2026, 11, 21),
        "1",
        sessions_counted=92,
        sessions_absent=63,
        sessions_absent_unexcused=63,
        sessions_late=0,
        sessions_unknown=0,
        days_counted=92,
    )
    found = chronic_absence(facts, Thresholds())
    assert isinstance(found, Decision)
    assert f"68.4{NBSP}% this year" in found.reason
    assert printed(Share(92, 63).percent) == f"31.6{NBSP}%"
