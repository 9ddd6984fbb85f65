"""Cases of earlier releases: what the audit log alone knew of them becomes their course."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from school_app.config import Settings
from school_app.core.db import db
from tests.migrating import WHERE, put, release_at

NOON = datetime(2026, 5, 17, 12)


@pytest.fixture(params=WHERE)
def before(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    """An app over a database of the release before."""
    with release_at("0012", settings, tmp_path, where=request.param) as app:
        yield app


def a_school(connection: sa.Connection) -> dict[str, int]:
    """A school with two people and a student."""
    school = put(connection, "school", slug="s", name="S", timezone="UTC", session_scheme="day", created_at=NOON)
    people = {
        name: put(
            connection,
            "account",
            school_id=school,
            login=name,
            given_name=name.title(),
            family_name="Person",
            status="active",
            created_at=NOON,
        )
        for name in ("ada", "bob")
    }
    student = put(
        connection, "student", school_id=school, given_name="P", family_name="Q", is_active=True, created_at=NOON
    )
    return {"school_id": school, "student_id": student, **people}


def a_case(connection: sa.Connection, known: dict[str, int], **values: Any) -> int:
    """A case as an earlier release kept it."""
    day = date(2026, 5, 1)
    found = {
        "school_id": known["school_id"],
        "student_id": known["student_id"],
        "assigned_to": known["bob"],
        "opened_by": known["ada"],
        "status": "open",
        "tier": 2,
        "goal": "Come daily.",
        "strategy": "Check in.",
        "monitoring": "weekly",
        "starts_on": day,
        "review_on": day,
        "confirmed_at": NOON,
        "created_at": NOON,
    }
    return put(connection, "intervention_case", **{**found, **values})


def log(connection: sa.Connection, table: str, known: dict[str, int], case_id: int, **values: Any) -> None:
    """A row of the audit log, or of its archive."""
    row = {
        "school_id": known["school_id"],
        "student_id": known["student_id"],
        "entity_type": "intervention_case",
        "entity_id": case_id,
        "actor_id": known["ada"],
        "actor_name": "Ada Person",
        **values,
    }
    if table == "audit_log_archive":
        row["id"] = 900 + case_id
    put(connection, table, **row)


def test_what_the_audit_log_knew_of_a_case_becomes_its_course_and_can_be_taken_back(before: Flask) -> None:
    with db.engine.begin() as connection:
        known = a_school(connection)
        raised = a_case(connection, known, status="closed", tier=3, closed_at=NOON, outcome_note="Came daily, since.")
        quiet = a_case(connection, known)
        later = [NOON + timedelta(days=number) for number in range(1, 6)]
        log(connection, "audit_log_archive", known, raised, event="case.extended", reason="More.", created_at=later[0])
        told = (("case.escalated", "No answer."), ("case.handed_over", "To Bob Person: Ring the aunt."))
        for (event, reason), moment in zip(told, later[1:3], strict=True):
            log(connection, "audit_log", known, raised, event=event, reason=reason, created_at=moment)
        log(connection, "audit_log", known, raised, event="case.closed", reason="improved: Came", created_at=later[3])
        # Of another kind, and of another thing with the same number.
        log(connection, "audit_log", known, raised, event="case.viewed", created_at=later[4])
        log(connection, "audit_log", known, raised, event="case.extended", entity_type="note", created_at=later[4])
    upgrade(revision="0013")
    with db.engine.connect() as connection:
        event = sa.Table("case_event", sa.MetaData(), autoload_with=connection)
        columns = (event.c.kind, event.c.text, event.c.tier, event.c.done_by_name, event.c.done_by)
        rows = {
            case: [
                tuple(row)
                for row in connection.execute(
                    sa.select(*columns).where(event.c.case_id == case).order_by(event.c.happened_at)
                )
            ]
            for case in (raised, quiet)
        }
    ada = ("Ada Person", known["ada"])
    assert rows[raised] == [
        ("opened", None, None, *ada),
        ("extended", "More.", None, *ada),
        ("escalated", "No answer.", 3, *ada),
        ("handed_over", "To Bob Person: Ring the aunt.", None, *ada),
        ("closed", "Came daily, since.", None, *ada),
    ]
    assert rows[quiet] == [("opened", None, 2, *ada)]
    downgrade(revision="0012")
    with db.engine.connect() as connection:
        assert "case_event" not in sa.inspect(connection).get_table_names()
        assert "once" not in {column["name"] for column in sa.inspect(connection).get_columns("note")}
    upgrade(revision="0013")
