"""Years of which the archive holds nothing any more: the room that they took on the disk is given back.

A partition stays as large as it was when its rows are deleted. audit.cold.cooling calls this at the end of a run.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Engine, text

from school_app.archiving.changing import USUAL, by_itself, in_tries, locking
from school_app.archiving.lease import Lease
from school_app.archiving.years import Partition, has_partitions
from school_app.audit.batches import ARCHIVE
from school_app.audit.partitions import partitions


def give_room_back(engine: Engine, lease: Lease, years: Collection[int]) -> list[str]:
    """Empty the partitions of the archive in which some years lay, where no row is left; returns their names.

    It changes tables, which commits by itself: the caller has no transaction open, and holds the lease, without which
    nobody writes to the archive. Whether a row is left is seen with the table locked, in the moment before the change.
    How large a partition is not every server tells, so that one which is small already is emptied as well. Raises
    TableBusy or LeaseLost.
    """
    if not years or not has_partitions(engine):
        return []
    names = [one.name for one in partitions(engine) if one.table == ARCHIVE.name and _is_of(one, years)]
    with by_itself(engine) as connection:
        return [name for name in names if _emptied(connection, lease, name)]


def _is_of(one: Partition, years: Collection[int]) -> bool:
    if one.until is None:
        return False
    first = min(years) if one.since is None else one.since.year
    return any(first <= year < one.until.year for year in years)


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
        with locking(connection, f"{ARCHIVE.name} WRITE"):
            is_empty = connection.execute(left).first() is None
            if is_empty:
                connection.execute(text(change))

    in_tries(change, once, USUAL)
    return is_empty
