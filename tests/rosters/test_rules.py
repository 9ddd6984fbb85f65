"""A student is in one form at a time, whatever rosters say one after the other, and what was recorded is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from school_app.rosters.rules import Moves, Stay, moves

TODAY = date(2026, 3, 10)
FIRST = date(2025, 9, 1)
A, B, C = 1, 2, 3


def on(days: int) -> date:
    """A day so many days from today."""
    return TODAY + timedelta(days=days)


def listed(form: int, first: date, last: date | None = None, row: str = "e1", line: int = 2) -> Stay:
    return Stay(form, first, last, row, line=line)


def kept(form: int, first: date, last: date | None = None, row: str = "e1", id_: int = 1) -> Stay:
    return Stay(form, first, last, row, id=id_)


def after(kept: list[Stay], found: Moves) -> list[Stay]:
    """What is kept once the moves are carried out; new stays get ids of their own."""
    changed = {one.id for one in (*found.ended, *found.removed, *found.stays)}
    fresh = max((one.id for one in kept), default=0)
    stays = [one for one in kept if one.id not in changed] + found.ended
    for number, one in enumerate(found.stays):
        stays.append(replace(one, line=0, id=one.id or fresh + number + 1))
    return sorted(stays, key=lambda one: (one.starts_on, one.id))


def spans(stays: list[Stay]) -> list[tuple[int, date, date | None]]:
    return [(one.form_id, one.starts_on, one.ends_on) for one in stays]


@pytest.mark.parametrize(
    ("before", "roster", "then"),
    [
        # The new place begins on a day: the old one ends the day before, also where that day is past or to come.
        ([kept(A, FIRST)], [listed(B, on(-20), row="e2")], [(A, FIRST, on(-21)), (B, on(-20), None)]),
        ([kept(A, FIRST)], [listed(B, TODAY, row="e2")], [(A, FIRST, on(-1)), (B, TODAY, None)]),
        ([kept(A, FIRST)], [listed(B, on(9), row="e2")], [(A, FIRST, on(8)), (B, on(9), None)]),
        # The new place says that it has always been: what was recorded stays, and it counts from today.
        ([kept(A, FIRST)], [listed(B, FIRST, row="e2")], [(A, FIRST, on(-1)), (B, TODAY, None)]),
        ([kept(A, FIRST)], [listed(B, FIRST, row="e1")], [(A, FIRST, on(-1)), (B, TODAY, None)]),
        # No new place: the old one ends yesterday.
        ([kept(A, FIRST)], [], [(A, FIRST, on(-1))]),
        # A place that was only to begin is taken away.
        ([kept(A, FIRST), kept(B, on(5), row="e2", id_=2)], [listed(A, FIRST)], [(A, FIRST, None)]),
        ([kept(A, TODAY)], [listed(B, TODAY, row="e2")], [(B, TODAY, None)]),
        # Two are listed at once: the later one counts from its first day.
        (
            [],
            [listed(A, FIRST), listed(B, on(-9), row="e2", line=3)],
            [(A, FIRST, on(-10)), (B, on(-9), None)],
        ),
        ([], [listed(A, FIRST), listed(B, FIRST, row="e2", line=3)], [(B, FIRST, None)]),
        # Whoever comes back to the same place is in it again; somebody who was elsewhere in between comes anew.
        ([kept(A, FIRST, on(-30))], [listed(A, FIRST)], [(A, FIRST, None)]),
        (
            [kept(A, FIRST, on(-31)), kept(B, on(-30), row="e2", id_=2)],
            [listed(A, FIRST)],
            [(A, FIRST, on(-31)), (B, on(-30), on(-1)), (A, TODAY, None)],
        ),
        # Another year: last year's place is not listed any longer, and stays as it was.
        (
            [kept(A, FIRST, on(-40))],
            [listed(B, on(-30), row="e9")],
            [(A, FIRST, on(-40)), (B, on(-30), None)],
        ),
        # The same place under another row, or of another first day.
        ([kept(A, FIRST)], [listed(A, FIRST, row="x9")], [(A, FIRST, None)]),
        ([kept(A, FIRST)], [listed(A, on(-50))], [(A, on(-50), None)]),
        # Two that were kept at once before this rule.
        (
            [kept(A, FIRST), kept(B, on(-9), row="e2", id_=2)],
            [listed(B, on(-9), row="e2")],
            [(A, FIRST, on(-10)), (B, on(-9), None)],
        ),
        (
            [kept(A, FIRST), kept(B, on(-9), row="e2", id_=2)],
            [],
            [(A, FIRST, on(-10)), (B, on(-9), on(-1))],
        ),
    ],
)
def test_a_student_who_moves_is_in_one_form_at_a_time(
    before: list[Stay], roster: list[Stay], then: list[tuple[int, date, date | None]]
) -> None:
    found = after(before, moves(roster, before, today=TODAY))
    assert spans(found) == then
    again = moves(roster, found, today=TODAY)
    assert (again.ended, again.removed, spans(after(found, again))) == ([], [], then)


def test_the_lines_that_gave_way_are_named() -> None:
    found = moves([listed(A, FIRST, line=4), listed(B, on(-9), row="e2", line=3)], [], today=TODAY)
    assert (found.cut, found.form_id) == ([4], B)


@pytest.mark.parametrize(
    ("before", "roster", "form"),
    [
        ([kept(A, FIRST)], [listed(B, on(9), row="e2")], A),
        ([], [listed(A, FIRST, on(-5)), listed(B, on(9), row="e2")], B),
        ([], [listed(A, FIRST, on(-5))], A),
        ([kept(A, FIRST)], [], None),
    ],
)
def test_the_present_form_is_todays_else_the_latest_that_is_listed(
    before: list[Stay], roster: list[Stay], form: int | None
) -> None:
    assert moves(roster, before, today=TODAY).form_id == form


@some.composite
def rosters(draw: some.DrawFn) -> list[Stay]:
    found = []
    for line in range(draw(some.integers(0, 4))):
        first = draw(some.integers(-30, 30))
        last = draw(some.none() | some.integers(first, first + 40))
        row = draw(some.sampled_from(("e1", "e2", "e3", "e4")))
        found.append(
            listed(draw(some.sampled_from((A, B, C))), on(first), None if last is None else on(last), row, line)
        )
    return found


@given(some.lists(some.tuples(rosters(), some.integers(0, 10)), min_size=1, max_size=5))
def test_no_rosters_one_after_the_other_put_a_student_into_two_forms_on_one_day(
    nights: list[tuple[list[Stay], int]],
) -> None:
    stays: list[Stay] = []
    today = on(-10)
    for roster, later in nights:
        today += timedelta(days=later)
        before = [one for one in stays if one.last < today]
        stays = after(stays, moves(roster, stays, today=today))
        for one, other in pairwise(stays):
            assert one.last < other.starts_on
        assert all(one.starts_on <= one.last for one in stays)
        assert len({(one.form_id, one.starts_on) for one in stays}) == len(stays)
        again = moves(roster, stays, today=today)
        assert (again.ended, again.removed) == ([], [])
        assert after(stays, again) == stays
        if not roster:
            assert [one for one in stays if one in before] == before
