"""Whole partitions to the archive without copying a row: out of the live table, through the staging table, in.

    live table ⇄ staging: the year leaves, and an empty partition takes its place
    archive ⇄ staging: the year arrives, and staging is empty again

audit.archive drives it. A change of partitions commits by itself, so each statement is a step of its own: killed
between two, the rows are in staging, where readers find them, and the next run goes on from what it finds there.
Nobody writes to staging. Where a server does not exchange, the rows go in batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from school_app.archiving.changing import Patience, TableBusy, by_itself, error_number, in_tries, locking
from school_app.archiving.lease import Lease
from school_app.archiving.years import Partition
from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.cold.models import ColdFile
from school_app.audit.partitions import partitions
from school_app.audit.sources import TABLES
from school_app.core.db import ON_A_DAY

HAS_DAY = ON_A_DAY.format("created_at")
# So many rows may be written before a table that has been told to number its rows from ahead of them is swapped in.
IDS_AHEAD = 1_000_000
# The server locks these in the order of their names: the live table first, which is where every reader begins.
ALONE = ", ".join(sorted(f"{table.name} WRITE" for table in (HOT, ARCHIVE, STAGED)))
# Different definitions, columns that MySQL added without rewriting the rows, or no right to lock tables.
REFUSALS = frozenset({1044, 1142, 1497, 1731, 1736, 1737})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Patience):
    """How an exchange goes on a server, and waits for tables that are in use: `wait` is the seconds of one try.

    Writers queue behind it while it waits. Left to itself, an exchange holds one table while it waits for the other,
    and whoever has read the other and comes to the first meets a deadlock. So it takes all of them at once on MySQL
    before it begins; on MariaDB, where it then waits for its own locks, it does not wait at all, and tries more often.

    MySQL can be told not to read every row again to see whether it belongs where it is brought (`unread`).
    """

    wait: int
    locks: bool
    unread: str


MYSQL = Waiting(tries=6, pause=1.0, longest_pause=1.0, wait=1, locks=True, unread=" WITHOUT VALIDATION")
MARIADB = Waiting(tries=120, pause=0.1, longest_pause=0.1, wait=0, locks=False, unread="")


class NotExchanged(Exception):
    """The partition cannot be exchanged now; its rows can go in batches. str() says why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in a table or a partition that is not empty.

    Rows whose moment lies on no day are counted for themselves, and are in nothing else that is told of it.
    """

    earliest: datetime
    latest: datetime
    last_id: int
    by_school: dict[int | None, int]
    without_day: int

    @property
    def rows(self) -> int:
        """How many rows that is."""
        return sum(self.by_school.values())


class Exchange:
    """The exchange of whole partitions on one server, under a lease."""

    def __init__(self, engine: Engine, lease: Lease) -> None:
        self._engine, self._lease = engine, lease

    def over(self, cutoff: datetime) -> list[Partition]:
        """The live partitions of which every row is older than the cutoff, and whose place in the archive is free."""
        all_of_them = partitions(self._engine)
        archived = {one.name: one for one in all_of_them if one.table == ARCHIVE.name}
        found = []
        for one in all_of_them:
            twin = archived.get(one.name)
            if one.table != HOT.name or one.until is None or one.until > cutoff:
                continue
            if twin is not None and (twin.since, twin.until) == (one.since, one.until) and self._is_free(twin):
                found.append(one)
        return found

    def contents(self, table: Table, partition: str | None = None) -> Contents | None:
        """What lies in a table, or in one of its partitions, counted; None where no row lies there that has a day."""
        part = f" PARTITION ({partition})" if partition else ""
        statement = text(
            f"SELECT school_id, COUNT(*), MIN(created_at), MAX(created_at), MAX(id), {HAS_DAY} AS has_day "  # noqa: S608
            f"FROM {table.name}{part} GROUP BY school_id, has_day"
        )
        with self._connected() as connection:
            found = connection.execute(statement).all()
        rows = [row for row in found if row.has_day]
        if not rows:
            return None
        return Contents(
            min(row[2] for row in rows).replace(tzinfo=UTC),
            max(row[3] for row in rows).replace(tzinfo=UTC),
            max(int(row[4]) for row in rows),
            {row[0]: int(row[1]) for row in rows},
            without_day=sum(int(row[1]) for row in found if not row.has_day),
        )

    def place_of(self, contents: Contents) -> Partition:
        """The archive's partition into which all of it fits. Raises NotExchanged where none is."""
        for one in partitions(self._engine):
            after = one.since is None or one.since <= contents.earliest
            if one.table == ARCHIVE.name and one.until is not None and after and contents.latest < one.until:
                return one
        raise NotExchanged(f"No partition holds all from {contents.earliest} to {contents.latest}.")

    def take_out(self, partition: Partition) -> None:
        """Swap a partition of the live table with the empty staging table. Raises NotExchanged or LeaseLost."""
        with self._connected() as connection:
            # The live table numbers its rows from what its partitions remember, the empty one among them.
            ahead = f"ALTER TABLE {STAGED.name} AUTO_INCREMENT = {ahead_of_all_ids(connection)}"
            swap = f"ALTER TABLE {HOT.name} EXCHANGE PARTITION {partition.name} WITH TABLE {STAGED.name}"
            for statement in (ahead, swap):
                self._change(connection, statement, free=STAGED.name)

    def bring_in(self, contents: Contents) -> None:
        """Swap the staging table, which holds this, with an empty partition of the archive. Raises NotExchanged.

        Raises LeaseLost, too. The contents say that every row belongs there, and nobody writes to staging: a server
        that would read them all once more, with the tables locked, is told not to.
        """
        name = self.place_of(contents).name
        with self._connected() as connection:
            swap = f"ALTER TABLE {ARCHIVE.name} EXCHANGE PARTITION {name} WITH TABLE {STAGED.name}"
            self._change(connection, swap + _patience(connection).unread, free=f"{ARCHIVE.name} PARTITION ({name})")

    def _change(self, connection: Connection, statement: str, *, free: str) -> None:
        """Do one change of tables under the lease, in a few tries where somebody holds the table.

        `free` is the place that rows are swapped into: a second swap would bring back what the first has moved, so it
        is looked at before every try.
        """

        def once() -> None:
            self._lease.hold_on(connection)
            if not _is_empty(connection, free):
                raise NotExchanged(f"{free} holds rows already.")
            with _alone(connection):
                connection.execute(text(statement))

        try:
            in_tries(statement, once, _patience(connection))
        except TableBusy as busy:
            raise NotExchanged(str(busy)) from busy
        except DBAPIError as error:
            if error_number(error) in REFUSALS:
                raise NotExchanged(str(error.orig)) from error
            raise

    def _is_free(self, partition: Partition) -> bool:
        with self._connected() as connection:
            return _is_empty(connection, f"{partition.table} PARTITION ({partition.name})")

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection on which every statement commits by itself, and waits for tables as this server's way is."""
        with by_itself(self._engine) as connection:
            connection.execute(text(f"SET SESSION lock_wait_timeout = {_patience(connection).wait}"))
            yield connection


def ahead_of_all_ids(connection: Connection) -> int:
    """A number from which a table may number its rows, so that no id is given twice.

    It is above every id wherever its row lies by now, cold storage and what was destroyed included, and above any that
    the live table may give before the swap.
    """
    known = (*(table.c.id for table in TABLES), ColdFile.last_id)
    return max(int(connection.execute(select(func.max(ids))).scalar() or 0) for ids in known) + IDS_AHEAD


def _patience(connection: Connection) -> Waiting:
    # Which server it is, the dialect knows once it has been connected.
    return MARIADB if getattr(connection.dialect, "is_mariadb", False) else MYSQL


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    if not _patience(connection).locks:
        yield
        return
    with locking(connection, ALONE):
        yield


def _is_empty(connection: Connection, place: str) -> bool:
    # Names of tables and partitions are the product's own, never a person's.
    return connection.execute(text(f"SELECT 1 FROM {place} LIMIT 1")).first() is None  # noqa: S608
