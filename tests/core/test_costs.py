"""Each request says in one line of the log, and to operators in a header, what it cost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from school_app.core import logs
from tests.factories import TwoSchools
from tests.visits import log_in, send


@pytest.fixture
def reached(connection: Any) -> Iterator[list[str]]:
    """Every statement that reaches the database, those around savepoints too."""
    seen: list[str] = []

    def note(_: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


def requests_logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == "request"]


def test_a_request_logs_its_page_its_school_and_its_statements(
    client: FlaskClient, two_schools: TwoSchools, reached: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    log_in(client, two_schools.ours.form_master)
    capsys.readouterr()
    reached.clear()
    answer = client.get("/search?q=Lovelace")
    [line] = requests_logged(capsys)
    assert line["endpoint"] == "students.search"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["school_id"] == two_schools.ours.school.id
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["statements"] == len(reached) > 0
    assert 0 < line["database_milliseconds"] < line["milliseconds"]
    assert "Lovelace" not in json.dumps(line)


def test_a_request_after_another_school_s_in_the_same_thread_says_nothing_of_it(
    client: FlaskClient, two_schools: TwoSchools, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    log_in(client, two_schools.ours.form_master)
    client.get("/")
    client.delete_cookie("formroom_session")
    capsys.readouterr()
    client.get("/no/such/page")
    [line] = requests_logged(capsys)
    assert "school_id" not in line
    assert (line["endpoint"], line["status"]) == ("none", 404)


def test_static_files_leave_no_line_in_the_log(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    with client.get("/static/css/tokens.css") as answer:
        assert answer.status_code == 200
    assert requests_logged(capsys) == []


def test_an_operator_is_told_in_a_header_what_a_page_cost(
    client: FlaskClient, two_schools: TwoSchools, reached: list[str]
) -> None:
    log_in(client, two_schools.operator)
    reached.clear()
    said = client.get("/platform/schools").headers["Server-Timing"]
    found = re.fullmatch(r'db;dur=([\d.]+);desc="(\d+) statements", total;dur=([\d.]+)', said)
    assert found is not None, said
    # What ends the transaction comes after the header has been written.
    assert int(found[2]) == len([one for one in reached if not one.startswith("ROLLBACK")])
    assert 0 < float(found[1]) < float(found[3])


def test_an_operator_inside_a_school_is_told_as_well_and_its_staff_are_not(
    app: Any, client: FlaskClient, two_schools: TwoSchools
) -> None:
    log_in(client, two_schools.operator)
    send(client, f"/platform/schools/{two_schools.ours.school.id}/enter", reason="To see why it is slow.")
    assert "Server-Timing" in client.get("/").headers
    for person in (two_schools.ours.admin, two_schools.ours.auditor, two_schools.ours.form_master):
        own = log_in(app.test_client(), person)
        for path in ("/", "/password", "/platform/schools", "/no/such/page"):
            assert "Server-Timing" not in own.get(path).headers
    assert "Server-Timing" not in app.test_client().get("/login").headers
