"""flask audit cool, restore, give-up and cold: years of the archive into cold storage and back, and what lies there.

audit.commands adds them to its group.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from rich.table import Table
from sqlalchemy.orm import Session

from school_app.archiving.at_work import at_work, step_through
from school_app.archiving.clocks import ClocksDiffer
from school_app.archiving.columns import UnknownColumns
from school_app.archiving.lease import ArchiveBusy, LeaseLost
from school_app.audit.cold import cooling, rows
from school_app.audit.cold.cooling import Cooling, Limits, NotAllCooled
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.giving_up import GivenUpTooSoon, GivingUp
from school_app.audit.cold.restoring import EVERY_SCHOOL, Restoring
from school_app.audit.cold.rows import NotMoved
from school_app.audit.cold.sealed import SealsDiffer
from school_app.audit.cold.store import ColdUnavailable, store
from school_app.audit.retention.gone import gone
from school_app.audit.slugs import school_id_of
from school_app.core.acting import Acting
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from school_app.core.terminal import print_table, told_plainly
from school_app.core.words import counted

FAULTS = (
    ArchiveBusy,
    ClocksDiffer,
    ColdUnavailable,
    DamagedFile,
    GivenUpTooSoon,
    LeaseLost,
    NotAllCooled,
    NotMoved,
    OSError,
    SealsDiffer,
    UnknownColumns,
)


@click.command()
@click.option("--dry-run", is_flag=True, help="Say which years would go; write nothing.")
@click.option("--restored", is_flag=True, help="Take years that were restored again, too.")
def cool(dry_run: bool, restored: bool) -> None:
    """Take whole years past their time in the database to cold storage, in verified files."""
    limits = Limits(years=current_app.config["FORMROOM"].cold.years, again=restored)
    with _at_work("flask audit cool") as session:
        run = Cooling(session, store(), limits, started_by="flask audit cool")
        if dry_run:
            _say_what_would_go(run)
            return
        step_through(session, run)
    made = counted(run.made, "file")
    click.echo(f"{counted(run.moved, 'row')} from before {run.before} left the database; {made} written.")


@contextmanager
def _at_work(name: str) -> Iterator[Session]:
    """A session with the account that may move audit rows; what is known to go wrong is told in its own words."""
    settings = current_app.config["FORMROOM"].as_archiver()
    with told_plainly(*FAULTS), at_work(settings, Acting(actor_name=name)) as session:
        yield session


@click.command()
@click.option("--year", required=True, type=click.IntRange(1990, 2199))
@click.option("--school", "slug", default=None, help="One school by its short name; otherwise all, and the platform.")
def restore(year: int, slug: str | None) -> None:
    """Bring a year back from cold storage to the archive, and prove it. The files are kept."""
    name = "flask audit restore"
    whose = EVERY_SCHOOL if slug is None else _school_id_of(slug)
    with _at_work(name) as session:
        run = Restoring(session, store(), year, started_by=name, school_id=whose)
        for sentence in gone(session, run.files()):
            click.echo(f"Not brought back: {sentence}")
        if not (waiting := len(run.waiting())):
            raise click.ClickException(f"Nothing of {year} is in cold storage alone; flask audit cold shows the files.")
        step_through(session, run)
    files = counted(waiting, "file")
    click.echo(f"{counted(run.moved, 'row')} of {year} from {files} brought back, the same as they were sealed.")


def _school_id_of(slug: str) -> int:
    with at_work(current_app.config["FORMROOM"], Acting()) as session:
        return school_id_of(session, slug)


@click.command("give-up")
@click.argument("path")
@click.option("--yes", is_flag=True, help="Do not ask.")
def give_up(path: str, yes: bool) -> None:
    """Put on record that a file of cold storage is damaged or gone for good, so that runs go on without it.

    Put it back from a copy instead, if there is one. flask audit verify names the days that are lost ever after.
    """
    with _at_work("flask audit give-up") as session:
        run = GivingUp(session, store(), path, started_by="flask audit give-up")
        run.look()
        if not yes:
            click.confirm("The rows that are in this file alone are lost for good then. Go on?", abort=True)
        step_through(session, run)
    lost = counted(run.lost, "row")
    click.echo(f"{path} is given up, and {lost} with it. What was in the database still is not touched.")


def _say_what_would_go(run: Cooling) -> None:
    waiting = run.waiting()
    for year in waiting:
        click.echo(f"{year}: {counted(rows.count(run.session, year), 'row')}")
    for year in run.begun():
        click.echo(f"{year}: begun by an earlier run, and gone on with")
    for year in [] if run.limits.again else run.restored():
        click.echo(f"{year}: restored, and stays until --restored is given")
    click.echo(f"{counted(len(waiting), 'year')} from before {run.before} would go. Nothing was written.")


@click.command("cold")
def show_cold() -> None:
    """Show the files of cold storage."""
    table = Table("Year", "School", "State", "Rows", "Bytes", "File", "SHA-256")
    with all_schools(db.session):
        for one in cooling.files_of(db.session):
            whose = "platform" if one.school_id is None else str(one.school_id)
            figures = (f"{one.rows:,}", f"{one.bytes:,}")
            table.add_row(str(one.year), whose, one.status.value, *figures, one.path, one.sha256[:16])
    print_table(table)
