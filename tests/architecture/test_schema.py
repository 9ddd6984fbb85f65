"""The schema: one head, the same as the models, and every step can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import Base, db
from tests.databases import app_of_its_own, database_of_its_own


@pytest.fixture(scope="module")
def empty(settings: Settings) -> Iterator[Flask]:
    """An app over an empty database of its own."""
    with database_of_its_own(settings, "schema") as own:
        app = create_app(own)
        yield app
        with app.app_context():
            db.engine.dispose()


def differences(app: Flask) -> list[Any]:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [one for one in compare_metadata(context, Base.metadata) if not _is_an_index_of_a_key(one)]


def made(app: Flask) -> dict[str, list[str]]:
    """The lines of the statement that makes each table, as the server tells it, which sorts a table's keys."""
    with app.app_context(), db.engine.connect() as connection:
        told = {
            table: connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1]
            for table in inspect(connection).get_table_names()
        }
    return {table: sorted(line.rstrip(",") for line in text.splitlines()) for table, text in told.items()}


def _is_an_index_of_a_key(one: Any) -> bool:
    # The servers make an index for each foreign key that has none; it is not in the models.
    return isinstance(one, tuple) and one[0] == "remove_index" and str(one[1].name).startswith("fk_")


def test_there_is_one_head(app: Flask) -> None:
    assert len(ScriptDirectory("migrations").get_heads()) == 1


def test_the_migrated_schema_is_that_of_the_models(app: Flask) -> None:
    assert differences(app) == []


def test_every_migration_can_be_taken_back_and_taken_again(empty: Flask, settings: Settings, app: Flask) -> None:
    with empty.app_context():
        upgrade()
        downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade()
    assert differences(empty) == []
    # Tests work on copies of the tables that migrations build.
    with app_of_its_own(settings, "copied") as copied:
        assert made(copied) == made(empty)


def test_the_same_migrations_build_the_embedded_database(settings: Settings, tmp_path: Path) -> None:
    app = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'embedded.sqlite3'}"))
    with app.app_context():
        upgrade()
        assert set(Base.metadata.tables) <= set(inspect(db.engine).get_table_names())
        downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade()
        db.engine.dispose()
