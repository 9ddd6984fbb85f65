"""An audit table without partitions becomes one with them, while rows go on being written to it.

    audit_log → audit_log_new, in batches by id, then compared → one RENAME: the new table is audit_log, the old one is
    audit_log_before → the rows of the last instant follow, and are compared

`flask audit partition-table` drives it, under the archiver's lease, with the owner's account, and commits after each
step. Killed anywhere, it goes on from what it finds. docs/decisions/0030 says why it is done so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.orm import Session

from school_app.archiving.changing import Patience, by_itself, change, change_on
from school_app.archiving.columns import check_columns
from school_app.archiving.lease import Lease
from school_app.archiving.years import has_partitions, is_partitioned
from school_app.audit.batches import STAGED, also_in
from school_app.audit.digests import COLUMNS, digests
from school_app.audit.exchange import ahead_of_all_ids
from school_app.audit.partitions import bounds
from school_app.audit.sources import TABLES
from school_app.core.words import counted

NEW, BEFORE = "_new", "_before"
BATCH = 10_000
# Ids whose rows are compared in one statement.
COMPARED = 50_000
# When no more than so many rows are left, the tables change places: these follow, and for that instant no reader sees
# them.
FEW = 500
# A long report may hold the table for a minute.
PATIENT = Patience(tries=30)


class NotPartitioned(RuntimeError):
    """The table cannot be partitioned, or the old one not be dropped. str() says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do: rows of the table and those copied already, both counted, and about how many bytes."""

    rows: int
    copied: int
    bytes: int
    partitions: str


class Partitioning:
    """The work on one table, which goes on where an earlier one was broken off."""

    def __init__(self, session: Session, table: Table, holder: str, *, batch: int = BATCH) -> None:
        bind = session.get_bind()
        if not has_partitions(cast(Engine, bind)):
            raise NotPartitioned("This database is SQLite, which has no partitions.")
        self._session, self._engine, self._batch = session, cast(Engine, bind), batch
        self.table, self.new, self.before = table, _named(table, NEW), _named(table, BEFORE)
        self._lease = Lease(session, holder)
        self._compared = 0

    @property
    def is_swapped(self) -> bool:
        """Whether the table has partitions; the old one may hold rows still that have to follow."""
        return is_partitioned(self._engine, self.table.name)

    @property
    def has_before(self) -> bool:
        """Whether the table as it was is there still."""
        return self._exists(self.before)

    def plan(self) -> Plan:
        """What would be done; nothing is written."""
        source = self.before if self.is_swapped else self.table
        with by_itself(self._engine) as connection:
            rows = _count(connection, source) if self._exists(source) else 0
            copied = rows if self.is_swapped else _count(connection, self.new) if self._exists(self.new) else 0
            size = "SELECT data_length + index_length FROM information_schema.tables "
            size += "WHERE table_schema = DATABASE() AND table_name = :name"
            taken = connection.execute(text(size), {"name": source.name}).scalar() or 0
        return Plan(rows, copied, int(taken), bounds(self._engine, self.table.name))

    def steps(self) -> Iterator[int]:
        """Do it: after each step, yielded as the rows that it copied, the caller commits.

        Raises ArchiveBusy, LeaseLost, UnknownColumns, TableBusy or NotPartitioned; the caller rolls back, and may begin
        again.
        """
        self._lease.acquire()
        yield 0
        if not self.is_swapped:
            check_columns(self._session, COLUMNS, self.table)
            yield 0
            self._make()
            yield from self._copy_all()
            self._change_places()
        if self.has_before:
            last = self._last_of(self.before)
            yield from self._copy(self.before, last)
            yield from self._compared_only(self.before, TABLES, last)
        self._lease.release()
        yield 0

    def drop_before(self) -> Iterator[int]:
        """Compare the old table with the rows wherever they lie in the database now, then drop it.

        After each step, yielded as the rows that it compared, the caller commits. Raises as steps() does; where a row
        differs or is missing, nothing is dropped.
        """
        if not self.is_swapped or not self.has_before:
            raise NotPartitioned(f"There is no {self.before.name} beside a partitioned {self.table.name}.")
        self._lease.acquire()
        yield 0
        yield from self._compare(self.before, TABLES, self._last_of(self.before))
        change(self._engine, f"DROP TABLE {self.before.name}", lease=self._lease, patience=PATIENT)
        self._lease.release()
        yield 0

    def _make(self) -> None:
        """Make the new table, empty and with its partitions, unless an earlier run has made it."""
        if self.has_before:
            raise NotPartitioned(f"{self.before.name} is there from an earlier time: compare and drop it first.")
        if self._exists(self.new) and not is_partitioned(self._engine, self.new.name):
            with by_itself(self._engine) as connection:
                if _count(connection, self.new):
                    raise NotPartitioned(f"{self.new.name} holds rows and has no partitions; this did not make it.")
            self._change(f"DROP TABLE {self.new.name}")
        if not self._exists(self.new):
            self._change(f"CREATE TABLE {self.new.name} LIKE {STAGED.name}")
            parts = bounds(self._engine, self.table.name)
            self._change(f"ALTER TABLE {self.new.name} PARTITION BY RANGE COLUMNS (created_at) ({parts})")

    def _copy_all(self) -> Iterator[int]:
        """Copy and compare until only the rows of the last instant are left."""
        left = FEW + 1
        while left > FEW:
            up_to_id = self._settled()
            yield from self._copy(self.table, up_to_id)
            yield from self._compared_only(self.table, [self.new], up_to_id)
            with by_itself(self._engine) as connection:
                later = select(func.count()).select_from(self.table).where(self.table.c.id > up_to_id)
                left = int(connection.execute(later).scalar_one())

    def _settled(self) -> int:
        """An id up to which every row is there that will ever be: at some moment nobody was writing.

        A transaction that has not ended holds ids that are lower than those of rows that can be seen already. The
        lock waits for all of them, and for that time, a second at most, writers wait.
        """
        with by_itself(self._engine) as connection:
            self._lease.hold_on(connection)
            change_on(connection, f"LOCK TABLES {self.table.name} READ", patience=PATIENT)
            found = connection.execute(select(func.max(self.table.c.id))).scalar()
            connection.execute(text("UNLOCK TABLES"))
        return int(found or 0)

    def _copy(self, source: Table, up_to_id: int) -> Iterator[int]:
        """Copy rows in the order of their ids, so that the highest that is there says how far it has come."""
        target = self.table if source is self.before else self.new
        while True:
            self._lease.hold()
            after_id = self._last_copied(target, up_to_id)
            within = source.c.id.between(after_id + 1, up_to_id)
            ids = select(source.c.id).where(within).order_by(source.c.id).limit(self._batch).subquery()
            until, rows = self._session.execute(select(func.max(ids.c.id), func.count())).one()
            if not rows:
                break
            columns = [source.c[name] for name in COLUMNS]
            chosen = select(*columns).where(source.c.id.between(after_id + 1, until))
            done: Any = self._session.execute(insert(target).from_select(COLUMNS, chosen))
            if done.rowcount != rows:
                chosen_rows = counted(rows, "row")
                raise NotPartitioned(f"{chosen_rows} counted and {done.rowcount:,} copied: {source.name} has changed.")
            yield rows
        yield 0

    def _last_copied(self, target: Table, up_to_id: int) -> int:
        """How far copying has come; after the change of places the archiver may have moved the last rows on."""
        tables = TABLES if target is self.table else (target,)
        found = [
            self._session.scalar(select(func.max(table.c.id)).where(table.c.id <= up_to_id)) or 0 for table in tables
        ]
        return max(found)

    def _compared_only(self, source: Table, targets: Sequence[Table], up_to_id: int) -> Iterator[int]:
        """As _compare(), in steps that copy no row."""
        for _ in self._compare(source, targets, up_to_id):
            yield 0

    def _compare(self, source: Table, targets: Sequence[Table], up_to_id: int) -> Iterator[int]:
        """Compare number and digest of the rows, so many ids at a time, from where the last comparison ended.

        After each step, yielded as the rows that were the same, the caller commits.
        """
        least = self._session.scalar(select(func.min(source.c.id))) or 0
        self._compared = max(self._compared, least - 1)
        yield 0
        while self._compared < up_to_id:
            self._lease.hold()
            first, last = self._compared + 1, min(self._compared + COMPARED, up_to_id)
            within = partial(_between, first, last)
            here = digests(self._session, [source], within, by_day=False)
            # The new table holds nothing else; later, what was archived before lies among these ids.
            theirs = within if targets == [self.new] else partial(also_in, source, within)
            if here != digests(self._session, targets, theirs, by_day=False):
                where = " + ".join(map(str, targets))
                raise NotPartitioned(
                    f"Of rows {first} to {last} of {source.name} some are not in {where}, or not the same. "
                    "Nothing was dropped: look at them, and run “flask audit verify”."
                )
            self._compared = last
            yield sum(one.rows for one in here.values())

    def _change_places(self) -> None:
        """The new table takes the name of the old one, in one statement that no crash can break in two."""
        with by_itself(self._engine) as connection:
            ahead = ahead_of_all_ids(connection)
        self._change(f"ALTER TABLE {self.new.name} AUTO_INCREMENT = {ahead}")
        name = self.table.name
        self._change(f"RENAME TABLE {name} TO {self.before.name}, {self.new.name} TO {name}")

    def _change(self, statement: str) -> None:
        change(self._engine, statement, lease=self._lease, patience=PATIENT)

    def _last_of(self, table: Table) -> int:
        with by_itself(self._engine) as connection:
            return int(connection.execute(select(func.max(table.c.id))).scalar() or 0)

    def _exists(self, table: Table) -> bool:
        return inspect(self._engine).has_table(table.name)


def _named(table: Table, ending: str) -> Table:
    return table.to_metadata(MetaData(), name=f"{table.name}{ending}")


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _between(first: int, last: int, table: Table) -> ColumnElement[bool]:
    return table.c.id.between(first, last)
