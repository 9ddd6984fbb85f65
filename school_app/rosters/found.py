"""What is known of a bundle while it is checked, for the references of the files that come later.

rosters.check fills it file by file; check_people and check_results go on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from school_app.rosters.bundle import Bundle
from school_app.rosters.parts import Parts
from school_app.rosters.problems import Problems
from school_app.rosters.records import Kind

LEFT_OUT = "The row is left out."
Places = frozenset[tuple[str, Kind]]


@dataclass(frozen=True, slots=True)
class When:
    """When a session is: its first day, and the school year that it lies in; None where it lies in none."""

    starts_on: date
    year: str | None


@dataclass(frozen=True, slots=True)
class Taught:
    """A homeroom or class: its school and its first day; None where that cannot be said."""

    title: str
    school: str
    starts_on: date | None
    line: int


@dataclass(slots=True)
class Found:
    """What is known of a bundle so far, for the references of the files that come later."""

    bundle: Bundle
    problems: Problems
    parts: Parts
    session_ids: dict[str, When] = field(default_factory=dict)
    org_ids: set[str] = field(default_factory=set)
    class_ids: dict[str, Taught] = field(default_factory=dict)
    people: dict[str, Places] = field(default_factory=dict)
    places: dict[Places, Places] = field(default_factory=dict)
    items: dict[str, tuple[str, Decimal]] = field(default_factory=dict)

    def new(self, file: str, line: int, sourced_id: str) -> None:
        """As once(), for files whose rows are more than the people."""
        self.once(file, line, sourced_id, () if self.parts.is_new(file, sourced_id) else (sourced_id,))

    def once(self, file: str, line: int, sourced_id: str, found: Collection[str]) -> None:
        """Note an id that stood in the file before."""
        if sourced_id in found:
            message = f"{sourced_id!r} stands in the file twice."
            self.problems.error(file, line, "sourcedId", message=message, remedy="Each row has an id of its own.")

    def known(self, file: str, line: int, column: str, value: str, ids: Collection[str]) -> None:
        """Note a reference to what is nowhere in the bundle; an empty one refers to nothing."""
        if value and value not in ids:
            message = f"{value!r} is nowhere in the bundle."
            remedy = "Export the row it points to, or remove this one."
            self.problems.error(file, line, column, message=message, remedy=remedy)
