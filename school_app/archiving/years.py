"""Tables whose rows lie in partitions by years: which there are, those of the years to come, and rows that found none.

audit.partitions and years.partitions name their tables to it; workers.jobs and commands use those. SQLite has no
partitions, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Engine, bindparam, text

from school_app.archiving.changing import change
from school_app.core import clock
from school_app.core.db import ON_A_DAY
from school_app.core.words import counted

CATCH_ALL = "pmax"
FIRST_YEAR, YEARS_AHEAD = 2020, 2
# Rows in the catch-all that are written anew without being asked for: a tenth of a second's wait for writers.
MOST_MOVED = 1_000
# A date further ahead than so many years is taken for the mistake of a clock.
YEARS_MENDED = 10
MOST_NAMED = 10


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


@dataclass(frozen=True, slots=True)
class Strays:
    """Rows in the catch-all of a table, where none should be; counted, not estimated."""

    table: str
    rows: int
    first_year: int
    last_year: int
    last_id: int
    command: str

    def __str__(self) -> str:
        years = str(self.first_year) if self.first_year == self.last_year else f"{self.first_year} to {self.last_year}"
        where = f"{counted(self.rows, 'row')} of {self.table}, dated {years}, in the catch-all"
        if self.first_year > clock.now().year + YEARS_MENDED:
            return f"{where}: more than {YEARS_MENDED} years ahead, no partition is made; see docs/operations.md."
        return f"{where}: run “{self.command} --mend”."


def has_partitions(engine: Engine) -> bool:
    """Whether this server partitions tables."""
    return engine.dialect.name != "sqlite"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Yearly:
    """Tables that have the same partitions, one for each year of the moments or days in `column`.

    A year begins on `begins`, a month and a day, and is called by the number of the calendar year in which it does.
    `command` shows and keeps them; `without` says what to run for a table without partitions. `proof` tells the rows of
    a table from a moment on, up to an id, in a value that is the same after they were written anew. `far` is said of
    rows that no partition is made for, `also_wrong` finds what else has to be told.
    """

    tables: tuple[str, ...]
    column: str
    command: str
    without: str
    far: str
    proof: Callable[[Engine, str, datetime, int], object]
    begins: tuple[int, int] = (1, 1)
    has_time: bool = True
    also_wrong: Callable[[Engine], Sequence[str]] = lambda engine: ()

    def year_of(self, on: date) -> int:
        """The year in which a day or moment lies."""
        return on.year if (on.month, on.day) >= self.begins else on.year - 1

    def coming(self) -> range:
        """This year and those ahead that are to have partitions."""
        now = self.year_of(clock.now())
        return range(now, now + YEARS_AHEAD + 1)

    def partitions(self, engine: Engine) -> Sequence[Partition]:
        """Every partition of the tables, in order."""
        with engine.connect() as connection:
            return self.partitions_on(connection)

    def partitions_on(self, connection: Connection) -> Sequence[Partition]:
        """As partitions(), on a connection that there is."""
        if connection.dialect.name == "sqlite":
            return []
        statement = text(
            "SELECT table_name, partition_name, partition_description, table_rows, data_length + index_length "
            "FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name IN :tables "
            "AND partition_name IS NOT NULL ORDER BY table_name, partition_ordinal_position"
        ).bindparams(bindparam("tables", expanding=True))
        found: list[Partition] = []
        for table, name, below, rows, size in connection.execute(statement, {"tables": self.tables}).all():
            before = found[-1] if found and found[-1].table == table else None
            since = before.until if before else None
            found.append(Partition(table, name, since, _moment(below), int(rows or 0), int(size or 0)))
        return found

    def bounds(self, engine: Engine, table: str) -> str:
        """The partitions that a table is to have, in SQL: those of the other tables, and of the years to come.

        All have the same ones, since years are exchanged between them.
        """
        coming = self.coming()
        years = {self.ended(one) for one in self.partitions(engine) if one.table != table and one.until}
        every_year = sorted((years or set(range(FIRST_YEAR, coming.start))) | set(coming))
        return ", ".join([*map(self._year, every_year), f"PARTITION {CATCH_ALL} VALUES LESS THAN (MAXVALUE)"])

    def ended(self, one: Partition) -> int:
        """The year with which a partition ends."""
        if one.until is None:
            raise ValueError("The catch-all ends with no year.")
        return one.until.year - 1

    def keep(self, engine: Engine) -> int:
        """Make the partitions of this and the next two years where they are missing; returns how many were made.

        A change of a table commits by itself on these servers, so each is one statement that can be repeated. What lies
        in the catch-all is written anew by it while writers wait, so a table that holds much there is left to mend().
        """
        full = {one.table for one in self.strays(engine) if one.rows > MOST_MOVED}
        return sum(
            self._make_years(engine, table, self.coming())
            for table in self.tables
            if table not in full and is_partitioned(engine, table)
        )

    def _make_years(self, engine: Engine, table: str, years: Iterable[int]) -> int:
        """Make the partitions of some years, the earliest first, each out of the one that holds the year so far."""
        made = 0
        for year in years:
            here = [one for one in self.partitions(engine) if one.table == table]
            begins, ends = self._start(year), self._start(year + 1)
            if any(one.until == ends for one in here):
                continue
            holder = next(one for one in here if one.until is None or one.until > begins)
            change(
                engine,
                f"ALTER TABLE {table} REORGANIZE PARTITION {holder.name} INTO "
                f"({self._year(year)}, {self._as_it_is(holder)})",
            )
            made += 1
        return made

    def _start(self, year: int) -> datetime:
        return datetime(year, *self.begins, tzinfo=UTC)

    def _year(self, year: int) -> str:
        return f"PARTITION p{year} VALUES LESS THAN ({self._written(self._start(year + 1))})"

    def _as_it_is(self, one: Partition) -> str:
        until = "MAXVALUE" if one.until is None else self._written(one.until)
        return f"PARTITION {one.name} VALUES LESS THAN ({until})"

    def _written(self, bound: datetime) -> str:
        return f"'{bound:%Y-%m-%d %H:%M:%S.%f}'" if self.has_time else f"'{bound:%Y-%m-%d}'"

    def missing(self, engine: Engine) -> list[str]:
        """What is not as it should be, in sentences: tables without partitions, years without one, stray rows."""
        if not has_partitions(engine):
            return []
        with engine.connect() as connection:
            years = self.missing_years(connection)
        return [*years, *self.also_wrong(engine), *map(str, self.strays(engine))]

    def missing_years(self, connection: Connection) -> list[str]:
        """Tables without partitions, and this and the coming years where they have none, in sentences; one
        statement."""
        if connection.dialect.name == "sqlite":
            return []
        here = self.partitions_on(connection)
        found = []
        for table in self.tables:
            ends = {self.ended(one) for one in here if one.table == table and one.until}
            if not any(one.table == table for one in here):
                found.append(f"{table} has no partitions: {self.without.format(table=table)}.")
                continue
            found += [
                f"{table} has no partition of {year}: run “{self.command} --keep”."
                for year in self.coming()
                if year not in ends
            ]
        return found

    def strays(self, engine: Engine) -> list[Strays]:
        """The rows that found no year's partition, by table."""
        if not has_partitions(engine):
            return []
        found = []
        for table in self.tables:
            if not is_partitioned(engine, table):
                continue
            counts = f"COUNT(*), MIN({self.column}), MAX({self.column}), MAX(id)"
            # What lies on no day belongs to no year; audit.verify tells such rows.
            has_day = ON_A_DAY.format(self.column)
            statement = text(f"SELECT {counts} FROM {table} PARTITION ({CATCH_ALL}) WHERE {has_day}")  # noqa: S608
            with engine.connect() as connection:
                rows, first, last, last_id = connection.execute(statement).one()
            if rows:
                years = self.year_of(first), self.year_of(last)
                found.append(Strays(table, int(rows), *years, last_id=int(last_id), command=self.command))
        return found

    def mend(self, engine: Engine) -> int:
        """Give the rows of the catch-all partitions of their years, and prove that they are the same; how many it was.

        Writers wait while they are written anew. Raises TooFar, after all others, where a date is so far ahead that a
        clock must have been wrong: such rows keep their dates, and lie in the catch-all until their year comes near.
        """
        moved = 0
        for one in self.strays(engine):
            within = min(one.last_year, clock.now().year + YEARS_MENDED)
            if one.first_year <= within:
                moved += self._bring_home(engine, one, within)
        if far := [told for one in self.strays(engine) if (told := self._too_far(engine, one))]:
            raise TooFar(f"{counted(moved, 'row')} brought to their years. {' '.join(far)}")
        return moved

    def _bring_home(self, engine: Engine, one: Strays, within: int) -> int:
        """Make a table's partitions up to a year; returns how many rows left the catch-all. Raises NotMended."""
        begins = max(p.until for p in self.partitions(engine) if p.table == one.table and p.until)
        before = self.proof(engine, one.table, begins, one.last_id)
        self._make_years(engine, one.table, range(begins.year, within + 1))
        left = sum(left.rows for left in self.strays(engine) if left.table == one.table)
        if self.proof(engine, one.table, begins, one.last_id) != before or (left and one.last_year <= within):
            raise NotMended(
                f"The rows of {one.table} are not what they were, or rows lie in the catch-all still: look!"
            )
        return one.rows - left

    def _too_far(self, engine: Engine, one: Strays) -> str:
        """Which rows of a catch-all no partition is made for, and what is to be done with them."""
        statement = f"SELECT id FROM {one.table} PARTITION ({CATCH_ALL}) ORDER BY id LIMIT {MOST_NAMED + 1}"  # noqa: S608
        with engine.connect() as connection:
            ids = [str(id_) for id_ in connection.scalars(text(statement))]
        named = ", ".join(ids[:MOST_NAMED]) + (" and more" if len(ids) > MOST_NAMED else "")
        return f"{counted(one.rows, 'row')} of {one.table} dated up to {one.last_year} (id {named}) {self.far}"


def _moment(below: str) -> datetime | None:
    """The bound of a partition as the servers write it, a moment or a day in quotes, or MAXVALUE."""
    return None if below == "MAXVALUE" else datetime.fromisoformat(below.strip("'")).replace(tzinfo=UTC)
