"""Two generated schools, which the tests of this folder read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Connection

from school_app.config import Settings
from school_app.core.db.engines import unhurried_engine
from tests import databases
from tests.demo.generating import AUDIT, SCHOOLS, STUDENTS, generate


@pytest.fixture(scope="package")
def generated(settings: Settings) -> Iterator[Flask]:
    """An app over two small schools of two years, as they stand today."""
    with databases.app_of_its_own(settings, "generated") as app:
        done = generate(app, schools=SCHOOLS, students=STUDENTS, years=2, audit=AUDIT)
        assert done.exit_code == 0, done.output
        app.extensions["test.output"] = done.output
        yield app


@pytest.fixture
def plain(generated: Flask) -> Iterator[Connection]:
    """A connection past the session's guards."""
    engine = unhurried_engine(generated.config["FORMROOM"])
    with engine.connect() as connection:
        yield connection
    engine.dispose()
