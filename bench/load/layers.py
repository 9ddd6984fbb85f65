"""Layers that make pages faster and can be taken away for a measurement, so that what each of them is worth is known.

A layer is a context manager in whose block the running server does without it. Only the bench can do that: through the
database's owner, or through a setting that the stack gives to no server but the bench's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

from sqlalchemy import Connection, create_engine

from bench.load.stack import Running
from school_app.core.db import Base

# The optimizer is told not to see them: that is instant, and writing keeps them up to date all the while.
AUDIT_LOG = "audit_log"
HIDE = {True: ("IGNORED", "NOT IGNORED"), False: ("INVISIBLE", "VISIBLE")}


# Whole pages that are kept until something on them changes.
FRAGMENTS = "fragments"


class Layer(Protocol):
    """Does without a layer for as long as the block runs; the block is given the port of the server that does, or None
    where it is the one that runs already.
    """

    def __call__(self) -> AbstractContextManager[int | None]: ...


def layers(running: Running, port: int) -> Mapping[str, Layer]:
    """The layers that there are in a stack, by name; the port is for a second server."""
    return {
        "indexes": partial(without_indexes, running.url_of("formroom")),
        FRAGMENTS: partial(running.beside, port, FORMROOM_FRAGMENTS="off"),
    }


@contextmanager
def without_indexes(owner_url: str) -> Iterator[int | None]:
    """Hide every index that a table has beside its keys: those which only make pages faster.

    Those of the audit log stay, as its statements name them, and would be refused.
    """
    _alter(owner_url, 0)
    try:
        yield None
    finally:
        show_indexes(owner_url)


def show_indexes(owner_url: str) -> None:
    """Let the database see its indexes again, as after a measurement that was killed."""
    _alter(owner_url, 1)


def _alter(owner_url: str, which: int) -> None:
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        _alter_all(connection, which)
    engine.dispose()


def _alter_all(connection: Connection, which: int) -> None:
    is_mariadb = bool(connection.dialect.is_mariadb)  # type: ignore[attr-defined]
    for table, indexes in _indexes(connection).items():
        changes = ", ".join(f"ALTER INDEX `{index}` {HIDE[is_mariadb][which]}" for index in indexes)
        connection.exec_driver_sql(f"ALTER TABLE `{table}` {changes}")


def _indexes(connection: Connection) -> dict[str, list[str]]:
    """The plain indexes of the product's tables, as they are declared, that the database has."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT table_name, index_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
    )
    there = {(str(table), str(index)) for table, index in rows}
    found = {
        str(table.name): sorted(str(one.name) for one in table.indexes if (table.name, one.name) in there)
        for table in Base.metadata.sorted_tables
    }
    return {table: indexes for table, indexes in found.items() if indexes and not table.startswith(AUDIT_LOG)}
