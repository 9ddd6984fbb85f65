"""flask audit: archive, partitions and runs; seal, verify and cold storage have modules of their own.

school_app.cli registers them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import click
from flask import current_app
from rich.table import Table

from school_app.archiving.at_work import at_work, step_through
from school_app.archiving.replicas import Replicas
from school_app.audit import archive as archiving
from school_app.audit.cold_commands import cool, give_up, restore, show_cold
from school_app.audit.explain_commands import explain
from school_app.audit.models import ArchiveRun
from school_app.audit.partition_commands import partition_table, show_partitions
from school_app.audit.refused import PlainGroup
from school_app.audit.retention_commands import retention
from school_app.audit.runs import runs as latest_runs
from school_app.audit.seal_commands import seal, verify
from school_app.core.acting import Acting
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from school_app.core.terminal import Seconds, print_table, progress, told_plainly
from school_app.core.words import counted

BY = "flask audit archive"


@click.group(cls=PlainGroup)
def audit() -> None:
    """The audit log: its archive, partitions and seals."""


def _age(context: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})d", value)
    if not found:
        raise click.BadParameter("write it in days, as in 90d")
    return timedelta(days=int(found.group(1)))


@audit.command()
@click.option("--older-than", default=f"{archiving.HOT_DAYS}d", show_default=True, callback=_age)
@click.option("--dry-run", is_flag=True, help="Say how many rows would move; write nothing.")
@click.option("--max-rows", type=click.IntRange(1), help="Stop after so many rows.")
@click.option("--max-seconds", type=Seconds(0.1), help="Stop after so long.")
@click.option(
    "--batch", type=click.IntRange(1, 50_000), default=archiving.BATCH, show_default=True, help="Rows a transaction."
)
@click.option("--pause", type=Seconds(0, 300), default=0.0, show_default=True, help="Seconds between batches.")
def archive(
    older_than: timedelta, dry_run: bool, max_rows: int | None, max_seconds: float | None, batch: int, pause: float
) -> None:
    """Move rows past their hot days to the archive: whole years by exchange of partitions, the rest in batches."""
    limits = archiving.Limits(older_than, batch=batch, max_rows=max_rows, max_seconds=max_seconds, pause=pause)
    settings = current_app.config["FORMROOM"]
    with at_work(settings.as_archiver(), Acting(actor_name=BY)) as session, told_plainly(*archiving.REFUSALS):
        run = archiving.Run(session, limits, started_by=BY, replicas=Replicas.of(settings))
        plan = run.plan()
        session.rollback()
        before = f"{run.cutoff:%Y-%m-%d %H:%M:%S} UTC"
        if dry_run:
            _show_plan(plan, before)
            return
        waiting = sum(portion.rows for portion in plan)
        _carry_out(run, waiting)
        method = run.record.method or "nothing"
        click.echo(f"{run.moved:,} of {counted(waiting, 'row')} from before {before} moved by {method}.")
        if run.record.waited:
            click.echo(f"It waited {run.record.waited:.0f} s for replicas.")
        for note in run.record.notes:
            click.echo(f"Note: {note}.")


def _carry_out(run: archiving.Run, waiting: int) -> None:
    with progress() as bar:
        task = bar.add_task("Archiving", total=waiting)

        def told(moved: int) -> None:
            waits = run.record.waits_for
            bar.update(task, advance=moved, description=f"Waiting: {waits}" if waits else "Archiving")

        step_through(run.session, run, told)


def _show_plan(plan: Sequence[archiving.Portion], before: str) -> None:
    table = Table("Method", "What", "Rows")
    for portion in plan:
        table.add_row(portion.method, portion.what, f"{portion.rows:,}")
    print_table(table)
    rows = sum(portion.rows for portion in plan)
    click.echo(f"{counted(rows, 'row')} from before {before} would move. Nothing was written.")


@audit.command()
def runs() -> None:
    """Show the latest archive runs; how many megabytes each moved is an estimate."""
    table = Table("Started", "By", "Before", "State", "Method")
    for name in ("Rows", "MB", "Seconds"):
        table.add_column(name, justify="right")
    for column in table.columns:
        # What is cut in a narrow terminal would be a lost figure; names may go over more lines.
        column.no_wrap, column.overflow = column.header not in ("By", "Method"), "fold"
    notes = []
    with all_schools(db.session):
        for run in latest_runs(db.session):
            table.add_row(*_told(run))
            waited = [f"It waited {run.waited:,} s for replicas."] if run.waited else []
            notes += [f"{run.started_at:%Y-%m-%d %H:%M}: {note}" for note in [*waited, run.error] if note]
    print_table(table)
    for note in notes:
        click.echo(note)


def _told(run: ArchiveRun) -> tuple[str, ...]:
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    megabytes = run.bytes / 1_000_000
    return (
        f"{run.started_at:%Y-%m-%d %H:%M}",
        run.started_by,
        f"{run.cutoff:%Y-%m-%d}",
        run.status.value,
        run.method or "–",
        f"{run.moved:,}",
        f"{megabytes:,.0f}" if megabytes >= 100 else f"{megabytes:.1f}",
        "–" if seconds is None else f"{seconds:.1f}",
    )


COMMANDS = (cool, explain, give_up, partition_table, restore, seal, show_cold, show_partitions, verify)
for command in COMMANDS:
    audit.add_command(command)
GROUPS: tuple[click.Group, ...] = (audit, retention)
