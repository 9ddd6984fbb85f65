"""A database of its own for tests of archive runs that commit, change partitions or are killed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask_migrate import upgrade
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db
from tests.audit.places import Place, make_place
from tests.factories import ListQueue


@pytest.fixture(scope="session")
def _place(settings: Settings) -> Iterator[Place]:
    url = make_url(settings.database_url)
    own = url.set(database=f"{url.database}_audit").render_as_string(hide_password=False)
    if database_exists(own):
        drop_database(own)
    create_database(own, encoding="utf8mb4")
    app = create_app(replace(settings, database_url=own))
    app.extensions["formroom.queue"] = ListQueue()
    with app.app_context():
        upgrade()
    place = make_place(app)
    yield place
    place.engine.dispose()
    with app.app_context():
        db.engine.dispose()
    drop_database(own)


@pytest.fixture
def place(_place: Place) -> Place:
    """The audit log of a database of its own, empty."""
    _place.empty()
    return _place
