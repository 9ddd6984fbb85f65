"""flask audit partitions and partition-table: the years of the audit tables.

audit.commands adds them to its group.
"""

from __future__ import annotations

import click
from flask import current_app

from school_app.archiving.changing import TableBusy
from school_app.archiving.columns import UnknownColumns
from school_app.archiving.lease import ArchiveBusy, LeaseLost
from school_app.archiving.partition_commands import partitions_command
from school_app.audit import partitions as parts
from school_app.audit.partitioning import NotPartitioned, Partitioning
from school_app.core.db import Base, unhurried_session
from school_app.core.tenancy import all_schools
from school_app.core.terminal import progress, told_plainly
from school_app.core.words import counted

BY = "flask audit partition-table"
FAULTS = (ArchiveBusy, LeaseLost, TableBusy, UnknownColumns, NotPartitioned)


show_partitions = partitions_command(parts.YEARS)


@click.command("partition-table")
@click.option("--table", "name", type=click.Choice(parts.TABLES), default=parts.TABLES[0], show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--drop-old", is_flag=True, help="Compare the table as it was once more with the rows, and drop it.")
def partition_table(name: str, dry_run: bool, drop_old: bool) -> None:
    """Give an audit table without partitions its years, while the product goes on writing to it.

    It may be broken off and begun again. The table as it was stays beside it, with “_before” after its name, until
    --drop-old. It works with the owner's account, as migrations do, and needs as much free space as the table takes.
    """
    with unhurried_session(current_app.config["FORMROOM"]) as session, all_schools(session), told_plainly(*FAULTS):
        work = Partitioning(session, Base.metadata.tables[name], BY)
        plan = work.plan()
        session.rollback()
        if dry_run:
            what = f"{counted(plan.rows, 'row')}, {plan.copied:,} of them copied"
            click.echo(f"{name}: {what}; about {plan.bytes:,} bytes.")
            click.echo(f"{'It is' if work.is_swapped else 'It would be'} partitioned so: {plan.partitions}.")
            click.echo("Nothing was written.")
            return
        steps = work.drop_before() if drop_old else work.steps()
        # What refuses the work does so in its first step, before a bar is shown.
        next(steps)
        session.commit()
        doing, done = ("Comparing", 0) if drop_old else ("Copying", plan.copied)
        with progress() as bar:
            task = bar.add_task(doing, total=plan.rows, completed=done)
            for rows in steps:
                session.commit()
                bar.advance(task, rows)
        old = work.before.name
        kept = f"{old} is kept until --drop-old." if work.has_before else "No table is kept of what it was."
    click.echo(f"{old} was dropped." if drop_old else f"{name} has its years. {kept}")
