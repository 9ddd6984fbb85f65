"""Whether tables have the columns that this version copies, and no others.

Runs ask before they let rows go.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Table, inspect
from sqlalchemy.orm import Session, scoped_session

AnySession = Session | scoped_session[Any]


class UnknownColumns(RuntimeError):
    """A table has columns that would be lost, or lacks some; nothing is moved. str() says which, and what to do."""


def check_columns(session: AnySession, known: Collection[str], *tables: Table) -> None:
    """Compare the columns of tables with those that are copied. Raises UnknownColumns."""
    # Made anew each time: an inspector remembers what it has once seen.
    inspector = inspect(session.connection())
    for table in tables:
        there = {column["name"] for column in inspector.get_columns(table.name)}
        if unknown := there - set(known):
            raise UnknownColumns(
                f"{table.name} has columns that this version does not know: {_named(unknown)}. Nothing more was moved, "
                "since their values would be lost. Bring program and database to one version: install the newest "
                "release and run flask db upgrade, or remove the columns."
            )
        if missing := set(known) - there:
            raise UnknownColumns(f"{table.name} lacks {_named(missing)}: run flask db upgrade. Nothing more was moved.")


def _named(names: set[str]) -> str:
    return ", ".join(sorted(names))
