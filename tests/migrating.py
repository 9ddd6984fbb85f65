"""Databases of earlier releases, for tests of what a migration does with the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db
from tests.databases import database_of_its_own

WHERE = ("server", "embedded")


@contextmanager
def release_at(revision: str, settings: Settings, folder: Path, *, where: str) -> Iterator[Flask]:
    """An app over a database that is migrated up to a revision, on the server or embedded; its context is entered."""
    embedded = nullcontext(replace(settings, database_url=f"sqlite:///{folder / 'earlier.sqlite3'}"))
    server = database_of_its_own(settings, f"earlier_{revision}")
    with embedded if where == "embedded" else server as own:
        app = create_app(own)
        with app.app_context():
            upgrade(revision=revision)
            yield app
            db.engine.dispose()


def put(connection: sa.Connection, into: str, /, **values: Any) -> int:
    """One row, its other columns as they are when nothing is known; its id."""
    table = sa.Table(into, sa.MetaData(), autoload_with=connection)
    filled = {column.name: 0 for column in table.columns if not column.nullable and column.name != "id"}
    return int(connection.execute(table.insert().values({**filled, **values})).inserted_primary_key[0])
