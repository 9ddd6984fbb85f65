"""A period is shown up to the present day, beside as many days of the one before."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from school_app.summaries.periods import (
    Named,
    PeriodKind,
    Span,
    day_period,
    month_period,
    named_period,
    week_period,
)

WEDNESDAY = date(2026, 3, 11)
TERMS = [
    Named("Autumn", Span(date(2025, 9, 1), date(2025, 12, 19))),
    Named("Spring", Span(date(2026, 1, 5), date(2026, 3, 27))),
]
days = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def test_a_day_stands_beside_the_school_day_before() -> None:
    friday, monday = date(2026, 3, 6), date(2026, 3, 9)
    found = day_period(monday, day_before=friday, today=WEDNESDAY)
    assert (found.shown, found.before) == (Span(monday, monday), Span(friday, friday))
    assert (found.earlier, found.later) == (friday, date(2026, 3, 10))
    assert day_period(WEDNESDAY, day_before=None, today=WEDNESDAY).later is None


def test_the_present_week_and_month_stand_beside_as_many_days_before() -> None:
    week = week_period(WEDNESDAY, today=WEDNESDAY)
    assert (week.shown, week.before) == (
        Span(date(2026, 3, 9), WEDNESDAY),
        Span(date(2026, 3, 2), date(2026, 3, 4)),
    )
    month = month_period(WEDNESDAY, today=WEDNESDAY)
    assert (month.shown, month.before) == (
        Span(date(2026, 3, 1), WEDNESDAY),
        Span(date(2026, 2, 1), date(2026, 2, 11)),
    )


def test_a_month_that_is_over_stands_beside_the_whole_of_the_one_before() -> None:
    found = month_period(date(2026, 2, 3), today=WEDNESDAY)
    assert found.shown == Span(date(2026, 2, 1), date(2026, 2, 28))
    assert found.before == Span(date(2026, 1, 1), date(2026, 1, 31))


def test_a_longer_month_is_never_compared_with_days_of_its_own() -> None:
    found = month_period(date(2026, 3, 30), today=date(2026, 3, 30))
    assert found.before == Span(date(2026, 2, 1), date(2026, 2, 28))


def test_a_term_under_way_stands_beside_as_many_days_of_the_term_before() -> None:
    found = named_period(PeriodKind.TERM, TERMS, WEDNESDAY, today=WEDNESDAY)
    assert found is not None
    assert found.shown == Span(date(2026, 1, 5), WEDNESDAY)
    assert found.before == Span(date(2025, 9, 1), date(2025, 11, 5))
    assert (found.name, found.before_name) == ("Spring", "Autumn")


def test_between_terms_the_last_one_is_shown_whole_and_before_the_first_there_is_none() -> None:
    holidays = named_period(PeriodKind.TERM, TERMS, date(2025, 12, 27), today=date(2025, 12, 27))
    assert holidays is not None
    assert (holidays.shown, holidays.before) == (TERMS[0].span, None)
    assert named_period(PeriodKind.TERM, TERMS, date(2025, 8, 1), today=WEDNESDAY) is None


@given(days, days)
def test_no_period_reaches_into_the_days_to_come_or_into_the_one_before(one: date, other: date) -> None:
    on, today = min(one, other), max(one, other)
    for found in (week_period(on, today=today), month_period(on, today=today)):
        assert found.shown.first <= on <= found.shown.last <= today
        assert found.before is not None
        assert found.before.first <= found.before.last < found.shown.first
        assert found.earlier is not None
        assert found.earlier < found.shown.first
        assert found.later is None or found.shown.last < found.later <= today
