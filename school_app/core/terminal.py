"""What commands print: tables that keep every column when they go to a file or a pipe, and errors in their own words.

Every command group uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

# Where nothing says how wide the output is, a cut cell would be a lost figure.
PIPED_WIDTH = 400


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
