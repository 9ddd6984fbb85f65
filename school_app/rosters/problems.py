"""What is wrong with a file: where, what, and what to do about it.

Readers collect Problems; services refuse the import with ImportRefused.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_ERRORS = 100
# Each says what was decided about a row, and nobody reads more of them; a million would fill the memory.
MOST_WARNINGS = 1_000


class Severity(enum.StrEnum):
    """An error refuses the file; a warning is shown, and the row is brought in as the decision says."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `line` is the physical line of the file, from 1; None where the whole file is meant."""

    severity: Severity
    file: str
    line: int | None
    column: str | None
    message: str
    remedy: str

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f", line {self.line}"
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.message} {self.remedy}"


class ImportRefused(Exception):
    """The file changes nothing; `problems` say why."""

    def __init__(self, problems: Sequence[Problem], more: int = 0) -> None:
        self.problems = tuple(problems)
        self.more = more
        lines = [str(problem) for problem in self.problems]
        super().__init__("\n".join([*lines, f"and {more} more"] if more else lines))


@dataclass(slots=True)
class Problems:
    """The problems found so far in one import: the first errors and warnings are kept in full, the rest are counted."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    more_errors: int = 0
    more_warnings: int = 0

    def error(self, file: str, line: int | None, column: str | None, *, message: str, remedy: str) -> None:
        """Note an error."""
        if len(self.errors) >= MOST_ERRORS:
            self.more_errors += 1
            return
        self.errors.append(Problem(Severity.ERROR, file, line, column, message, remedy))

    def warning(self, file: str, line: int | None, column: str | None, *, message: str, remedy: str) -> None:
        """Note a warning. What is said of a whole file or school is always kept."""
        if line is not None and len(self.warnings) >= MOST_WARNINGS:
            self.more_warnings += 1
            return
        self.warnings.append(Problem(Severity.WARNING, file, line, column, message, remedy))

    def refuse_if_any(self) -> None:
        """Raise ImportRefused where an error was noted."""
        if self.errors:
            raise ImportRefused(self.errors, self.more_errors)
