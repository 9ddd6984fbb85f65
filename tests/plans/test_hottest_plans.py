"""What pages ask for most often is read along an index, on each server, at the size of a school's life."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from school_app.core import clock
from school_app.core.db import db
from school_app.core.db.plans import Step, plan_of
from school_app.core.tenancy import all_schools
from school_app.dashboards import commands
from school_app.dashboards.hottest import NothingToRead, values_of
from school_app.schools.models import School
from tests.factories import school

# Tables of which a school has so few rows that a server may as well read them all.
SMALL = {"attendance_code", "school", "school_year", "term", "year_group", "account_role", "account"}


@pytest.fixture(scope="module")
def plans(filled: tuple[Flask, dict[str, Any]]) -> dict[str, list[Step]]:
    app, named = filled
    with app.app_context(), all_schools(db.session):
        found = db.session.get_one(School, named["school"])
        return commands.plans(db.session(), found)


def test_none_of_them_reads_a_whole_table(plans: dict[str, list[Step]]) -> None:
    assert len(plans) >= 10
    assert all(plans.values())
    scanned = {(name, step.table) for name, steps in plans.items() for step in steps if step.reads_everything}
    assert {(name, table) for name, table in scanned if table not in SMALL} == set()


def test_each_reads_a_part_of_the_table(plans: dict[str, list[Step]]) -> None:
    for name, steps in plans.items():
        assert max(step.rows or 0 for step in steps) < 15_000, name


def test_a_read_without_an_index_is_told_as_such(filled: tuple[Flask, dict[str, Any]]) -> None:
    with filled[0].app_context(), all_schools(db.session):
        connection = db.session.connection()
        scan = text("SELECT id FROM student WHERE middle_name = 'x'")
        [step] = plan_of(connection, lambda: connection.execute(scan).all())
    assert step.reads_everything
    assert step.statement == "select student"


def test_the_plans_are_printed(filled: tuple[Flask, dict[str, Any]], plans: dict[str, list[Step]]) -> None:
    app, named = filled
    with app.app_context():
        answer = app.test_cli_runner().invoke(args=["explain", "--school", named["slug"]])
    assert answer.exit_code == 0, answer.output
    for name, steps in plans.items():
        assert name in answer.output
        assert all(step.table in answer.output for step in steps if step.table)
    assert app.test_cli_runner().invoke(args=["explain", "--school", "nowhere"]).exit_code == 1


def test_a_school_without_a_form_has_nothing_to_read(session: Any) -> None:
    school(session, "empty")
    with pytest.raises(NothingToRead, match="--school"):
        values_of(session, today=clock.today("UTC"))
