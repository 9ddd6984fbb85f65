"""Rows from one table to another in one transaction: copied, compared, let go where they lay.

audit.batches and years.moving use it, inside all_schools(); it never commits. What does not come out even is rolled
back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.columns import check_columns
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]


class NotMoved(RuntimeError):
    """What was copied is not what was to be deleted; the batch is rolled back."""


@dataclass(frozen=True, slots=True)
class Move:
    """The rows of a table that meet one condition, of which `rows` were counted, and the table that they go to."""

    source: Table
    target: Table
    columns: Sequence[str]
    within: ColumnElement[bool]
    rows: int


def carry(session: AnySession, *moves: Move, compare: Callable[[], None] | None = None) -> None:
    """Copy the rows of each move, then delete them where they lay, the last move's first; `compare` looks in between.

    So rows of the first may be those that rows of the others point to. A row that is committed within the condition
    meanwhile is in one of the two statements and not in the other, so that the numbers differ. Raises NotMoved; nothing
    is done then. Raises UnknownColumns where there is more to a row than would be copied.
    """
    for one in moves:
        # This transaction has read the table, so that nobody adds a column to it before the end.
        check_columns(session, one.columns, one.source)
    with session.begin_nested():
        copied = [_copied(session, one) for one in moves]
        if compare is not None:
            compare()
        deleted = [_deleted(session, one) for one in reversed(moves)][::-1]
        for one, there, gone in zip(moves, copied, deleted, strict=True):
            if not there == gone == one.rows:
                raise NotMoved(f"{counted(one.rows, 'row')} counted, {there} copied, {gone} deleted: rolled back.")


def _copied(session: AnySession, one: Move) -> int:
    found = select(*(one.source.c[name] for name in one.columns)).where(one.within)
    return _rows(session.execute(insert(one.target).from_select(one.columns, found)))


def _deleted(session: AnySession, one: Move) -> int:
    return _rows(session.execute(delete(one.source).where(one.within)))


def _rows(result: Any) -> int:
    return int(result.rowcount)
