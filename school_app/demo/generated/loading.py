"""Where generated rows go: table by table into the database, counted and timed.

Every module of this package that makes rows hands them to a Sink with the Shape that they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import Table

from school_app.core.db.bulk import Loader, Row


class Shape:
    """The columns of a table in the order of the values of its rows. ValueError where a needed one is left out."""

    def __init__(self, model: type[Any], columns: str) -> None:
        self.table = cast(Table, model.__table__)
        # A plain text, which SQLAlchemy's own name is not.
        self.name = str(self.table.name)
        self.columns = tuple(columns.split())
        needed = {one.name for one in self.table.columns if not one.nullable and one.server_default is None}
        # A server fills what a file lacks with a zero or an empty text, and says nothing.
        if wrong := needed.symmetric_difference(self.columns) - {
            one.name for one in self.table.columns if one.nullable
        }:
            raise ValueError(f"Rows of {self.name} lack, or do not have: {', '.join(sorted(wrong))}.")

    def place(self, column: str) -> int:
        """Where a row has the value of a column."""
        return self.columns.index(column)


class Numbers:
    """Ids counted on from 1, for each table its own."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def next(self, table: str) -> int:
        """The next id of a table."""
        return self.take(table, 1)

    def take(self, table: str, count: int) -> int:
        """The first of so many ids of a table, which are nobody else's."""
        first = self._given[table] + 1
        self._given[table] += count
        return first


class Sink:
    """Takes rows to the database, and counts them by table."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self.rows: Counter[str] = Counter()

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long the server took, by table."""
        return self._loader.seconds

    def put(self, shape: Shape, rows: Iterable[Row]) -> None:
        """Load some rows; they may be made while they are written. The last may be on their way still."""
        self.rows[shape.name] += self._loader.write(shape.table, shape.columns, rows)

    def settle(self) -> None:
        """Wait until all rows are in the database."""
        self._loader.settle()
