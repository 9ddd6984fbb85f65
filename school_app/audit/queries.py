"""Reading the audit log: one history over the live table and the archive, by filters and cursor.

audit.routes and the features above use it; the reader never sees where one table ends and the other begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.core import paging
from school_app.core.errors import NotFound

AnySession = Session | scoped_session[Any]
AnyRow = AuditRow | ArchivedAuditRow
TABLES: tuple[Any, ...] = (AuditRow, ArchivedAuditRow)
PAGE = 100
TOGETHER_SHOWN = 200


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


def history(session: AnySession, filters: Filters, *, cursor: str | None = None) -> paging.Page[AnyRow]:
    """A page of the history, the latest first: two statements, each with its own LIMIT, merged.

    A row that the archive run has just moved may be read from both; it is shown once.
    """
    key = paging.decode(cursor, datetime, int) if cursor else None
    found: dict[tuple[datetime, int], AnyRow] = {}
    for table in TABLES:
        statement = select(table).where(table.created_at >= filters.since, table.created_at < filters.until)
        statement = _narrowed(statement, table, filters)
        if key is not None:
            statement = statement.where(paging.behind(table.created_at, table.id, key))
        ordered = statement.order_by(table.created_at.desc(), table.id.desc()).limit(PAGE + 1)
        for row in session.scalars(ordered):
            found.setdefault((row.created_at, row.id), row)
    rows = [found[place] for place in sorted(found, reverse=True)][: PAGE + 1]
    return paging.page(rows, PAGE, lambda row: (row.created_at, row.id))


def _narrowed(statement: Any, table: Any, filters: Filters) -> Any:
    for name in ("actor_id", "student_id", "entity_type", "entity_id", "event"):
        value = getattr(filters, name)
        if value is not None:
            statement = statement.where(getattr(table, name) == value)
    return statement


def one(session: AnySession, row_id: int, created_at: datetime) -> AnyRow:
    """One row by its key, wherever it lies. Raises NotFound."""
    for table in TABLES:
        found: AnyRow | None = session.scalar(select(table).where(table.id == row_id, table.created_at == created_at))
        if found is not None:
            return found
    raise NotFound("event")


def together(session: AnySession, row: AnyRow) -> Sequence[AnyRow]:
    """Everything of the same request or job, in order; around the row's moment, so that few partitions are read."""
    if row.request_id is None:
        return [row]
    found: dict[int, AnyRow] = {}
    day = row.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
    for table in TABLES:
        statement = select(table).where(
            table.request_id == row.request_id, table.created_at >= day, table.actor_id == row.actor_id
        )
        for other in session.scalars(statement.order_by(table.created_at, table.id).limit(TOGETHER_SHOWN)):
            found.setdefault(other.id, other)
    return sorted(found.values(), key=lambda other: (other.created_at, other.id))
