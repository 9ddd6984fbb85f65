"""How numbers are written in sentences."""

from __future__ import annotations

import pytest

from school_app.core.words import counted


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows"), (12_345_678, "12,345,678 rows")],
)
def test_only_one_is_not_many(number: int, said: str) -> None:
    assert counted(number, "row") == said
