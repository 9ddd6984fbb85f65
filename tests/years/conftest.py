"""A school with a year that is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from school_app.years import moving
from tests.factories import TwoSchools
from tests.years.past import Past, past_year


@pytest.fixture
def past(session: Any, two_schools: TwoSchools) -> Past:
    """A year of our school that is over."""
    return past_year(session, two_schools.ours)


@pytest.fixture
def _known_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits until every page knows that a year is closed."""
    monkeypatch.setattr(moving, "KNOWN_AFTER", timedelta(0))
