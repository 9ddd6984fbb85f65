"""flask audit partitions and partition-table: the years of the audit tables.

audit.commands adds them to its group.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from school_app.audit import partitions as parts
from school_app.audit.changing import TableBusy, error_number
from school_app.audit.columns import UnknownColumns
from school_app.audit.lease import ArchiveBusy, LeaseLost
from school_app.audit.partitioning import NotPartitioned, Partitioning
from school_app.core.db import Base, unhurried_engine_of, unhurried_session
from school_app.core.tenancy import all_schools
from school_app.core.terminal import print_table, progress, told_plainly

BY = "flask audit partition-table"
# The server's numbers for what an account has no right to.
DENIED = (1044, 1142)
FAULTS = (ArchiveBusy, LeaseLost, TableBusy, UnknownColumns, NotPartitioned, parts.TooFar, parts.NotMended)


@click.command("partitions")
@click.option("--keep", is_flag=True, help="Make the partitions of the coming years where they are missing.")
@click.option("--mend", is_flag=True, help="Give rows in the catch-all partitions of their years; writers wait.")
def show_partitions(keep: bool, mend: bool) -> None:
    """Show the partitions; ends with status 1 where one is missing or rows lie in the catch-all."""
    with unhurried_engine_of(current_app.config["FORMROOM"].as_archiver()) as engine, _told_plainly():
        if not parts.has_partitions(engine):
            click.echo("This database is SQLite, which has no partitions.")
            return
        if keep:
            click.echo(f"{parts.keep(engine)} partitions made.")
        if mend:
            click.echo(f"{parts.mend(engine)} rows of the catch-all are in their years’ partitions now, unchanged.")
        _show(engine)
        if found := parts.missing(engine):
            raise click.ClickException("\n".join(found))


def _show(engine: Engine) -> None:
    table = Table("Table", "Partition", "From", "Below", "Rows (about)", "Bytes (about)")
    for one in parts.partitions(engine):
        since = f"{one.since:%Y-%m-%d}" if one.since else "the beginning"
        below = f"{one.until:%Y-%m-%d}" if one.until else "everything else"
        table.add_row(one.table, one.name, since, below, f"{one.rows:,}", f"{one.bytes:,}")
    print_table(table)


@click.command("partition-table")
@click.option("--table", "name", type=click.Choice(parts.TABLES), default=parts.TABLES[0], show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--drop-old", is_flag=True, help="Compare the table as it was once more with the rows, and drop it.")
def partition_table(name: str, dry_run: bool, drop_old: bool) -> None:
    """Give an audit table without partitions its years, while the product goes on writing to it.

    It may be broken off and begun again. The table as it was stays beside it, with “_before” after its name, until
    --drop-old. It works with the owner's account, as migrations do, and needs as much free space as the table takes.
    """
    with unhurried_session(current_app.config["FORMROOM"]) as session, all_schools(session), _told_plainly():
        work = Partitioning(session, Base.metadata.tables[name], BY)
        plan = work.plan()
        session.rollback()
        if dry_run:
            click.echo(f"{name}: {plan.rows:,} rows, of which {plan.copied:,} are copied; about {plan.bytes:,} bytes.")
            click.echo(f"{'It is' if work.is_swapped else 'It would be'} partitioned so: {plan.partitions}.")
            click.echo("Nothing was written.")
            return
        steps = work.drop_before() if drop_old else work.steps()
        with progress() as bar:
            task = bar.add_task("Comparing" if drop_old else "Copying", total=plan.rows, completed=plan.copied)
            for copied in steps:
                session.commit()
                bar.advance(task, copied)
    old = f"{name}_before"
    click.echo(f"{old} was dropped." if drop_old else f"{name} has its years. {old} is kept until --drop-old.")


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        with told_plainly(*FAULTS):
            yield
    except DBAPIError as error:
        if error_number(error) not in DENIED:
            raise
        raise click.ClickException(f"{error.orig}. Use the account that docs/operations.md names.") from None
