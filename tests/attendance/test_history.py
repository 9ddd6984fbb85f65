"""The sums behind calendars and sparklines equal a slow recount, for whatever days and stretches."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from school_app.alerts.facts import AttendanceCategory, SessionFact
from school_app.attendance.history import History, Share

FIRST = date(2026, 1, 5)
categories = st.one_of(st.none(), st.sampled_from(list(AttendanceCategory)))
stretches = st.one_of(st.none(), st.integers(-5, 45))


@given(st.dictionaries(st.integers(0, 40), st.lists(categories, max_size=2)), stretches, stretches)
def test_a_share_equals_a_recount(
    days: dict[int, list[AttendanceCategory | None]], first: int | None, last: int | None
) -> None:
    facts = [
        [
            SessionFact(FIRST + timedelta(number), part, one)
            for part, one in zip(("AM", "PM"), days[number], strict=False)
        ]
        for number in sorted(days)
    ]
    start, end = (None if one is None else FIRST + timedelta(one) for one in (first, last))
    inside = [
        fact for day in facts for fact in day if (start is None or fact.on >= start) and (end is None or fact.on <= end)
    ]
    counted = [fact for fact in inside if fact.is_counted]
    assert History(facts).share(start, end) == Share(
        len(counted), sum(fact.is_absent for fact in counted), sum(fact.category is None for fact in inside)
    )
