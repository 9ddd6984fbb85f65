"""Reading the audit log: one history over every place in which its rows lie, by filters and cursor.

audit.routes and the features above use it; the reader never sees where one place ends and the next begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, cast

from sqlalchemy import CompoundSelect, Integer, Select, bindparam, literal_column, select, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.reading import in_files
from school_app.audit.models import ArchivedAuditRow, AuditRow, Changes, StagedAuditRow, reading_index
from school_app.core import paging
from school_app.core.db import has_day
from school_app.core.errors import NotFound

AnySession = Session | scoped_session[Any]
Key = tuple[datetime, int]
PAGE = 100
# A request ends within seconds, and a job that has run for longer than this was given up.
REQUEST_WITHIN, JOB_WITHIN = timedelta(minutes=5), timedelta(hours=2)
TOGETHER_SHOWN = 50


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One row of the history, wherever it lies: the columns of AuditColumns by their names."""

    id: int
    created_at: datetime
    school_id: int | None
    actor_id: int | None
    actor_name: str
    event: str
    entity_type: str | None
    entity_id: int | None
    student_id: int | None
    changes: Changes | None
    reason: str | None
    ip: str | None
    request_id: str | None
    job_id: str | None


COLUMNS = tuple(one.name for one in fields(HistoryRow))


@dataclass(frozen=True, slots=True)
class Filters:
    """What the history is narrowed to: moments from and before, and exact values; None narrows nothing."""

    since: datetime
    until: datetime
    actor_id: int | None = None
    student_id: int | None = None
    entity_type: str | None = None
    entity_id: int | None = None
    event: str | None = None
    id: int | None = None
    request_id: str | None = None
    job_id: str | None = None
    events: tuple[str, ...] | None = None


EXACT = ("actor_id", "student_id", "entity_type", "entity_id", "event", "id", "request_id", "job_id")


class Source(Protocol):
    """Places in which rows of the history lie."""

    def __call__(
        self, session: AnySession, filters: Filters, *, before: Key | None, limit: int
    ) -> Iterable[HistoryRow]:
        """The rows of the session's school that fit, the latest first, at most `limit`, all of them before a key."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What makes one statement of the history differ from another, but for its values; see statement()."""

    names: tuple[str, ...]
    has_events: bool
    has_key: bool
    way: str | None
    is_sqlite: bool


@dataclass(frozen=True, slots=True)
class InTables:
    """Rows in tables of this database, of one moment: one statement, in which each table is read along the index that
    the filters ask for, and no further than its own LIMIT.
    """

    models: tuple[Any, ...]

    def __call__(
        self, session: AnySession, filters: Filters, *, before: Key | None, limit: int
    ) -> Iterable[HistoryRow]:
        shape = shape_of(filters, before, is_sqlite=session.get_bind().dialect.name == "sqlite")
        found = session.execute(statement(self.models, shape), values_of(filters, before, limit=limit))
        return [HistoryRow(*row) for row in found]


def shape_of(filters: Filters, before: Key | None, *, is_sqlite: bool = False) -> Shape:
    """The shape of the statement that reads what fits some filters."""
    names = tuple(name for name in EXACT if getattr(filters, name) is not None)
    way = None if filters.id is not None else _way(filters)
    return Shape(names, filters.events is not None, before is not None, way, is_sqlite)


def values_of(filters: Filters, before: Key | None, *, limit: int) -> dict[str, Any]:
    """The values of a statement, by the names of its parameters."""
    exact = {name: value for name in EXACT if (value := getattr(filters, name)) is not None}
    found = {"since": filters.since, "until": filters.until, "most": limit, **exact}
    if filters.events is not None:
        found["events"] = filters.events
    if before is not None:
        found["key_at"], found["key_id"] = before
    return found


@lru_cache(maxsize=512)
def statement(models: tuple[Any, ...], shape: Shape) -> Select[Any] | CompoundSelect[Any]:
    """The statement of a shape over some tables; building one takes as long as reading a small page, so it is kept."""
    parts = [_of_table(model, shape) for model in models]
    if len(parts) == 1:
        return parts[0]
    if shape.is_sqlite:
        # SQLite takes no ORDER BY and LIMIT in the parts of a union, but in what they select from.
        parts = [select(*part.subquery().c) for part in parts]
    latest: list[Any] = [literal_column(name).desc() for name in ("created_at", "id")]
    return union_all(*parts).order_by(*latest).limit(_most())


