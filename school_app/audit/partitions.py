"""The yearly partitions of the audit tables: which there are, those of the years to come, and rows that found none.

workers.jobs and `flask audit partitions` use it. SQLite has none, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, inspect, text
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.changing import change
from school_app.audit.digests import Digest, digests
from school_app.core import clock
from school_app.core.db import Base

AnySession = Session | scoped_session[Any]
TABLES = ("audit_log", "audit_log_archive")
STAGING = "audit_log_staging"
CATCH_ALL = "pmax"
FIRST_YEAR, YEARS_AHEAD = 2020, 2
# Rows in the catch-all that are written anew without being asked for: a tenth of a second's wait for writers.
MOST_MOVED = 1_000
# A date further ahead than so many years is taken for the mistake of a clock.
YEARS_MENDED = 10


class PartitionsMissing(RuntimeError):
    """A year has no partition, or rows have none of their own. str() says where, and what to run."""


class TooFar(RuntimeError):
    """Rows are dated so far ahead that no partitions are made for them. str() says what to do."""


class NotMended(RuntimeError):
    """Rows of the catch-all are not what they were before; somebody has to look."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: rows and bytes are the server's estimates.

    It holds the moments from `since`, which is None for the first, to before `until`, which is None for the catch-all.
    """

    table: str
    name: str
    since: datetime | None
    until: datetime | None
    rows: int
    bytes: int


def has_partitions(engine: Engine) -> bool:
    """Whether this server partitions tables."""
    return engine.dialect.name != "sqlite"


def partitions(engine: Engine) -> Sequence[Partition]:
    """Every partition of the audit tables, in order."""
    with engine.connect() as connection:
        return partitions_on(connection)


def partitions_on(connection: Connection) -> Sequence[Partition]:
    """As partitions(), on a connection that there is."""
    if connection.dialect.name == "sqlite":
        return []
    statement = text(
        "SELECT table_name, partition_name, partition_description, table_rows, data_length + index_length "
        "FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name IN (:hot, :cold) "
        "AND partition_name IS NOT NULL ORDER BY table_name, partition_ordinal_position"
    )
    rows = connection.execute(statement, {"hot": TABLES[0], "cold": TABLES[1]}).all()
    found: list[Partition] = []
    for table, name, below, number, size in rows:
        before = found[-1] if found and found[-1].table == table else None
        found.append(
            Partition(table, name, before.until if before else None, _moment(below), int(number or 0), int(size or 0))
        )
    return found


def _moment(below: str) -> datetime | None:
    """The bound of a partition as the servers write it: '2027-01-01 00:00:00.000000' in quotes, or MAXVALUE."""
    return None if below == "MAXVALUE" else datetime.fromisoformat(below.strip("'")).replace(tzinfo=UTC)


def bytes_a_row(session: AnySession) -> int:
    """About how many bytes one live row takes with its indexes, by the server's estimate; 0 where it has none."""
    if session.get_bind().dialect.name == "sqlite":
        return 0
    statement = text(
        "SELECT SUM(data_length + index_length) / SUM(table_rows) FROM information_schema.partitions "
        "WHERE table_schema = DATABASE() AND table_name = :hot AND table_rows > 0"
    )
    return int(session.scalar(statement, {"hot": TABLES[0]}) or 0)


def is_partitioned(engine: Engine, table: str) -> bool:
    """Whether a table has partitions."""
    if not has_partitions(engine):
        return False
    statement = text(
        "SELECT COUNT(*) FROM information_schema.partitions WHERE table_schema = DATABASE() "
        "AND table_name = :name AND partition_name IS NOT NULL"
    )
    with engine.connect() as connection:
        return bool(connection.execute(statement, {"name": table}).scalar_one())


def bounds(engine: Engine, table: str) -> str:
    """The partitions that a table is to have, in SQL: those of the other audit table, and of the years to come.

    Both have the same ones, since years are exchanged between them.
    """
    now = clock.now().year
    years = {one.until.year - 1 for one in partitions(engine) if one.table != table and one.until}
    every_year = sorted((years or set(range(FIRST_YEAR, now))) | set(range(now, now + YEARS_AHEAD + 1)))
    return ", ".join([*map(_year, every_year), f"PARTITION {CATCH_ALL} VALUES LESS THAN (MAXVALUE)"])


def _year(year: int) -> str:
    return f"PARTITION p{year} VALUES LESS THAN ('{year + 1}-01-01 00:00:00.000000')"


def keep(engine: Engine) -> int:
    """Make the partitions of this and the next two years where they are missing; returns how many were made.

    A change of a table commits by itself on these servers, so each is one statement that can be repeated. What lies in
    the catch-all is written anew by it while writers wait, so a table that holds much there is left to mend().
    """
    full = {one.table for one in strays(engine) if one.rows > MOST_MOVED}
    now = clock.now().year
    return sum(
        _make_years(engine, table, range(now, now + YEARS_AHEAD + 1))
        for table in TABLES
        if table not in full and is_partitioned(engine, table)
    )


