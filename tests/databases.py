"""Databases of their own, for tests that commit, change tables or are killed; each is gone afterwards.

Migrations build the first database of a test run. Those that follow are copies of its tables, which takes a tenth of
the time; tests of the migrations themselves begin with an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import Base, db
from school_app.core.db.engines import unhurried_engine
from tests.factories import ListQueue

IDS_APART = 10_000
# What makes the tables of a migrated database, and their rows, on a server; and the embedded database as a file.
_COPIES: dict[str, list[tuple[str, tuple[Any, ...]]]] = {}
_EMBEDDED: list[bytes] = []


@contextmanager
def database_of_its_own(settings: Settings, name: str) -> Iterator[Settings]:
    """The settings of an empty database on the same server."""
    url = make_url(settings.database_url)
    own = replace(settings, database_url=_text(url.set(database=f"{url.database}_{name}")))
    begin_anew(own)
    try:
        yield own
    finally:
        drop_database(own.database_url)


@contextmanager
def app_of_its_own(settings: Settings, name: str, **changes: Any) -> Iterator[Flask]:
    """An app over a database of its own that has its tables; `changes` are of its settings."""
    with database_of_its_own(settings, name) as own:
        app = create_app(replace(own, **changes))
        app.extensions["formroom.queue"] = ListQueue()
        build(app)
        try:
            yield app
        finally:
            with app.app_context():
                db.engine.dispose()


@contextmanager
def embedded_app(settings: Settings, folder: Path) -> Iterator[Flask]:
    """An app over SQLite, with its tables."""
    path = folder / "embedded.sqlite3"
    if _EMBEDDED:
        path.write_bytes(_EMBEDDED[0])
    app = create_app(replace(settings, database_url=f"sqlite:///{path}"))
    if not _EMBEDDED:
        with app.app_context():
            upgrade()
            db.engine.dispose()
        _EMBEDDED.append(path.read_bytes())
    yield app
    with app.app_context():
        db.engine.dispose()


def begin_anew(settings: Settings) -> None:
    """Make an empty database; one of that name, which a run that was killed has left, goes."""
    if database_exists(settings.database_url):
        drop_database(settings.database_url)
    create_database(settings.database_url, encoding="utf8mb4")


def build(app: Flask) -> None:
    """Give an empty database its tables, as migrations build them."""
    settings: Settings = app.config["FORMROOM"]
    server = _text(make_url(settings.database_url).set(database=None))
    if server not in _COPIES:
        with app.app_context():
            upgrade()
            db.engine.dispose()
    engine = unhurried_engine(settings)
    with engine.begin() as connection:
        if server in _COPIES:
            _make(connection, _COPIES[server])
        else:
            _COPIES[server] = list(_made_by(connection))


def number_apart(app: Flask) -> None:
    """Let each table's ids begin elsewhere, so that an id of one is never that of another."""
    with unhurried_engine(app.config["FORMROOM"]).begin() as connection:
        for place, table in enumerate(Base.metadata.sorted_tables, start=1):
            if table.autoincrement_column is not None:
                connection.exec_driver_sql(f"ALTER TABLE `{table.name}` AUTO_INCREMENT = {place * IDS_APART}")


def _text(url: Any) -> str:
    return str(url.render_as_string(hide_password=False))


def _made_by(connection: Connection) -> Iterator[tuple[str, tuple[Any, ...]]]:
    tables = connection.exec_driver_sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'").scalars().all()
    for table in tables:
        yield str(connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1]), ()
        for row in connection.exec_driver_sql(f"SELECT * FROM `{table}`"):
            yield f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(row))})", tuple(row)


def _make(connection: Connection, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
    # Tables come by their names, so some point to others that are not there yet.
    connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    for statement, values in statements:
        if values:
            connection.exec_driver_sql(statement, values)
        else:
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
