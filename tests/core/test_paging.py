"""Cursors keep their kinds, and refuse what they did not write."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from school_app.core.paging import BadCursor, decode, encode, page


@given(
    some.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=some.just(UTC)), some.integers(0, 2**63 - 1)
)
def test_a_cursor_returns_the_key_it_was_made_from(moment: datetime, number: int) -> None:
    assert decode(encode(moment, number), datetime, int) == (moment, number)


def test_a_cursor_of_other_kinds_is_refused() -> None:
    with pytest.raises(BadCursor):
        decode(encode(date(2026, 5, 3), "Smith"), datetime, int)


@pytest.mark.parametrize(
    "parts",
    [
        "[" * 20_000,
        '[["t","0001-01-01T00:00:00+14:00"],["i",1]]',
        '[["t","9999-12-31T23:59:59-14:00"],["i",1]]',
        '[["s","\\ud800"],["i",1]]',
        '[["s",["a"]],["i",1]]',
        '[["d","0001-01-01"],["i",1]]',
        '[["i",true],["i",1]]',
    ],
)
def test_what_a_person_has_made_by_hand_is_refused(parts: str) -> None:
    text = base64.urlsafe_b64encode(parts.encode()).decode().rstrip("=")
    for kinds in ((datetime, int), (str, int), (date, int), (int, int)):
        with pytest.raises(BadCursor):
            decode(text, *kinds)


@given(some.text(max_size=60))
def test_no_text_does_anything_but_read_or_be_refused(text: str) -> None:
    try:
        key = decode(text, datetime, int)
    except BadCursor:
        return
    assert encode(*key)


def test_a_page_ends_with_a_cursor_only_where_there_are_more_rows() -> None:
    assert page([1, 2], 2, lambda row: (row,)).next is None
    cut = page([1, 2, 3], 2, lambda row: (row,))
    assert list(cut.rows) == [1, 2]
    assert decode(str(cut.next), int) == (2,)