def _make_years(engine: Engine, table: str, years: Iterable[int]) -> int:
    """Make the partitions of some years, the earliest first, each out of the one that holds the year so far."""
    made = 0
    for year in years:
        here = [one for one in partitions(engine) if one.table == table]
        begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        if any(one.until == ends for one in here):
            continue
        holder = next(one for one in here if one.until is None or one.until > begins)
        change(
            engine,
            f"ALTER TABLE {table} REORGANIZE PARTITION {holder.name} INTO ({_year(year)}, {_as_it_is(holder)})",
        )
        made += 1
    return made


def _as_it_is(one: Partition) -> str:
    until = "MAXVALUE" if one.until is None else f"'{one.until:%Y-%m-%d %H:%M:%S.%f}'"
    return f"PARTITION {one.name} VALUES LESS THAN ({until})"


def missing(engine: Engine) -> list[str]:
    """What is not as it should be, in sentences: tables without partitions, years without one, rows that found none."""
    if not has_partitions(engine):
        return []
    with engine.connect() as connection:
        years = missing_years(connection)
    return [*years, *_other_shapes(engine), *map(str, strays(engine))]


def missing_years(connection: Connection) -> list[str]:
    """Tables without partitions, and this and the coming years where they have none, in sentences; one statement."""
    if connection.dialect.name == "sqlite":
        return []
    here, now = partitions_on(connection), clock.now().year
    found = []
    for table in TABLES:
        ends = {one.until.year - 1 for one in here if one.table == table and one.until}
        if not any(one.table == table for one in here):
            found.append(f"{table} has no partitions: run “flask audit partition-table --table {table}”.")
            continue
        found += [
            f"{table} has no partition of {year}: run “flask audit partitions --keep”."
            for year in range(now, now + YEARS_AHEAD + 1)
            if year not in ends
        ]
    return found


def _other_shapes(engine: Engine) -> list[str]:
    """Tables that a year could not pass through, since their columns or indexes are not those of the live one."""
    inspector = inspect(engine)
    shapes = {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            {(one["name"], *one["column_names"]) for one in inspector.get_indexes(table)},
        )
        for table in (*TABLES, STAGING)
    }
    return [
        f"{table} has not the columns and indexes of {TABLES[0]}, so that no year can pass: run flask db upgrade."
        for table, shape in shapes.items()
        if shape != shapes[TABLES[0]]
    ]


@dataclass(frozen=True, slots=True)
class Strays:
    """Rows in the catch-all of a table, where none should be; counted, not estimated."""

    table: str
    rows: int
    first_year: int
    last_year: int
    last_id: int

    def __str__(self) -> str:
        years = str(self.first_year) if self.first_year == self.last_year else f"{self.first_year} to {self.last_year}"
        where = f"{self.rows} rows of {self.table}, dated {years}, lie in the catch-all"
        return f"{where}: run “flask audit partitions --mend”."


def strays(engine: Engine) -> list[Strays]:
    """The rows that found no year's partition, by table."""
    if not has_partitions(engine):
        return []
    found = []
    for table in TABLES:
        if not is_partitioned(engine, table):
            continue
        statement = f"SELECT COUNT(*), MIN(YEAR(created_at)), MAX(YEAR(created_at)), MAX(id) FROM {table} "  # noqa: S608
        with engine.connect() as connection:
            rows, first, last, last_id = connection.execute(text(f"{statement} PARTITION ({CATCH_ALL})")).one()
        if rows:
            found.append(Strays(table, int(rows), int(first), int(last), int(last_id)))
    return found


def mend(engine: Engine) -> int:
    """Give the rows of the catch-all partitions of their years, and prove that they are the same; returns how many.

    Writers wait while they are written anew. Raises TooFar where a date is so far ahead that a clock must have been
    wrong: sealed rows keep their dates, and lie in the catch-all until their year comes near.
    """
    moved = 0
    for one in strays(engine):
        latest = clock.now().year + YEARS_MENDED
        if one.last_year > latest:
            raise TooFar(
                f"{one.table} holds rows dated up to {one.last_year}, in which no log can have been written: set the "
                f"clock of what wrote them. Partitions are made up to {latest}; the rows stay readable where they are."
            )
        begins = max(p.until for p in partitions(engine) if p.table == one.table and p.until)
        before = _digest(engine, one, begins)
        _make_years(engine, one.table, range(begins.year, one.last_year + 1))
        if _digest(engine, one, begins) != before or any(left.table == one.table for left in strays(engine)):
            raise NotMended(
                f"The rows of {one.table} are not what they were, or rows lie in the catch-all still: look!"
            )
        moved += one.rows
    return moved


def _digest(engine: Engine, found: Strays, begins: datetime) -> Digest | None:
    table = Base.metadata.tables[found.table]
    with Session(engine) as session:
        return digests(
            session, [table], lambda t: and_(t.c.created_at >= begins, t.c.id <= found.last_id), by_day=False
        ).get(None)
