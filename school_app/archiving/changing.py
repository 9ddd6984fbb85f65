"""Changes of tables that others are using: each commits by itself, and none keeps writers waiting behind it for long.

archiving.years, audit.exchange and audit.partitioning use it. Names of tables are the product's own, never a person's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from school_app.archiving.lease import Lease

# The server ends a connection that has been silent for so long, which is less than the lease lives: a process that was
# stopped between the look at its lease and its statement finds, when it goes on, that it can no longer send it.
SILENT_SECONDS = 5
# Writers wait behind a change of a table that waits for a reader; no longer than this.
WAIT_SECONDS = 1
LOCK_WAIT = 1205


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a change is tried while somebody holds the table, and how many seconds lie between two tries.

    The pause grows by itself with each try, up to the longest.
    """

    tries: int = 6
    pause: float = 0.5
    longest_pause: float = 3.0


USUAL = Patience()


class TableBusy(RuntimeError):
    """Somebody held the table at every try; nothing was changed."""


@contextmanager
def by_itself(engine: Engine) -> Iterator[Connection]:
    """A connection on which every statement commits by itself; it is closed for good afterwards."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            connection.execute(
                text(
                    f"SET SESSION lock_wait_timeout = {WAIT_SECONDS}, innodb_lock_wait_timeout = {WAIT_SECONDS}, "
                    f"wait_timeout = {SILENT_SECONDS}"
                )
            )
            yield connection
        finally:
            # Its settings, and whatever it has locked, are not for anybody else.
            connection.invalidate()


def change(engine: Engine, statement: str, *, lease: Lease | None = None, patience: Patience = USUAL) -> None:
    """Do one change of tables, under a lease where one is given, in some tries where somebody holds the table.

    Raises TableBusy or LeaseLost.
    """
    with by_itself(engine) as connection:
        change_on(connection, statement, lease=lease, patience=patience)


def change_on(
    connection: Connection, statement: str, *, lease: Lease | None = None, patience: Patience = USUAL
) -> None:
    """As change(), on a connection that commits by itself."""

    def once() -> None:
        if lease is not None:
            lease.hold_on(connection)
        connection.execute(text(statement))

    in_tries(statement, once, patience)


def in_tries(statement: str, once: Callable[[], None], patience: Patience) -> None:
    """Call a function that does a statement, and call it again where somebody holds the table. Raises TableBusy."""
    for attempt in range(1, patience.tries + 1):
        try:
            once()
            return
        except DBAPIError as error:
            if error_number(error) != LOCK_WAIT:
                raise
            if attempt == patience.tries:
                raise TableBusy(f"The table was in use for all of {attempt} tries: {statement}") from error
        time.sleep(min(patience.pause * attempt, patience.longest_pause))


@contextmanager
def locking(connection: Connection, tables: str) -> Iterator[None]:
    """Hold tables against others, as in "audit_log READ"; what is done within may touch no others."""
    connection.execute(text(f"LOCK TABLES {tables}"))
    try:
        yield
    finally:
        # Where the connection is gone, so are its locks.
        if not connection.invalidated:
            connection.execute(text("UNLOCK TABLES"))


def error_number(error: DBAPIError) -> int:
    """The server's number of an error; 0 where it has none."""
    arguments: tuple[Any, ...] = getattr(error.orig, "args", ())
    return int(arguments[0]) if arguments and isinstance(arguments[0], int) else 0
