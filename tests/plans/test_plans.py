"""On filled tables none of the pages' queries scans a table: the server's own plan of each statement says so."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from school_app.core.db import db
from tests.visits import log_in

# Tables in which a school has so many rows that reading them all would be felt.
LARGE = {
    "alert",
    "alert_decision",
    "assessment_result",
    "attendance_mark",
    "audit_log",
    "audit_log_archive",
    "case_event",
    "case_step",
    "enrolment",
    "incident",
    "intervention_case",
    "note",
    "register",
    "student",
    "student_name_entry",
}
PAGES = {
    "form_master": (
        "/",
        "/alerts",
        "/alerts?whose=mine",
        "/cases?whose=mine",
        "/cases/{case}",
        "/students",
        "/students/{student}",
        "/incidents",
    ),
    "head": ("/", "/alerts?late=yes", "/cases?late=yes", "/search?q=family", "/search?q=g"),
    "admin": ("/", "/search?q=family", "/search?q=given1%20f", "/cases?whose=hand_over"),
    "auditor": (
        "/audit",
        "/audit?student={student}",
        "/audit?actor={actor}",
        "/audit?event=row.changed",
        "/audit?thing=student",
        "/audit?thing=student&entity={student}",
        "/audit?whom=given",
        "/audit?from=2020-01-01",
    ),
}


def plans(app: Flask, account: Any, path: str) -> list[tuple[str, str, str | None, str]]:
    """Each large table that a page reads: its name, the way it is read, by which index, about how many rows."""
    client = log_in(app.test_client(), account)
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if statement.lstrip("( ").startswith("SELECT"):
            seen.append((statement, parameters))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    found = []
    raw = engine.raw_connection()
    try:
        with raw.cursor() as cursor:
            for statement, parameters in seen:
                cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters)
                names = [column[0] for column in cursor.description]
                for row in cursor.fetchall():
                    step = dict(zip(names, row, strict=True))
                    found.append((str(step["table"]), str(step["type"]), step["key"], str(step["rows"])))
    finally:
        raw.close()
    return found


@pytest.mark.parametrize(("who", "path"), [(who, path) for who, paths in PAGES.items() for path in paths])
def test_no_page_reads_a_whole_table(filled: tuple[Flask, dict[str, Any]], who: str, path: str) -> None:
    app, named = filled
    found = plans(app, named[who], path.format(**named))
    scanned = [step for step in found if step[0] in LARGE and step[1] in ("ALL", "index")]
    assert scanned == []
    # The positive control: the page does read one of the large tables.
    assert {step[0] for step in found} & LARGE


def test_a_statement_without_an_index_is_told_as_such(filled: tuple[Flask, dict[str, Any]]) -> None:
    app, _ = filled
    with app.app_context():
        raw = db.engine.raw_connection()
    try:
        with raw.cursor() as cursor:
            cursor.execute("EXPLAIN FORMAT=TRADITIONAL SELECT * FROM student WHERE middle_name = 'x'")
            names = [column[0] for column in cursor.description]
            step = dict(zip(names, cursor.fetchone(), strict=True))
    finally:
        raw.close()
    assert step["type"] == "ALL"
