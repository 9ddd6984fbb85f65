"""The command that shows, keeps and mends the partitions of some tables; the audit log and closed years each have one.

audit.partition_commands and years.commands add it to their groups.
"""

from __future__ import annotations

import click
from flask import current_app
from rich.table import Table
from sqlalchemy import Engine

from school_app.archiving.changing import TableBusy
from school_app.archiving.years import NotMended, TooFar, Yearly, has_partitions
from school_app.core.db.engines import unhurried_engine_of
from school_app.core.terminal import print_table, told_plainly
from school_app.core.words import counted

FAULTS = (TableBusy, TooFar, NotMended)


def partitions_command(years: Yearly) -> click.Command:
    """The command “partitions” for some tables."""

    @click.command("partitions")
    @click.option("--keep", is_flag=True, help="Make the partitions of the coming years where they are missing.")
    @click.option("--mend", is_flag=True, help="Give rows in the catch-all partitions of their years; writers wait.")
    def show_partitions(keep: bool, mend: bool) -> None:
        """Show the partitions; ends with status 1 where one is missing or rows lie in the catch-all."""
        settings = current_app.config["FORMROOM"]
        with unhurried_engine_of(settings.as_archiver()) as engine, told_plainly(*FAULTS):
            if not has_partitions(engine):
                click.echo("This database is SQLite, which has no partitions.")
                return
            if keep:
                click.echo(f"{counted(years.keep(engine), 'partition')} made.")
            if mend:
                brought = counted(years.mend(engine), "row")
                click.echo(f"{brought} brought from the catch-all to their years’ partitions, unchanged.")
            _show(years, engine)
            if found := years.missing(engine):
                raise click.ClickException("\n".join(found))

    return show_partitions


def _show(years: Yearly, engine: Engine) -> None:
    table = Table("Table", "Partition", "From", "Below", "Rows (about)", "Bytes (about)")
    for one in years.partitions(engine):
        since = f"{one.since:%Y-%m-%d}" if one.since else "the beginning"
        below = f"{one.until:%Y-%m-%d}" if one.until else "everything else"
        table.add_row(one.table, one.name, since, below, f"{one.rows:,}", f"{one.bytes:,}")
    print_table(table)
