"""A slow statement is logged under a name that says what to look at, and without what was written into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from school_app.core import costs, logs, statements
from tests.databases import embedded_app
from tests.visits import attempt


@pytest.fixture
def every_statement_slow(settings: Any, tmp_path: Path) -> Iterator[Flask]:
    with embedded_app(replace(settings, slow_milliseconds=0), tmp_path) as app:
        yield app


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    yield made
    made.dispose()


def lines(capsys: pytest.CaptureFixture[str], event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT student.id FROM student JOIN form ON …", "select student"),
        ("SELECT id FROM (SELECT id FROM audit_log LIMIT 1) AS newest", "select audit_log"),
        ("INSERT INTO `mark` (a) VALUES (%s)", "insert mark"),
        ("UPDATE job_run SET status=%(status)s", "update job_run"),
        ("DELETE FROM note WHERE id = 1", "delete note"),
        ("SELECT 1", "select ?"),
        ("", "? ?"),
    ],
)
def test_a_statement_is_named_by_its_verb_and_its_first_table(statement: str, name: str) -> None:
    assert statements.named(statement) == name


@pytest.mark.parametrize(
    "value",
    ["'Ada Lovelace'", "'O\\'Brien Lovelace'", "'O''Brien Lovelace'", '"Lovelace"', "'Love\nlace'", "4711", "47.11"],
)
def test_what_was_written_into_a_statement_is_left_out(value: str) -> None:
    shown = statements.without_values(f"SELECT id FROM student WHERE name = {value} AND school_id = %(school_id_1)s")
    assert not any(part in shown for part in ("Love", "lace", "Ada", "Brien", "47"))
    assert shown.startswith("SELECT id FROM student WHERE name = ")
    assert shown.endswith(" AND school_id = %(school_id_1)s")


def test_a_long_list_of_values_is_told_by_its_first() -> None:
    places = ", ".join(f"%(id_1_{number})s" for number in range(500))
    assert statements.without_values(f"SELECT a FROM b WHERE id IN ({places})") == (
        "SELECT a FROM b WHERE id IN (%(id_1_0)s, …)"
    )


def test_only_what_takes_longer_is_logged(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    statements.watch(engine, 60_000)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert lines(capsys, "slow_statement") == []


def test_a_statement_that_was_ended_by_the_server_is_logged_too(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    statements.watch(engine, 0)
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT * FROM nothing_there"))
    [line] = lines(capsys, "slow_statement")
    assert (line["name"], line["failed"]) == ("select nothing_there", "OperationalError")


def test_a_slow_statement_of_a_page_says_which_page_function_and_request_and_no_value(
    every_statement_slow: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = attempt(every_statement_slow.test_client(), "ada.lovelace", "a wrong password")
    said = capsys.readouterr().err
    found = [json.loads(line) for line in said.splitlines() if '"slow_statement"' in line]
    line = next(line for line in found if line["name"] == "select account")
    assert line["endpoint"] == "accounts.login"
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["asked_by"].startswith("school_app.accounts.service._named:")
    assert line["milliseconds"] >= 0
    assert "FROM account" in line["statement"]
    assert "lovelace" not in said


def test_a_statement_is_put_down_to_the_request_it_serves_and_one_outside_to_none(engine: Engine) -> None:
    statements.watch(engine, 60_000)
    told: list[costs.Cost] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.execute(text("SELECT 2"))
        start_response("200 OK", [])
        return []

    measured = costs.Measured(application, lambda cost, status: told.append(cost))
    with engine.connect() as connection:
        connection.execute(text("SELECT 3"))
    measured({"REQUEST_METHOD": "GET"}, lambda *rest: lambda data: None)
    [cost] = told
    assert cost.statements == 2
    assert 0 < cost.database < cost.seconds


def test_an_error_of_the_database_does_not_tell_the_values_of_its_statement(session: Any) -> None:
    with pytest.raises(DBAPIError) as refused:
        session.get_bind().execute(text("SELECT * FROM nothing_there WHERE name = :name"), {"name": "Lovelace"})
    assert "nothing_there" in str(refused.value)
    assert "Lovelace" not in str(refused.value)
