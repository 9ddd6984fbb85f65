"""The yearly partitions of the audit tables: which there are, and those of the years to come.

workers.jobs and `flask audit partitions` use it. SQLite has none, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock

AnySession = Session | scoped_session[Any]
TABLES = ("audit_log", "audit_log_archive")
CATCH_ALL = "pmax"
YEARS_AHEAD = 2


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
    if not has_partitions(engine):
        return []
    statement = text(
        "SELECT table_name, partition_name, partition_description, table_rows, data_length + index_length "
        "FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name IN (:hot, :cold) "
        "AND partition_name IS NOT NULL ORDER BY table_name, partition_ordinal_position"
    )
    with engine.connect() as connection:
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


def keep(engine: Engine) -> int:
    """Make the partitions of this and the next two years where they are missing; returns how many were made.

    A change of a table commits by itself on these servers, so each is one statement that can be repeated.
    """
    found = {(one.table, one.name) for one in partitions(engine)}
    made = 0
    for table in TABLES if found else ():
        for year in range(clock.now().year, clock.now().year + YEARS_AHEAD + 1):
            if (table, f"p{year}") not in found:
                _add(engine, table, year)
                made += 1
    return made


def _add(engine: Engine, table: str, year: int) -> None:
    # Names and years are this module's own, never a person's.
    statement = (
        f"ALTER TABLE {table} REORGANIZE PARTITION {CATCH_ALL} INTO ("
        f"PARTITION p{year} VALUES LESS THAN ('{year + 1}-01-01 00:00:00.000000'), "
        f"PARTITION {CATCH_ALL} VALUES LESS THAN (MAXVALUE))"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def strays(engine: Engine) -> int:
    """How many rows lie in the catch-all, where none should be; counted, not estimated."""
    if not has_partitions(engine):
        return 0
    total = 0
    with engine.connect() as connection:
        for table in TABLES:
            counted = connection.execute(text(f"SELECT COUNT(*) FROM {table} PARTITION ({CATCH_ALL})"))  # noqa: S608
            total += int(counted.scalar_one())
    return total
