"""Pooled connections: what is said to the server beside the statements, and what becomes of those that it has left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from pymysql.connections import Connection
from sqlalchemy import text

from school_app.config import Settings
from school_app.core.db import db, pooled
from school_app.core.db.engines import unhurried_engine
from tests import databases, worlds
from tests.factories import TwoSchools
from tests.visits import log_in

PING = 14


@pytest.fixture(scope="module")
def small(settings: Settings) -> Iterator[tuple[Flask, TwoSchools]]:
    """An app with one connection, and its two schools."""
    with databases.app_of_its_own(settings, "pooled", pool_size=1, pool_overflow=0) as app:
        with app.app_context():
            schools = worlds.keep_two_schools(db.session)
            db.session.remove()
        yield app, schools


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Every command that is sent to the server from now on, with its first word."""
    found: list[tuple[int, str]] = []
    send = Connection._execute_command

    def told(self: Any, command: int, sql: Any) -> None:
        words = sql if isinstance(sql, str) else bytes(sql).decode()
        found.append((command, words.split(" ")[0]))
        send(self, command, sql)

    monkeypatch.setattr(Connection, "_execute_command", told)
    return found


def one_connection(app: Flask) -> int:
    """The number that the server gives the app's one connection, which is in the pool again afterwards."""
    with app.app_context(), db.engine.connect() as connection:
        return int(connection.execute(text("SELECT CONNECTION_ID()")).scalar_one())


def kill(app: Flask, number: int) -> None:
    with unhurried_engine(app.config["FORMROOM"]).connect() as connection:
        connection.execute(text(f"KILL {number}"))


def test_a_page_says_its_statements_and_one_rollback(
    small: tuple[Flask, TwoSchools], said: list[tuple[int, str]]
) -> None:
    app, schools = small
    client = log_in(app.test_client(), schools.ours.form_master)
    assert client.get("/students").status_code == 200
    said.clear()
    assert client.get("/students").status_code == 200
    assert [command for command, _ in said if command == PING] == []
    assert [word for _, word in said].count("ROLLBACK") == 1
    assert {word for _, word in said} == {"SELECT", "ROLLBACK"}


def test_a_connection_that_the_server_has_left_is_made_anew_and_nobody_sees_it(
    small: tuple[Flask, TwoSchools],
) -> None:
    app, schools = small
    client = log_in(app.test_client(), schools.ours.form_master)
    number = one_connection(app)
    kill(app, number)
    assert client.get("/students").status_code == 200
    assert one_connection(app) != number


def test_a_connection_that_was_silent_for_long_is_asked_after(
    small: tuple[Flask, TwoSchools], said: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = small
    one_connection(app)
    monkeypatch.setattr(pooled, "SILENT_SECONDS", 0)
    said.clear()
    one_connection(app)
    assert said[0][0] == PING


def test_what_a_raw_connection_left_undone_is_rolled_back(small: tuple[Flask, TwoSchools]) -> None:
    app, schools = small
    school_id = schools.ours.school.id
    with app.app_context():
        raw: Any = db.engine.raw_connection()
        raw.cursor().execute("UPDATE school SET name = 'Other' WHERE id = %s", [school_id])
        raw.close()
        with db.engine.connect() as connection:
            name = connection.execute(text("SELECT name FROM school WHERE id = :id"), {"id": school_id}).scalar_one()
    assert name != "Other"
