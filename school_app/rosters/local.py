"""Local files: calendar.csv, attendance.csv and behaviour.csv, which OneRoster does not have.

rosters.calendar, rosters.attendance and rosters.behaviour bring them in, and share what is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.rosters.csv_reader import Layout, read_rows
from school_app.rosters.fields import Reader
from school_app.rosters.merge import Counts
from school_app.rosters.problems import Problems

AnySession = Session | scoped_session[Any]
REASON = "import of a local file"
BATCH = 1_000
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class File:
    """A local file on its way in: where it lies, how it is called, and the problems found in it."""

    path: Path
    name: str
    problems: Problems

    def rows(self, stream: IO[bytes], layout: Layout) -> Iterable[Reader]:
        """The rows, as a stream."""
        for row in read_rows(stream, self.name, layout, self.problems):
            yield Reader(self.name, row, self.problems)

    def wrong(self, line: int | None, column: str | None, message: str, remedy: str) -> None:
        """Note an error at its place; no line means the whole file."""
        self.problems.error(self.name, line, column, message=message, remedy=remedy)

    def noted(self, line: int | None, column: str | None, message: str, remedy: str) -> None:
        """Note what was decided about an odd row, or about the whole file."""
        self.problems.warning(self.name, line, column, message=message, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Known:
    """Which people there are beyond the school: whoever is in `elsewhere` is passed by, others are errors.

    `reporters` are the names of staff anywhere by their roster id, which only an operator's import knows.
    """

    elsewhere: frozenset[str] = frozenset()
    reporters: Mapping[str, str] | None = None


def finished(session: AnySession, file: File, counts: Counts) -> None:
    """Record that a file was brought in, where it changed anything."""
    if counts.differences:
        record(session, Event.IMPORT_FINISHED, reason=f"{file.name}: {counts.differences} rows written")


def ids_of(session: AnySession, model: Any) -> dict[str, int]:
    """The ids of the school's people of one kind by their roster ids."""
    rows = session.execute(select(model.sourced_id, model.id).where(model.sourced_id.is_not(None)))
    return {sourced_id: id_ for sourced_id, id_ in rows}


def in_batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as one statement should carry."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
