"""A row whose changes are not what the product writes is shown as not readable; the others are shown as ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, select, type_coerce, update

from school_app.audit.models import AuditRow, Unreadable, fields_of, read_changes
from school_app.history import sentences
from tests.factories import TwoSchools
from tests.history.exporting import lines, made, written
from tests.history.test_words import AUDITED, NAMES, row

UNREADABLE = (
    "not json",
    "",
    "[1,2]",
    '"x"',
    "5",
    '{"a":',
    '{"name":[null,"\\ud800"]}',
    '{"a":[1,' + "9" * 5000 + "]}",
    "[" * 60_000,
    '{"a":' + "[" * 900 + "]" * 900 + "}",
)


def put(session: Any, *texts: str) -> list[int]:
    """Rows that have these texts for their changes, each a minute older than the one before; their ids."""
    written(session, AuditRow, len(texts), back=1, changes={"given_name": ["Ann", "Änne"]})
    newest = session.scalars(select(AuditRow.id).where(AuditRow.event == "x.happened").order_by(AuditRow.id)).all()
    ids = newest[-len(texts) :]
    for row_id, text in zip(ids, texts, strict=True):
        changed = update(AuditRow).where(AuditRow.id == row_id).values(changes=type_coerce(text, Text))
        session.execute(changed)
    session.commit()
    return list(ids)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_object_of_json_is_kept_as_it_stands(text: str) -> None:
    assert read_changes(text) == Unreadable(text)
    assert fields_of(read_changes(text)) == {}
    (change,) = sentences.changes(row(changes=read_changes(text)), NAMES)
    assert str(change) == "changes: not readable"


def test_what_the_product_writes_is_read() -> None:
    for changes in ({}, {"a": [None, {"b": [1, 2]}]}, {"note": ["\x00\x1f", "🙂"]}, {"a": [0, [[1]] * 99]}):
        text = json.dumps(changes, ensure_ascii=False)
        assert (read_changes(text), fields_of(read_changes(text))) == (changes, changes)


def test_pages_show_such_rows_as_not_readable_and_the_others(
    auditor: Any, session: Any, two_schools: TwoSchools
) -> None:
    readable = '{"given_name":["Ann","Änne"]}'
    ids = put(session, readable, *UNREADABLE, readable)
    page = auditor.get("/audit?event=x.happened")
    assert (page.status_code, page.text.count("changes: not readable")) == (200, len(UNREADABLE))
    assert page.text.count("Ann → Änne") == 2
    moment = session.scalar(select(AuditRow.created_at).where(AuditRow.id == ids[1]))
    page = auditor.get(f"/audit/{ids[1]}/{moment.isoformat()}")
    assert (page.status_code, "not readable" in page.text) == (200, True)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_exports_have_the_text_of_such_rows_as_it_stands(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, form: str
) -> None:
    put(session, *UNREADABLE, '{"given_name":["Ann","Änne"]}')
    _, data = made(session, auditor, format=form)
    found = lines(data) if form == "csv" else [json.loads(line) for line in data.decode().splitlines()]
    assert sum("changes: not readable" in one["in_words"] for one in found) == len(UNREADABLE)
    told = [json.loads(one["changes"]) if form == "csv" else one["changes"] for one in found]
    assert set(UNREADABLE) <= {one for one in told if isinstance(one, str)}
    assert {"given_name": ["Ann", "Änne"]} in told


def test_no_value_of_a_field_makes_telling_it_fail() -> None:
    """Whatever an object holds that another hand has written."""
    values = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", [1], [[]], {"a": [1]}, [{}], True)
    values += (10**30, -1, 1.5, float("inf"), float("nan"), "NaN", "Infinity", "1e999999", "", " ", None)  # type: ignore[assignment]
    for table, model in AUDITED.items():
        for column in model.columns:
            for value in values:
                for pair in ([None, value], [value, None], [value, value], value, [value]):
                    told = row(entity_type=table, changes={column.key: pair})
                    list(sentences.mentioned([told]))
                    assert [one.brief is not None for one in sentences.tell([told], NAMES)] == [True]


def test_a_number_that_is_no_id_is_looked_for_and_not_found(auditor: Any, session: Any) -> None:
    put(session, '{"student_id":[null,' + "9" * 40 + '],"form_id":[-1,"x"]}')
    assert auditor.get("/audit?event=x.happened").status_code == 200
