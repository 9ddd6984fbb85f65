"""Each way of reading the history goes along its own index, in that index's order, and passes by other years."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from school_app.audit import queries
from school_app.audit.models import READ_BY, reading_index
from school_app.audit.plans import plan_of
from school_app.audit.queries import Filters
from school_app.core import clock, paging
from school_app.core.db import db
from school_app.core.db.plans import Step
from school_app.core.tenancy import all_schools, use_school
from school_app.history.seen import seen_by

NOW = clock.now()
TABLES = queries.TABLES.models
MONTH = Filters(NOW - timedelta(days=30), NOW + timedelta(days=1))
EVER = replace(MONTH, since=NOW - timedelta(days=3000))
WAYS = {
    "moment": {},
    "actor": {"actor_id": 1},
    "student": {"student_id": 1},
    "thing": {"entity_type": "student", "entity_id": 1},
    "event": {"event": "row.changed"},
    "kind": {"entity_type": "student"},
}


def steps(app: Flask, named: dict[str, Any], filters: Filters, cursor: str | None = None) -> list[Step]:
    """The server's plan of each statement of a page."""
    return plans(app, named, lambda: queries.history(db.session, filters, cursor=cursor))


def plans(app: Flask, named: dict[str, Any], read: Callable[[], object]) -> list[Step]:
    with app.app_context(), all_schools(db.session):
        connection = db.session.connection()
        with use_school(db.session, named["school"]):
            found = plan_of(connection, read)
    # Of the merging of the tables' rows there is nothing to say but that it is one step for each statement.
    assert len(found) == (len(TABLES) + 1) * len([step for step in found if step.is_merging])
    return [step for step in found if not step.is_merging]


def test_every_way_of_reading_is_tried() -> None:
    assert WAYS.keys() == READ_BY.keys()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("span", [MONTH, EVER], ids=["month", "ever"])
def test_a_page_goes_along_its_index_and_sorts_nothing(
    filled: tuple[Flask, dict[str, Any]], way: str, span: Filters
) -> None:
    filters = replace(span, **WAYS[way])
    behind = paging.encode(NOW - timedelta(days=2), 1)
    found = [*steps(*filled, filters), *steps(*filled, filters, behind)]
    assert len(found) == 2 * len(TABLES)
    assert {step.index for step in found} == {reading_index(way)}
    assert [step.extra for step in found if "sort" in step.extra or "temporary" in step.extra] == []


def test_the_partitions_of_other_years_are_passed_by(filled: tuple[Flask, dict[str, Any]]) -> None:
    years = {f"p{MONTH.since.year}", f"p{MONTH.until.year}"}
    for way in WAYS:
        for step in steps(*filled, replace(MONTH, **WAYS[way])):
            # The staging table has no partitions, and next to no rows.
            if step.table != "audit_log_staging":
                assert set(str(step.partitions).split(",")) <= years
    # The positive control: without a lower bound more of them are read.
    assert len(str(steps(*filled, EVER)[0].partitions).split(",")) > 2


def test_one_event_is_found_by_its_key_in_one_partition(filled: tuple[Flask, dict[str, Any]]) -> None:
    one = Filters(NOW, NOW + timedelta(microseconds=1), id=1)
    for step in steps(*filled, one):
        assert step.kind != "ALL" or step.table is None
        assert len(str(step.partitions).split(",")) == 1


def test_everything_of_a_request_is_found_around_its_moment_along_the_index_of_moments(
    filled: tuple[Flask, dict[str, Any]],
) -> None:
    def read() -> None:
        row = queries.history(db.session, EVER).rows[0]
        queries.together(db.session, replace(row, request_id="r-1", job_id=None))

    found = plans(*filled, read)[len(TABLES) :]
    assert {step.index for step in found} == {reading_index("moment")}
    years = {f"p{NOW.year}", f"p{(NOW + timedelta(days=1)).year}", f"p{(NOW - timedelta(days=1)).year}"}
    partitions = [step.partitions for step in found if step.table != "audit_log_staging"]
    assert {one for several in partitions for one in several.split(",")} <= years


def test_who_has_seen_a_student_is_found_along_the_index_of_students(filled: tuple[Flask, dict[str, Any]]) -> None:
    found = plans(*filled, lambda: seen_by(db.session, filled[1]["student"]))
    assert len(found) == len(TABLES)
    assert {step.index for step in found} == {reading_index("student")}
    assert [step.extra for step in found if "sort" in step.extra or "temporary" in step.extra] == []


def test_the_plans_are_printed_for_every_way_of_reading(filled: tuple[Flask, dict[str, Any]]) -> None:
    app, named = filled
    with app.app_context():
        answer = app.test_cli_runner().invoke(args=["audit", "explain", "--school", named["slug"]])
    assert answer.exit_code == 0, answer.output
    for way in READ_BY:
        assert f"{way}, 30 days" in answer.output
        assert reading_index(way) in answer.output
    assert f"p{NOW.year}" in answer.output
    assert app.test_cli_runner().invoke(args=["audit", "explain", "--school", "nowhere"]).exit_code == 1