def _most() -> Any:
    return bindparam("most", type_=Integer)


def _of_table(model: Any, shape: Shape) -> Select[Any]:
    found = select(*(getattr(model, name) for name in COLUMNS)).where(
        # A row on no day has no place in an order of moments; audit.verify tells it.
        model.created_at >= bindparam("since"),
        model.created_at < bindparam("until"),
        has_day(model.created_at),
    )
    for name in shape.names:
        found = found.where(getattr(model, name) == bindparam(name))
    if shape.has_events:
        found = found.where(model.event.in_(bindparam("events", expanding=True)))
    if shape.has_key:
        at, id_ = bindparam("key_at", type_=model.created_at.type), bindparam("key_id", type_=model.id.type)
        found = found.where(paging.behind(model.created_at, model.id, (at, id_)))
    return _along(found.order_by(model.created_at.desc(), model.id.desc()).limit(_most()), model, shape.way)


def _along(statement: Select[Any], model: Any, way: str | None) -> Select[Any]:
    # Left to themselves both servers now and then sort what an index holds in order already, or read a school's years.
    for server in ("mysql", "mariadb") if way is not None else ():
        statement = statement.with_hint(model, f"FORCE INDEX ({reading_index(str(way))})", server)
    return statement


def _way(filters: Filters) -> str:
    """The index, by its name in READ_BY, that leaves the fewest rows to look at."""
    for way, value in (
        ("student", filters.student_id),
        ("thing", filters.entity_id),
        ("actor", filters.actor_id),
        ("event", filters.event),
        ("kind", filters.entity_type),
    ):
        if value is not None:
            return way
    return "moment"


TABLES = InTables((AuditRow, StagedAuditRow, ArchivedAuditRow))
# In the order in which rows travel: one that is moved while a page is read is seen twice then, never not at all.
SOURCES: tuple[Source, ...] = (TABLES, in_files)


def history(
    session: AnySession, filters: Filters, *, cursor: str | None = None, size: int = PAGE
) -> paging.Page[HistoryRow]:
    """A page of the history, the latest first: each source is asked for what may have a place on it.

    A row that is just being moved may be read from two sources; it is shown once.
    """
    key = cast(Key, paging.decode(cursor, datetime, int)) if cursor else None
    rows = rows_before(session, filters, key, limit=size + 1)
    return paging.page(rows, size, lambda row: (row.created_at, row.id))


def rows_before(session: AnySession, filters: Filters, key: Key | None, *, limit: int) -> Sequence[HistoryRow]:
    """The rows that fit, the latest first, at most `limit`, all of them before a key (None: from the latest on)."""
    found: dict[Key, HistoryRow] = {}
    for source in SOURCES:
        for row in source(session, filters, before=key, limit=limit):
            found.setdefault((row.created_at, row.id), row)
        if len(found) >= limit:
            # What is left to read has no place among them unless it is as late as the last of them.
            filters = replace(filters, since=max(filters.since, sorted(found, reverse=True)[limit - 1][0]))
    return [found[place] for place in sorted(found, reverse=True)[:limit]]


def one(session: AnySession, row_id: int, created_at: datetime) -> HistoryRow:
    """One row by its key, wherever it lies. Raises NotFound."""
    there = Filters(created_at, created_at + timedelta(microseconds=1), id=row_id)
    for row in rows_before(session, there, None, limit=1):
        return row
    raise NotFound("event")


def together_within(row: HistoryRow) -> timedelta:
    """How far from a row others of its request or job may lie: so far the index of moments is read, and no further."""
    return JOB_WITHIN if row.job_id is not None else REQUEST_WITHIN


def together(session: AnySession, row: HistoryRow) -> Sequence[HistoryRow]:
    """The rows of the same request or job, in order, as many as are shown; the row alone where it has neither."""
    if row.request_id is None and row.job_id is None:
        return [row]
    within = together_within(row)
    around = Filters(
        row.created_at - within,
        row.created_at + within,
        request_id=row.request_id,
        job_id=row.job_id,
    )
    return rows_before(session, around, None, limit=TOGETHER_SHOWN)[::-1]
