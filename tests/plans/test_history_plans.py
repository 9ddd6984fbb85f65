"""Each way of reading the history goes along its own index, in that index's order, and passes by other years."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from school_app.audit import queries
from school_app.audit.models import READ_BY, reading_index
from school_app.audit.queries import Filters
from school_app.core import clock, paging
from school_app.core.db import db
from school_app.core.tenancy import use_school

NOW = clock.now()
TABLES = [one for one in queries.SOURCES if isinstance(one, queries.InTable)]
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


def steps(app: Flask, named: dict[str, Any], filters: Filters, cursor: str | None = None) -> Iterator[dict[str, Any]]:
    """The server's plan of each statement of a page."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        # The manifest of cold files has a row a file, no partitions, and no part in these plans.
        if "audit_cold_file" not in statement:
            seen.append((statement, parameters))

    with app.app_context(), use_school(db.session, named["school"]):
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            queries.history(db.session, filters, cursor=cursor)
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        raw = db.engine.raw_connection()
    try:
        version = raw.driver_connection.get_server_info()
        explain = "EXPLAIN PARTITIONS" if "MariaDB" in version else "EXPLAIN FORMAT=TRADITIONAL"
        with raw.cursor() as found:
            for statement, parameters in seen:
                found.execute(f"{explain} {statement}", parameters)
                names = [column[0] for column in found.description]
                yield from (dict(zip(names, row, strict=True)) for row in found.fetchall())
    finally:
        raw.close()


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
    assert {step["key"] for step in found} == {reading_index(way)}
    assert [step["Extra"] for step in found if "sort" in step["Extra"] or "temporary" in step["Extra"]] == []


def test_the_partitions_of_other_years_are_passed_by(filled: tuple[Flask, dict[str, Any]]) -> None:
    years = {f"p{MONTH.since.year}", f"p{MONTH.until.year}"}
    for way in WAYS:
        for step in steps(*filled, replace(MONTH, **WAYS[way])):
            # The staging table has no partitions, and next to no rows.
            if step["table"] != "audit_log_staging":
                assert set(str(step["partitions"]).split(",")) <= years
    # The positive control: without a lower bound more of them are read.
    assert len(str(next(steps(*filled, EVER))["partitions"]).split(",")) > 2


def test_one_event_is_found_by_its_key_in_one_partition(filled: tuple[Flask, dict[str, Any]]) -> None:
    one = Filters(NOW, NOW + timedelta(microseconds=1), id=1)
    for step in steps(*filled, one):
        assert step["type"] != "ALL" or step["table"] is None
        assert len(str(step["partitions"]).split(",")) == 1
