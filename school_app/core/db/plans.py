"""How the server carries out the statements of a read: its own plan of each, with partitions and index.

flask explain, flask audit explain and the bench print it, and tests/plans hold it. SQLite, which has neither
partitions nor hints, tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

from school_app.core.statements import named

WHOLE_TABLE = "ALL"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan: of which statement, which table, which of its partitions, along which index, about how many
    rows, and how.

    Where a statement reads several tables, the last step is that of merging what each of them gave.
    """

    statement: str
    table: str | None
    partitions: str
    kind: str
    index: str | None
    rows: int | None
    extra: str

    @property
    def is_merging(self) -> bool:
        """Whether it merges what other steps gave, which is a page of each at most."""
        return (self.table or "").startswith("<union")

    @property
    def reads_everything(self) -> bool:
        """Whether it reads a table without an index; what other steps gave is no table."""
        return self.kind == WHOLE_TABLE and not (self.table or "<").startswith("<")

    @property
    def how(self) -> str:
        """The way of reading, with what the server says of it."""
        return f"{self.kind}; {self.extra}" if self.extra else self.kind


def plan_of(connection: Connection, read: Callable[[], object], *, apart: str | None = None) -> list[Step]:
    """The plans of the statements that a read sends on a connection; it is carried out once for that.

    Statements that name the table `apart` are left out.
    """
    with _sent(connection, apart) as statements:
        read()
    return [step for statement, parameters in statements for step in explained(connection, statement, parameters)]


def explained(connection: Connection, statement: str, parameters: Any = None) -> list[Step]:
    """The server's plan of a statement as its driver is given it; with None the values stand in it already."""
    word = "EXPLAIN PARTITIONS" if connection.dialect.is_mariadb else "EXPLAIN FORMAT=TRADITIONAL"  # type: ignore[attr-defined]
    rows = connection.exec_driver_sql(f"{word} {statement}", parameters).mappings()
    return [step_of(named(statement), row) for row in rows]


def step_of(statement: str, row: Any) -> Step:
    """A row of a plan, as either server tells it, as a step of a statement."""
    # MariaDB tells figures as texts, and behind it how much of them a filter by row ids leaves, as in "12 (2%)".
    rows = None if row["rows"] is None else int(str(row["rows"]).split()[0])
    extra = str(row["Extra"] or "")
    return Step(statement, row["table"], str(row["partitions"] or ""), str(row["type"] or "–"), row["key"], rows, extra)


@contextmanager
def _sent(connection: Connection, apart: str | None) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent on a connection meanwhile."""
    found: list[tuple[str, Any]] = []

    def note(on: object, cursor: object, statement: str, parameters: Any, context: object, executemany: bool) -> None:
        if apart is None or apart not in statement:
            found.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", note)
