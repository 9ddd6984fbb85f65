"""Many rows at once, past the session and its guards: for an empty database that a command fills, and for nothing else.

demo.generated uses it.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from school_app.config import Settings
from school_app.core.db.columns import plain
from school_app.core.db.engines import loading_engine
from school_app.core.errors import DomainError

Row = Sequence[Any]
# Rows of one file, and of one transaction: some tens of megabytes at most.
ROWS_A_FILE = 200_000
ROWS_AT_ONCE = 5_000
NULL = "\\N"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


class FilesRefused(DomainError):
    """The server takes no rows from a client's file; str() says what to set."""


class RowsRefused(RuntimeError):
    """The server has not taken rows as they are; str() says which table, and what it says of them."""


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("A moment without a time zone cannot be stored.")
    # The embedded database compares moments as text, so all of them are written with six digits.
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=plain)


# Days are few, and each is written many times.
_day = lru_cache(maxsize=10_000)(date.isoformat)


def stored(value: Any) -> Any:
    """A value as the database stores it: whole numbers, text or None. Enums by value, JSON with sorted keys."""
    return _STORED[Enum if isinstance(value, Enum) else type(value)](value)


def _same(value: Any) -> Any:
    return value


# How a value is stored, by its type; the models' own types write the same.
_STORED: dict[type, Callable[[Any], Any]] = {
    int: _same,
    float: _same,
    str: _same,
    type(None): _same,
    bool: int,
    date: _day,
    datetime: _moment,
    Decimal: str,
    Enum: lambda value: stored(value.value),
    dict: _json,
    list: _json,
}


def _text(value: str) -> str:
    return value.translate(ESCAPES) if "\\" in value or not value.isprintable() else value


# The same in a line of a file, for the types of which there are many.
_CELLS: dict[type, Callable[[Any], str]] = {
    int: str,
    str: _text,
    type(None): lambda value: NULL,
    date: _day,
    datetime: _moment,
}


def _cell(value: Any) -> str:
    return _text(str(stored(value)))


def _line(row: Row) -> str:
    return "\t".join([_CELLS.get(value.__class__, _cell)(value) for value in row]) + "\n"


@contextmanager
def loading(settings: Settings) -> Iterator[Loader]:
    """A connection of its own on which neither references nor unique keys are looked at; the caller answers for both.

    Raises FilesRefused, before anything is written.
    """
    engine = loading_engine(settings)
    raw = engine.raw_connection()
    try:
        with tempfile.TemporaryDirectory(prefix="formroom-rows-") as folder, ThreadPoolExecutor(1) as thread:
            kind = SqliteLoader if engine.dialect.name == "sqlite" else Loader
            loader = kind(raw.driver_connection, Path(folder), thread)
            yield loader
            loader.settle()
    finally:
        raw.invalidate()
        engine.dispose()


class Loader:
    """Writes rows to a server by files of bounded size, each a transaction of its own.

    While the server takes one file the next is made: what is wrong with a file is told at the one after it, or by
    settle(). What was loaded before something breaks off stays. `seconds` is how long the server took, by table.
    """

    def __init__(self, connection: Any, folder: Path, thread: ThreadPoolExecutor) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._folder, self._thread = folder, thread
        self._files = itertools.count()
        self._under_way: Future[None] | None = None
        self._cursor = connection.cursor()
        self._cursor.execute("SELECT @@GLOBAL.local_infile")
        if not self._cursor.fetchone()[0]:
            raise FilesRefused(
                "The database server takes no rows from files (local_infile is off). Nothing was written. As its "
                "administrator run: SET GLOBAL local_infile = ON; begin again, and switch it off afterwards."
            )
        connection.autocommit(True)
        self._cursor.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")

    def write(self, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
        """Write rows, each with a value for each of `columns`, and return how many. Raises RowsRefused."""
        written, waiting = 0, iter(rows)
        while True:
            path = self._folder / f"{table.name}-{next(self._files)}.tsv"
            with path.open("w", encoding="utf-8", newline="") as file:
                count = _write(file.write, itertools.islice(waiting, ROWS_A_FILE))
            if not count:
                return written
            self.settle()
            self._under_way = self._thread.submit(self._load, table, columns, path, count=count)
            written += count

    def settle(self) -> None:
        """Wait until everything that was written is in the database. Raises RowsRefused."""
        if self._under_way is not None:
            self._under_way.result()

    def _load(self, table: Table, columns: Sequence[str], path: Path, *, count: int) -> None:
        started = time.monotonic()
        names = ", ".join(f"`{name}`" for name in columns)
        taken = self._cursor.execute(
            f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE `{table.name}` CHARACTER SET utf8mb4 "
            f"FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({names})"
        )
        # A local file's wrong rows are left out or bent with no more than a warning, whatever the SQL mode says.
        self._cursor.execute("SHOW WARNINGS LIMIT 3")
        warnings = "; ".join(str(one[2]) for one in self._cursor.fetchall())
        if taken != count or warnings:
            raise RowsRefused(f"{taken} of {count} rows of {table.name} were taken: {warnings or 'no warning'}.")
        path.unlink()
        self.seconds[table.name] += time.monotonic() - started


class SqliteLoader(Loader):
    """The same for the embedded database, which takes rows as they are."""

    def __init__(self, connection: Any, folder: Path, thread: ThreadPoolExecutor) -> None:
        self.seconds = defaultdict(float)
        self._under_way = None
        self._connection = connection
        connection.execute("PRAGMA foreign_keys = OFF")

    def write(self, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
        """As Loader.write()."""
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 - names of models alone.
        written, waiting = 0, iter(rows)
        while batch := [tuple(map(stored, row)) for row in itertools.islice(waiting, ROWS_AT_ONCE)]:
            started = time.monotonic()
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, batch)
            self._connection.execute("COMMIT")
            self.seconds[table.name] += time.monotonic() - started
            written += len(batch)
        return written


def _write(write: Callable[[str], int], rows: Iterable[Row]) -> int:
    count = 0
    for row in rows:
        write(_line(row))
        count += 1
    return count
