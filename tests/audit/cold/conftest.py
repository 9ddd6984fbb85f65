"""Fixtures of cold storage: a folder for each test, and a database of its own in which commits are real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from school_app.audit.cold.store import Folder
from school_app.config import ColdSettings, Settings
from school_app.core.db import db
from school_app.core.tenancy import all_schools, enter_school
from tests.audit.cold.kept import FIRST_ID, archive, old_rows, years_ago
from tests.databases import app_of_its_own
from tests.factories import TwoSchools


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "cold")


@pytest.fixture
def owners(two_schools: TwoSchools) -> list[int | None]:
    """Whose rows there are: two schools', and the platform's."""
    return [two_schools.ours.school.id, two_schools.theirs.school.id, None]


@pytest.fixture
def at_work(session: Any, two_schools: TwoSchools) -> Iterator[Any]:
    """The session as a job has it: in no school, and across all of them."""
    enter_school(session, None)
    with all_schools(session):
        yield session


@pytest.fixture
def two_years(at_work: Any, owners: list[int | None]) -> Any:
    """That session, and two years of each owner in the archive."""
    archive(at_work, old_rows(years_ago(4), owners))
    archive(at_work, old_rows(years_ago(3), owners, first_id=FIRST_ID + 1000))
    return at_work


@pytest.fixture(scope="module")
def apart(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An app over a database and a folder of its own, for what has to commit."""
    with app_of_its_own(settings, "cold", cold=ColdSettings(folder=tmp_path_factory.mktemp("cold"))) as app:
        yield app


@pytest.fixture
def committed(apart: Flask) -> Iterator[Any]:
    """A session of that database, inside all_schools()."""
    with apart.app_context(), all_schools(db.session):
        yield db.session
        db.session.rollback()
