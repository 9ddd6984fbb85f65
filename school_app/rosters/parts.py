"""The rows of a bundle sorted by school while they are checked, so that each school reads its own and nothing else.

rosters.check fills it, the parts of an import read it; it lies on disk, and its memory does not grow with the rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from operator import attrgetter
from types import TracebackType
from typing import Any, Self, TypeVar

from school_app.rosters.records import Category, Course, Org, Session

BATCH = 1_000
# In units of 1,024 bytes, as SQLite has it when the number is below zero.
CACHE = -16_000
TABLES = """
    CREATE TABLE row (
        school TEXT, kind TEXT, number INTEGER, line INTEGER, said TEXT, PRIMARY KEY (school, kind, number)
    ) WITHOUT ROWID;
    CREATE TABLE seen (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
T = TypeVar("T")
READ: dict[str, Callable[[Any], Any]] = {"date": date.fromisoformat, "Decimal": Decimal, "tuple[str, ...]": tuple}


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of a kind become JSON, and what makes of each field what it was; None where JSON keeps it so."""

    values: Callable[[Any], tuple[Any, ...]]
    ways: tuple[Callable[[Any], Any] | None, ...]


class Parts:
    """The schools of a bundle, what all of them share, and the rows of each; of one school alone where `only` names it.

    Sessions, courses and categories belong to no school, and there are few of them: they are kept in memory.
    """

    def __init__(self, only: str | None = None) -> None:
        self.only = only
        self.schools: dict[str, Org] = {}
        self.sessions: dict[str, Session] = {}
        self.courses: dict[str, Course] = {}
        self.categories: dict[str, Category] = {}
        # A database without a name is a file of its own, which nobody else can open and which goes when it is closed.
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = {CACHE}; {TABLES} BEGIN;")
        self._shapes: dict[str, Shape] = {}
        self._said = json.JSONEncoder(ensure_ascii=False, default=str).encode
        self._number = 0
        self._waiting: list[tuple[str, str, int, int, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, school: str, line: int, record: Any) -> None:
        """Keep a row for a school, unless it is none that is brought in."""
        if school not in self.schools or self.only not in (None, school):
            return
        said = self._said(self._shape(type(record)).values(record))
        self._number += 1
        self._waiting.append((school, type(record).__name__, self._number, line, said))
        if len(self._waiting) >= BATCH:
            self._write()

    def is_new(self, kind: str, sourced_id: str) -> bool:
        """Whether an id of a kind of row has not been asked for before."""
        statement = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
        return self._file.execute(statement, (kind, sourced_id)).rowcount == 1

    def of(self, school: str) -> Part:
        """One school's part."""
        self._write()
        return Part(self, school)

    def rows(self, school: str, kind: type[T]) -> Iterator[tuple[int, T]]:
        """A school's rows of a kind in the order of the bundle, with their lines."""
        statement = "SELECT line, said FROM row WHERE school = ? AND kind = ? ORDER BY number"
        ways = self._shape(kind).ways
        for line, said in self._file.execute(statement, (school, kind.__name__)):
            values = zip(ways, json.loads(said), strict=True)
            yield line, kind(*[way(value) if way and value is not None else value for way, value in values])

    def _shape(self, kind: type[Any]) -> Shape:
        found = self._shapes.get(kind.__name__)
        if found is None:
            columns = fields(kind)
            ways = tuple(READ.get(str(one.type).removesuffix(" | None")) for one in columns)
            found = self._shapes[kind.__name__] = Shape(attrgetter(*(one.name for one in columns)), ways)
        return found

    def _write(self) -> None:
        self._file.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?)", self._waiting)
        self._waiting = []


@dataclass(frozen=True, slots=True)
class Part:
    """What a bundle says of one school, and what all its schools share."""

    parts: Parts
    school: str

    def rows(self, kind: type[T]) -> Iterator[tuple[int, T]]:
        """The school's rows of a kind, with their lines; as a stream."""
        return self.parts.rows(self.school, kind)
