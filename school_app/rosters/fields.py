"""Reading the fields of one row with what is expected of them; every failure is noted at its place.

rosters.records and the importers of local files use it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from school_app.accounts.staff import EMAIL
from school_app.rosters.csv_reader import Row
from school_app.rosters.problems import Problems

STATUSES = ("", "active", "tobedeleted")
LONGEST_LIST = 10_000
# ISO 8601 has other spellings of a day, which no exporter means: 20260517 and 2026-W20-7.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Reader:
    """The fields of one row, read with what is expected of them; every failure is noted at its place."""

    file: str
    row: Row
    problems: Problems

    def text(self, name: str, *, needed: bool = False, longest: int = 191, lines: bool = False) -> str:
        """A text; an empty one where the column is missing. Of several lines only where `lines` allows it."""
        value = self.row.fields.get(name, "")
        if not value.isprintable() and any(_breaks(one) for one in value) and not lines:
            self._wrong(name, "The text holds a line break or another control character.", "Take it out.")
        if needed and not value:
            self._wrong(name, "The field is empty.", "Fill it in.")
        if len(value) > longest:
            self._wrong(name, f"The text has {len(value)} characters.", f"{longest} are the most.")
        return value

    def list(self, name: str, *, longest: int = 191) -> tuple[str, ...]:
        """A list, separated by commas within the field, each part once."""
        parts = [part.strip() for part in self.text(name, longest=LONGEST_LIST).split(",")]
        for part in parts:
            if len(part) > longest:
                self._wrong(name, f"{part[:40]!r} has {len(part)} characters.", f"{longest} are the most.")
        return tuple(dict.fromkeys(part for part in parts if part))

    def address(self, name: str) -> str:
        """An e-mail address in small letters; what is none is noted and left out."""
        value = self.text(name)
        if value and not EMAIL.fullmatch(value):
            message = f"{value[:80]!r} is no e-mail address."
            self.problems.warning(self.file, self.row.line, name, message=message, remedy="It is left out.")
            return ""
        return value.lower()

    def choice(self, name: str, known: Collection[str]) -> str:
        """One of some words; where it is another, the error is noted and an empty one returned."""
        value = self.row.fields.get(name, "")
        if value in known:
            return value
        accepted = ", ".join(word or "(empty)" for word in known)
        self._wrong(name, f"{value[:80]!r} is not known here.", f"Accepted: {accepted}.")
        return ""

    def day(self, name: str, *, needed: bool = False) -> date | None:
        """A day, ISO 8601; None where the field is empty."""
        value = self.row.fields.get(name, "")
        if not value:
            if needed:
                self._wrong(name, "The field is empty.", "Enter a day such as 2026-05-17.")
            return None
        try:
            found = date.fromisoformat(value) if DAY.fullmatch(value) else None
        except ValueError:
            found = None
        if found is None:
            self._wrong(name, f"{value[:40]!r} is no day.", "Write it as 2026-05-17.")
        elif not 1900 <= found.year <= 2200:
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
            found = Decimal(value.replace("_", "?"))
        except InvalidOperation:
            self._wrong(name, f"{value[:40]!r} is no number.", "Write it with a point, such as 17.5.")
            return None
        if not found.is_finite() or not -1_000_000 < found < 1_000_000 or found != round(found, 3):
            self._wrong(name, f"{value[:40]!r} cannot be kept.", "Numbers below a million with three decimals can.")
            return None
        return found

    def is_active(self) -> bool:
        """Whether the row is not marked to be deleted."""
        return self.choice("status", STATUSES) != "tobedeleted"

    def _wrong(self, column: str, message: str, remedy: str) -> None:
        self.problems.error(self.file, self.row.line, column, message=message, remedy=remedy)


def _breaks(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Zl", "Zp")
