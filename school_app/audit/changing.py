"""Changes of tables that others are using: each commits by itself, and none keeps writers waiting behind it for long.

audit.exchange, audit.partitions and audit.partitioning use it. Names of tables are the product's own, never a person's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from school_app.audit.lease import Lease

# The server ends a connection that has been silent for so long, which is less than the lease lives: a process that was
# stopped between the look at its lease and its statement finds, when it goes on, that it can no longer send it.
SILENT_SECONDS = 5
# Writers wait behind a change of a table that waits for a reader; no longer than this.
WAIT_SECONDS = 1
TRIES, PAUSE_SECONDS, LONGEST_PAUSE = 6, 0.5, 3.0
LOCK_WAIT = 1205


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


def change(engine: Engine, statement: str, *, lease: Lease | None = None, tries: int = TRIES) -> None:
    """Do one change of tables, under a lease where one is given, in some tries where somebody holds the table.

    Raises TableBusy or LeaseLost.
    """
    with by_itself(engine) as connection:
        change_on(connection, statement, lease=lease, tries=tries)


def change_on(connection: Connection, statement: str, *, lease: Lease | None = None, tries: int = TRIES) -> None:
    """As change(), on a connection that commits by itself."""
    for attempt in range(1, tries + 1):
        try:
            if lease is not None:
                lease.hold_on(connection)
            connection.execute(text(statement))
            return
        except DBAPIError as error:
            if error_number(error) != LOCK_WAIT:
                raise
            if attempt == tries:
                raise TableBusy(f"The table was in use for all of {tries} tries: {statement}") from error
        time.sleep(min(PAUSE_SECONDS * attempt, LONGEST_PAUSE))


def error_number(error: DBAPIError) -> int:
    """The server's number of an error; 0 where it has none."""
    arguments: tuple[Any, ...] = getattr(error.orig, "args", ())
    return int(arguments[0]) if arguments and isinstance(arguments[0], int) else 0
