"""What commands print: tables that keep every column when they go to a file or a pipe, and errors in their own words.

Every command group uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from math import isnan
from typing import Any

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from school_app.core import asked

# Where nothing says how wide the output is, a cut cell would be a lost figure.
PIPED_WIDTH = 400


class Day(click.ParamType[date]):
    """A day that an option takes, within the years that any page takes as well."""

    name = "day"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or the usage error that says how one is written."""
        if isinstance(value, date):
            return value
        try:
            return asked.day(value)
        except asked.OutsideCalendar as error:
            self.fail(f"{error}; name a day of these", param, ctx)
        except ValueError:
            self.fail(f"{value!r} is no day; write it as in 2026-05-17", param, ctx)


class Seconds(click.FloatRange):
    """A number of seconds that an option takes; what is no number at all lies beside every bound, and is refused."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or the usage error that says what is asked for."""
        found = super().convert(value, param, ctx)
        if isnan(found):
            self.fail(f"{value!r} is no number of seconds; write it as in 90 or 0.5", param, ctx)
        return found


DAY = Day()


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or as wide as it needs to be where there is none."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    console.print(table)


def progress() -> Progress:
    """A bar that counts, beside what the command prints: it goes to standard error."""
    return Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True))


@contextmanager
def told_plainly(*faults: type[Exception]) -> Iterator[None]:
    """Errors of these kinds end the command with what they say, and with status 1."""
    try:
        yield
    except faults as error:
        raise click.ClickException(str(error)) from None
