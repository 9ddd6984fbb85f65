"""flask attendance: closing and reopening a school's year, its years, and the partitions of what is closed.

school_app.cli registers them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import current_app
from rich.table import Table
from sqlalchemy import select

from school_app.archiving.at_work import at_work, step_through
from school_app.archiving.pace import Measure
from school_app.archiving.partition_commands import partitions_command
from school_app.archiving.replicas import Replicas
from school_app.attendance.rows import ARCHIVED, LIVE
from school_app.audit.refused import PlainGroup
from school_app.audit.slugs import school_id_of
from school_app.core import clock
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.core.terminal import Seconds, print_table, progress, told_plainly
from school_app.core.words import counted
from school_app.schools.context import school_changed
from school_app.schools.models import School, SchoolYear
from school_app.schools.queries import school_years
from school_app.years import service
from school_app.years.moving import BATCH, REFUSALS, YearRun
from school_app.years.partitions import YEARS
from school_app.years.queries import Rows, YearState, rows_in, state_of, unanswered, years_shown

BY = "flask attendance"
FAULTS = (*REFUSALS, service.InvalidClosing)
SCHOOL = click.option("--school", "slug", required=True, help="The school's slug.")
YEAR = click.option("--year", "name", required=True, help="The year by its name, as in “2025/26”.")
DRY = click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")


@click.group(cls=PlainGroup)
def attendance() -> None:
    """Attendance: closed school years, and where their registers lie."""


attendance.add_command(partitions_command(YEARS))


def _measured(command: Any) -> Any:
    for option in (
        click.option("--pause", type=Seconds(0, 300), default=0.0, help="Seconds between batches."),
        click.option("--max-seconds", type=Seconds(0.1), help="Stop after so long; run again, it goes on."),
        click.option("--batch", type=click.IntRange(1, 50_000), default=BATCH, show_default=True, help="Rows a batch."),
    ):
        command = option(command)
    return command


@attendance.command("years")
@SCHOOL
def show_years(slug: str) -> None:
    """Show the school years of a school, and how each stands."""
    table = Table("Year", "From", "To", "State", "Closed by", "Rows on their way")
    with _school(slug) as timezone:
        for one in years_shown(db.session, clock.today(timezone)):
            waiting = str(one.waiting) if one.waiting else ""
            year = one.year
            days = (f"{year.starts_on}", f"{year.ends_on}")
            table.add_row(year.name, *days, one.state.value, year.closed_by or "", waiting)
    print_table(table)


@attendance.command()
@SCHOOL
@YEAR
@DRY
@_measured
def close(slug: str, name: str, dry_run: bool, batch: int, max_seconds: float | None, pause: float) -> None:
    """Close a school year that is over, and move its registers to the archive.

    What is unanswered in it is told first. Broken off, it is run again and goes on.
    """
    with told_plainly(*FAULTS), _school(slug) as timezone:
        year, today = _year(name), clock.today(timezone)
        for sentence in unanswered(db.session, year):
            click.echo(f"Waits: {sentence}.")
        year_id, rows = year.id, rows_in(db.session, LIVE, year)
        if state_of(year, today) not in (YearState.CLOSING, YearState.CLOSED):
            service.close(db.session, year_id, by=BY, today=today)
        _keep_unless(dry_run, rows)
    if not dry_run:
        _carry_out(year_id, Measure(None, max_seconds, pause), batch)


@attendance.command()
@SCHOOL
@YEAR
@click.option("--reason", required=True, help="Why it is reopened; it stands in the school's history.")
@DRY
@_measured
def reopen(
    slug: str, name: str, reason: str, dry_run: bool, batch: int, max_seconds: float | None, pause: float
) -> None:
    """Bring the registers of a closed year back, so that they can be corrected."""
    with told_plainly(*FAULTS), _school(slug):
        year = _year(name)
        year_id, rows = year.id, rows_in(db.session, ARCHIVED, year)
        if year.reopening_since is None:
            service.reopen(db.session, year_id, reason=reason)
        _keep_unless(dry_run, rows)
    if not dry_run:
        _carry_out(year_id, Measure(None, max_seconds, pause), batch)


@contextmanager
def _school(slug: str) -> Iterator[str]:
    """Inside a school; its time zone."""
    act_as(db.session, Acting(actor_name=BY))
    with all_schools(db.session):
        school_id = school_id_of(db.session, slug)
    with use_school(db.session, school_id):
        yield db.session.scalars(select(School.timezone)).one()


def _year(name: str) -> SchoolYear:
    years = school_years(db.session)
    found = [one for one in years if one.name == name]
    if len(found) != 1:
        known = ", ".join(one.name for one in years) or "none"
        raise click.ClickException(f"There is no one school year {name!r}; the school has {known}.")
    return found[0]


def _keep_unless(dry_run: bool, rows: Rows) -> None:
    if dry_run:
        db.session.rollback()
        click.echo(f"{rows} would be moved. Nothing was written.")
        return
    db.session.commit()
    school_changed(db.session)


def _carry_out(year_id: int, measure: Measure, batch: int) -> None:
    settings = current_app.config["FORMROOM"]
    with told_plainly(*FAULTS), at_work(settings, Acting(actor_name=BY)) as session, progress() as bar:
        task = bar.add_task("Looking", total=None)
        run = YearRun(
            session,
            year_id,
            measure,
            started_by=BY,
            batch=batch,
            replicas=Replicas.of(settings),
            tell=lambda said: bar.update(task, total=run.expected, completed=run.moved, description=said),
        )
        # What was read to begin with is not held while the run waits.
        session.rollback()
        step_through(session, run)
    click.echo(f"{run.moved:,} of {counted(run.expected, 'row')} of registers and marks moved.")
    if not run.is_finished:
        click.echo("The limit was reached; run it again, and it goes on.")


GROUPS: tuple[click.Group, ...] = (attendance,)
