"""Who reads the history in these tests, and where its exports lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from school_app.history import exports
from tests.factories import TwoSchools
from tests.visits import log_in


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are written forty rows at a time."""
    monkeypatch.setattr(exports, "CHUNK", 40)


@pytest.fixture
def auditor(client: Any, session: Any, two_schools: TwoSchools) -> Any:
    """The browser of our school's auditor."""
    session.commit()
    return log_in(client, two_schools.ours.auditor)


@pytest.fixture
def folder(settings: Any) -> Iterator[Path]:
    """Where the files lie; empty before and after."""
    path: Path = settings.data_dir / exports.FOLDER
    yield path
    for one in path.iterdir() if path.is_dir() else ():
        one.unlink()
