"""A database of its own for tests of archive runs that commit, change partitions or are killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from school_app.config import Settings
from tests.audit.places import Place, place_of_its_own


@pytest.fixture(scope="session")
def _place(settings: Settings) -> Iterator[Place]:
    with place_of_its_own(settings, "audit") as place:
        yield place


@pytest.fixture
def place(_place: Place) -> Place:
    """The audit log of a database of its own, empty."""
    _place.empty()
    return _place
