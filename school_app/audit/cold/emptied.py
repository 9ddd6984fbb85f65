"""Years of which the archive holds nothing any more: the room that they took on the disk is given back.

A partition stays as large as it was when its rows are deleted. audit.cold.cooling calls this at the end of a run.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from school_app.audit.batches import ARCHIVE
from school_app.audit.changing import USUAL, by_itself, in_tries
from school_app.audit.lease import Lease
from school_app.audit.partitions import has_partitions, partitions

# What an empty partition takes in any case is less than this.
LEAST_BYTES = 8 * 2**20


def give_room_back(engine: Engine, lease: Lease, before: int, *, least_bytes: int = LEAST_BYTES) -> list[str]:
    """Empty the partitions of the archive whose years ended before `before` and that hold no row; returns their names.

    It changes tables, which commits by itself: the caller has no transaction open, and holds the lease, without which
    nobody writes to the archive. Whether a row is left is seen with the table locked, in the moment before the change.
    Servers tell the room of a partition from what they counted last, so that it may be given back by the next run only.
    Raises TableBusy or LeaseLost.
    """
    if not has_partitions(engine):
        return []
    ends = datetime(before, 1, 1, tzinfo=UTC)
    over = {one.name for one in partitions(engine) if one.table == ARCHIVE.name and one.until and one.until <= ends}
    with by_itself(engine) as connection:
        large = [name for name in _of_room(connection, least_bytes) if name in over]
        return [name for name in large if _emptied(connection, lease, name)]


def _of_room(connection: Connection, least_bytes: int) -> list[str]:
    statement = text(
        "SELECT partition_name FROM information_schema.partitions WHERE table_schema = DATABASE() "
        "AND table_name = :name AND data_length + index_length + data_free >= :bytes ORDER BY partition_name"
    )
    return list(connection.scalars(statement, {"name": ARCHIVE.name, "bytes": least_bytes}))


def _emptied(connection: Connection, lease: Lease, name: str) -> bool:
    """Empty one partition where no row is left in it; returns whether that was so."""
    # Names of partitions are the product's own, never a person's.
    left = text(f"SELECT 1 FROM {ARCHIVE.name} PARTITION ({name}) LIMIT 1")  # noqa: S608
    change, is_empty = f"ALTER TABLE {ARCHIVE.name} TRUNCATE PARTITION {name}", False

    def once() -> None:
        nonlocal is_empty
        if connection.execute(left).first() is not None:
            return
        lease.hold_on(connection)
        connection.execute(text(f"LOCK TABLES {ARCHIVE.name} WRITE"))
        try:
            is_empty = connection.execute(left).first() is None
            if is_empty:
                connection.execute(text(change))
        finally:
            # Where the connection is gone, so are its locks.
            if not connection.invalidated:
                connection.execute(text("UNLOCK TABLES"))

    in_tries(change, once, USUAL)
    return is_empty
