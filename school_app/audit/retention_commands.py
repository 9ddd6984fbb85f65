"""flask retention: how long data is kept, holds, and the destruction of what is past its time.

audit.commands registers the group.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from rich.table import Table
from sqlalchemy.orm import Session

from school_app.audit.at_work import at_work, step_through
from school_app.audit.clocks import ClocksDiffer
from school_app.audit.cold.store import ColdUnavailable, store
from school_app.audit.lease import ArchiveBusy, LeaseLost
from school_app.audit.retention import queries, service
from school_app.audit.retention.destroying import Destroying, NotAllDestroyed
from school_app.audit.retention.rules import DataClass, InvalidRetention
from school_app.audit.slugs import school_id_of
from school_app.config import Settings
from school_app.core.acting import Acting
from school_app.core.errors import NotFound
from school_app.core.terminal import print_table, told_plainly

BY = "flask retention"
REFUSALS = (ArchiveBusy, ClocksDiffer, ColdUnavailable, InvalidRetention, LeaseLost, NotAllDestroyed, NotFound, OSError)
SCHOOL = click.option("--school", "slug", metavar="SLUG", help="One school by its short name.")


@click.group()
def retention() -> None:
    """How long audit rows are kept, and what stops their destruction."""


@contextmanager
def _at_work(settings: Settings | None = None) -> Iterator[Session]:
    with told_plainly(*REFUSALS), at_work(settings or current_app.config["FORMROOM"], Acting(actor_name=BY)) as session:
        yield session


@retention.command()
@SCHOOL
def show(slug: str | None) -> None:
    """Show how long each class of data is kept, and by which rule; the platform's table unless a school is named."""
    table = Table("Class", "In words", "Years", "From", "Law or rule")
    with _at_work() as session:
        for line in queries.table(session, None if slug is None else school_id_of(session, slug)):
            later = "" if line.next_on is None else f"; {line.next_years} from {line.next_on:%Y-%m-%d}"
            whose = line.changed_by or "preset"
            table.add_row(line.data_class.value, line.data_class.words, f"{line.years}{later}", whose, line.source)
    print_table(table)


@retention.command("set")
@click.argument("data_class", type=click.Choice([one.value for one in DataClass]))
@click.argument("years", type=int)
@click.option("--source", required=True, help="The law or rule that says so.")
@SCHOOL
def set_period(data_class: str, years: int, source: str, slug: str | None) -> None:
    """Keep a class of data for so many years. A shorter time holds after 30 days."""
    with _at_work() as session:
        whose = None if slug is None else school_id_of(session, slug)
        service.set_period(session, DataClass(data_class), school_id=whose, years=years, source=source, by=BY)
        session.commit()
        line = next(one for one in queries.table(session, whose) if one.data_class is DataClass(data_class))
    later = "" if line.next_on is None else f", and for {line.next_years} from {line.next_on:%Y-%m-%d} on"
    click.echo(f"{data_class} is kept for {line.years} years now{later}.")


@retention.command()
@SCHOOL
def holds(slug: str | None) -> None:
    """Show the holds that stand."""
    table = Table("Hold", "School", "Student", "Since", "By", "Reason")
    with _at_work() as session:
        for one in queries.holds(session, None if slug is None else school_id_of(session, slug)):
            whom = "–" if one.student_id is None else str(one.student_id)
            table.add_row(str(one.id), str(one.school_id), whom, f"{one.set_at:%Y-%m-%d}", one.set_by_name, one.reason)
    print_table(table)


@retention.command()
@click.argument("slug")
@click.option("--student", "student_id", type=int, help="Only what names this student, by number.")
@click.option("--reason", required=True)
def hold(slug: str, student_id: int | None, reason: str) -> None:
    """Stop the destruction of a school's audit log, from now on."""
    with _at_work() as session:
        whose = school_id_of(session, slug)
        made = service.set_hold(session, school_id=whose, student_id=student_id, reason=reason, by=BY)
        session.commit()
        click.echo(f"Hold {made.id} stands.")


@retention.command()
@click.argument("hold_id", type=int)
@click.option("--reason", required=True)
def release(hold_id: int, reason: str) -> None:
    """Let a hold go; what it held may be destroyed by the next run."""
    with _at_work() as session:
        service.release_hold(session, hold_id, reason=reason, by=BY)
        session.commit()
    click.echo(f"Hold {hold_id} is released.")


@retention.command()
@click.option("--dry-run", is_flag=True, help="Say which files would go; change nothing.")
def destroy(dry_run: bool) -> None:
    """Destroy the cold files whose time is past, on record, unless a hold stands. The nightly job does the same."""
    with _at_work(current_app.config["FORMROOM"].as_archiver()) as session:
        run = Destroying(session, store(), started_by=f"{BY} destroy")
        if dry_run:
            for one in run.due():
                click.echo(f"{one.path}: {one.rows:,} rows of {one.year}")
            click.echo(
                f"{len(run.due())} files are past their time; holds are asked when they go. Nothing was changed."
            )
            return
        step_through(session, run)
    click.echo(f"{run.files} files with {run.rows:,} rows were destroyed; {len(run.held)} are held.")
    for held in run.held:
        click.echo(f"Held: {held}")
