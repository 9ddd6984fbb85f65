"""What the filters of the history refuse, and in which words."""

from __future__ import annotations

import pytest

from school_app.core.errors import DomainError
from school_app.history.filters import asked


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "0001-01-01", "to": "9999-12-31"}, "9999-12-31 lies outside the years 1900 to 2199"),
        ({"from": "0001-01-01"}, "0001-01-01 lies outside the years 1900 to 2199"),
        ({"from": "yesterday"}, "enter days such as 2026-05-17"),
    ],
)
def test_a_day_that_cannot_be_asked_for_is_refused_in_words_that_say_why(given: dict[str, str], said: str) -> None:
    with pytest.raises(DomainError, match=said):
        asked(given, "UTC")
