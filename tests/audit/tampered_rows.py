"""The ways in which somebody may tamper with sealed rows: each returns the days that a verification has to name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, func, insert, select, type_coerce

from school_app.audit.digests import COLUMNS
from tests.audit.tampering import ARCHIVE, HOT, SCHOOLS, Days, Log, Row, day_of


def another(log: Log, row: Row, name: str) -> Any:
    """Another value for a column."""
    value = row[name]
    if name == "created_at":
        return value + timedelta(microseconds=1 if value.microsecond < 999_999 else -1)
    if name == "changes":
        return {"family_name": [None, "x"]} if value is None else log.random.choice((None, {**value, "n": [1, 3]}))
    if name in ("actor_id", "entity_id", "student_id", "school_id"):
        return log.random.choice([one for one in (None, 71, 3, 99) if one != value])
    if value is None:
        return log.random.choice(("", "x"))
    unset = [] if name in ("actor_name", "event") else [None]
    return log.random.choice([f"{value}x", *unset, value[:-1] if value else "y"])


def change_any_column(log: Log) -> Days:
    row, name = log.one(), log.random.choice([one for one in COLUMNS if one != "id"])
    log.set(row, **{name: another(log, row, name)})
    return {day_of(row)}


def change_the_id(log: Log) -> Days:
    row = log.one()
    log.set(row, id=log.free_id())
    return {day_of(row)}


def change_what_a_collation_passes_over(log: Log) -> Days:
    row = log.one()
    name = row["actor_name"]
    told = [f"{name} ", f" {name}", name.upper(), name.lower(), name.replace("Ä", "A"), name.replace("Ç", "C")]
    log.set(row, actor_name=log.random.choice([one for one in told if one != name]))
    return {day_of(row)}


def change_how_json_is_written(log: Log) -> Days:
    row = log.random.choice([one for one in log.rows if one["changes"] is not None])
    stored = json.dumps(row["changes"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    told = [f"{stored} ", stored.replace(":", ": "), stored.replace(",", ", "), json.dumps(row["changes"], indent=1)]
    log.set(row, changes=type_coerce(log.random.choice(told), Text))
    return {day_of(row)}


def remove_one(log: Log) -> Days:
    row = log.one()
    log.remove(row)
    return {day_of(row)}


def remove_a_day(log: Log) -> Days:
    day = day_of(log.one())
    log.remove(*(row for row in log.rows if day_of(row) == day))
    return {day}


def cut_the_tail_of_rows(log: Log) -> Days:
    gone = log.rows[-log.random.randrange(1, len(log.rows)) :]
    log.remove(*gone)
    return {day_of(row) for row in gone}


def insert_one(log: Log) -> Days:
    row = {**log.one(), "id": log.free_id(), "request_id": "forged"}
    row["created_at"] += timedelta(days=log.random.choice((0, 0, 1, -1, -30)))
    row["school_id"] = log.random.choice((*SCHOOLS, 99))
    log.session.execute(insert(log.random.choice((HOT, ARCHIVE))), [row])
    return {day_of(row)}


def insert_below_every_id(log: Log) -> Days:
    row = {**log.one(), "id": log.random.choice((-5, 1, 7)), "request_id": "forged"}
    log.session.execute(insert(HOT), [row])
    return {day_of(row)}


def insert_a_copy(log: Log) -> Days:
    row = log.one()
    for table, other in ((HOT, ARCHIVE), (ARCHIVE, HOT)):
        if log.session.scalar(select(func.count()).select_from(table).where(table.c.id == row["id"])):
            log.session.execute(insert(other), [row])
            break
    return {day_of(row)}


def swap_contents(log: Log) -> Days:
    one, other = log.two()
    log.set(one, **{name: other[name] for name in COLUMNS if name != "id"})
    log.set(other, **{name: one[name] for name in COLUMNS if name != "id"})
    return {day_of(one), day_of(other)}


def swap_ids(log: Log) -> Days:
    one, other = log.two()
    log.set(one, id=-1)
    log.set(other, id=one["id"])
    log.set({"id": -1}, id=other["id"])
    return {day_of(one), day_of(other)}


def swap_one_column(log: Log) -> Days:
    one, other = log.two()
    log.set(one, request_id=other["request_id"])
    log.set(other, request_id=one["request_id"])
    return {day_of(one), day_of(other)}


def move_to_another_day(log: Log) -> Days:
    row = log.one()
    moment = row["created_at"] + timedelta(days=log.random.choice((-400, -1, 1, 30)))
    log.set(row, created_at=moment)
    return {day_of(row), moment.date()}


def move_to_another_school(log: Log) -> Days:
    row = log.one()
    log.set(row, school_id=log.random.choice([one for one in (*SCHOOLS, 99) if one != row["school_id"]]))
    return {day_of(row)}


WAYS: tuple[Callable[[Log], Days], ...] = (
    change_any_column,
    change_the_id,
    change_what_a_collation_passes_over,
    change_how_json_is_written,
    remove_one,
    remove_a_day,
    cut_the_tail_of_rows,
    insert_one,
    insert_below_every_id,
    insert_a_copy,
    swap_contents,
    swap_ids,
    swap_one_column,
    move_to_another_day,
    move_to_another_school,
)
