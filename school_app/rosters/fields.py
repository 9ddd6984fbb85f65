"""Reading the fields of one row with what is expected of them; every failure is noted at its place.

rosters.records and the importers of local files use it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from school_app.rosters.csv_reader import Row
from school_app.rosters.problems import Problems

STATUSES = ("", "active", "tobedeleted")


@dataclass(frozen=True, slots=True)
class Reader:
    """The fields of one row, read with what is expected of them; every failure is noted at its place."""

    file: str
    row: Row
    problems: Problems

    def text(self, name: str, *, needed: bool = False, longest: int = 191) -> str:
        """A text; an empty one where the column is missing."""
        value = self.row.fields.get(name, "")
        if needed and not value:
            self._wrong(name, "The field is empty.", "Fill it in.")
        if len(value) > longest:
            self._wrong(name, f"The text has {len(value)} characters.", f"{longest} are the most.")
        return value

    def list(self, name: str) -> tuple[str, ...]:
        """A list, separated by commas within the field."""
        return tuple(part.strip() for part in self.row.fields.get(name, "").split(",") if part.strip())

    def choice(self, name: str, known: Collection[str]) -> str:
        """One of some words; where it is another, the error is noted and an empty one returned."""
        value = self.row.fields.get(name, "")
        if value in known:
            return value
        accepted = ", ".join(word or "(empty)" for word in known)
        self._wrong(name, f"{value!r} is not known here.", f"Accepted: {accepted}.")
        return ""

    def day(self, name: str, *, needed: bool = False) -> date | None:
        """A day, ISO 8601; None where the field is empty."""
        value = self.row.fields.get(name, "")
        if not value:
            if needed:
                self._wrong(name, "The field is empty.", "Enter a day such as 2026-05-17.")
            return None
        try:
            found = date.fromisoformat(value)
        except ValueError:
            self._wrong(name, f"{value!r} is no day.", "Write it as 2026-05-17.")
            return None
        if len(value) != 10 or not 1900 <= found.year <= 2200:
            self._wrong(name, f"{value!r} is no day of this time.", "Write it as 2026-05-17.")
        return found

    def needed_day(self, name: str) -> date:
        """A day that has to be there; where it is not, the error is noted and a stand-in returned."""
        return self.day(name, needed=True) or date(1900, 1, 1)

    def flag(self, name: str) -> bool:
        """true or false; an empty field is false."""
        return self.choice(name, ("", "true", "false")) == "true"

    def number(self, name: str) -> Decimal | None:
        """A number; None where the field is empty."""
        value = self.row.fields.get(name, "")
        if not value:
            return None
        try:
            found = Decimal(value)
        except InvalidOperation:
            self._wrong(name, f"{value!r} is no number.", "Write it with a point, such as 17.5.")
            return None
        if not found.is_finite() or not -1_000_000 < found < 1_000_000 or found != round(found, 3):
            self._wrong(name, f"{value!r} cannot be kept.", "Numbers below a million with three decimals can.")
            return None
        return found

    def is_active(self) -> bool:
        """Whether the row is not marked to be deleted."""
        return self.choice("status", STATUSES) != "tobedeleted"

    def _wrong(self, column: str, message: str, remedy: str) -> None:
        self.problems.error(self.file, self.row.line, column, message=message, remedy=remedy)
