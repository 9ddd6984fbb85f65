"""Moving some audit rows to the archive in one transaction: copied, compared, let go.

audit.archive uses it, inside all_schools(); it never commits. A batch that does not come out even is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, exists, func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.moving import Move, NotMoved, carry
from school_app.audit.digests import COLUMNS, digests
from school_app.audit.models import ArchivedAuditRow, AuditRow, StagedAuditRow
from school_app.core.db import has_day

AnySession = Session | scoped_session[Any]
HOT, STAGED, ARCHIVE = (cast(Table, model.__table__) for model in (AuditRow, StagedAuditRow, ArchivedAuditRow))


@dataclass(frozen=True, slots=True)
class Eligible:
    """Which rows of a table may move: those older than the cutoff, up to an id; None limits nothing.

    A row whose moment lies on no day stays where it is: no seal holds it, and no bounds of days can be drawn around it.
    """

    source: Table
    cutoff: datetime | None = None
    up_to_id: int | None = None

    def where(self, table: Table) -> ColumnElement[bool]:
        """The condition that they meet."""
        conditions: list[ColumnElement[bool]] = [has_day(table.c.created_at)]
        if self.cutoff is not None:
            conditions.append(table.c.created_at < self.cutoff)
        if self.up_to_id is not None:
            conditions.append(table.c.id <= self.up_to_id)
        return and_(*conditions)


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one transaction, by the narrowest bounds around them; `by_school` says how many are whose."""

    eligible: Eligible
    first_id: int
    last_id: int
    earliest: datetime
    latest: datetime
    by_school: dict[int | None, int]

    @property
    def rows(self) -> int:
        """How many rows there were when the bounds were drawn."""
        return sum(self.by_school.values())

    def where(self, table: Table) -> ColumnElement[bool]:
        """One condition for copy, comparison and deletion; its dates let the server pass by other partitions."""
        return and_(
            table.c.id.between(self.first_id, self.last_id),
            self.eligible.where(table),
            table.c.created_at.between(self.earliest, self.latest),
        )


def next_batch(session: AnySession, eligible: Eligible, *, after_id: int, size: int) -> Batch | None:
    """The eligible rows with the lowest ids above one, at most `size` of them; None where there are no more."""
    source = eligible.source
    lowest = select(source.c.id, source.c.created_at, source.c.school_id).where(source.c.id > after_id)
    rows = lowest.where(eligible.where(source)).order_by(source.c.id).limit(size).subquery()
    bounds = (func.min(rows.c.id), func.max(rows.c.id), func.min(rows.c.created_at), func.max(rows.c.created_at))
    found = session.execute(select(rows.c.school_id, func.count(), *bounds).group_by(rows.c.school_id)).all()
    if not found:
        return None
    return Batch(
        eligible,
        first_id=min(row[2] for row in found),
        last_id=max(row[3] for row in found),
        earliest=min(row[4] for row in found),
        latest=max(row[5] for row in found),
        by_school={row[0]: int(row[1]) for row in found},
    )


def move(session: AnySession, batch: Batch, *, compare: bool) -> None:
    """Copy a batch to the archive and delete it where it lay; `compare` has the digests of both compared in between.

    A row that is committed within the bounds meanwhile is in one of the two statements and not in the other, so that
    the numbers differ. Raises NotMoved; nothing of the batch is done then, and it may be drawn anew. Raises
    UnknownColumns where there is more to a row than would be copied.
    """

    def look() -> None:
        if not _equal(session, batch):
            raise NotMoved("The digest of the copied rows is not that of the rows themselves: rolled back.")

    source = batch.eligible.source
    carry(
        session,
        Move(source, ARCHIVE, COLUMNS, batch.where(source), batch.rows),
        compare=look if compare else None,
    )


def _equal(session: AnySession, batch: Batch) -> bool:
    source = batch.eligible.source
    here = digests(session, [source], batch.where, by_day=False)
    # Rows that were archived before may lie within the bounds, where a row came late.
    return digests(session, [ARCHIVE], partial(also_in, source, batch.where), by_day=False) == here


def also_in(source: Table, within: Callable[[Table], ColumnElement[bool]], table: Table) -> ColumnElement[bool]:
    """The condition that rows of a table meet which are within some bounds, and which the source has as well."""
    same = and_(source.c.id == table.c.id, source.c.created_at == table.c.created_at)
    return and_(within(table), exists().where(same, within(source)))
