"""Fixtures of cold storage: a folder for each test, and a database of its own in which commits are real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.audit.cold.store import Folder
from school_app.config import ColdSettings, Settings
from school_app.core.db import db
from tests.factories import ListQueue


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "cold")


@pytest.fixture(scope="module")
def apart(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An app over a database and a folder of its own, for what has to commit."""
    url = make_url(settings.database_url)
    own = url.set(database=f"{url.database}_cold").render_as_string(hide_password=False)
    if database_exists(own):
        drop_database(own)
    create_database(own, encoding="utf8mb4")
    folder = tmp_path_factory.mktemp("cold")
    app = create_app(replace(settings, database_url=own, cold=ColdSettings(folder=folder)))
    app.extensions["formroom.queue"] = ListQueue()
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        db.engine.dispose()
    drop_database(own)


@pytest.fixture
def committed(apart: Flask) -> Iterator[Any]:
    """A session of that database, inside all_schools()."""
    from school_app.core.tenancy import all_schools

    with apart.app_context(), all_schools(db.session):
        yield db.session
        db.session.rollback()
