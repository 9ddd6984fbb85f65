"""How the server reads the history: its own plan of each statement of a read, with partitions and index.

flask audit explain prints it, and tests/plans hold it. SQLite, which has neither partitions nor hints, tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

# Read with every page once, from the manifest of cold files, which is small and has no partitions.
APART = "audit_cold_file"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan: which table, which of its partitions, along which index, about how many rows, and how.

    Where a statement reads several tables, the last step is that of merging what each of them gave.
    """

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


def plan_of(connection: Connection, read: Callable[[], object]) -> list[Step]:
    """The plans of the statements on audit rows that a read sends on a connection; it is carried out once for that."""
    with _sent(connection) as statements:
        read()
    word = "EXPLAIN PARTITIONS" if connection.dialect.is_mariadb else "EXPLAIN FORMAT=TRADITIONAL"  # type: ignore[attr-defined]
    return [
        _step(row)
        for statement, parameters in statements
        for row in connection.exec_driver_sql(f"{word} {statement}", parameters).mappings()
    ]


def _step(row: Any) -> Step:
    # MariaDB tells figures as texts.
    rows = None if row["rows"] is None else int(row["rows"])
    return Step(row["table"], str(row["partitions"]), str(row["type"]), row["key"], rows, str(row["Extra"] or ""))


@contextmanager
def _sent(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent on a connection meanwhile."""
    found: list[tuple[str, Any]] = []

    def note(on: object, cursor: object, statement: str, parameters: Any, context: object, executemany: bool) -> None:
        if APART not in statement:
            found.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", note)
