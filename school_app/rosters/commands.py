"""flask rosters import, flask attendance import, flask behaviour import, flask schools import-calendar: files by hand.

school_app.cli registers them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from sqlalchemy import select

from school_app.accounts.models import Account
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.core.terminal import DAY, print_table
from school_app.rosters import attendance as attendance_file
from school_app.rosters import behaviour as behaviour_file
from school_app.rosters import calendar as calendar_file
from school_app.rosters.brake import ImportBrake
from school_app.rosters.local import File, Known
from school_app.rosters.merge import Counts
from school_app.rosters.problems import ImportRefused, Problems
from school_app.rosters.service import Options, import_bundle
from school_app.rosters.span import Span
from school_app.schools.models import School
from school_app.students.models import Student

PATH = click.Path(exists=True, dir_okay=False, path_type=Path)
WARNINGS_SHOWN = 10


@click.group()
def rosters() -> None:
    """Rosters: bringing schools in."""


@click.group()
def attendance() -> None:
    """Attendance: bringing in what another system recorded."""


@click.group()
def behaviour() -> None:
    """Behaviour: bringing in what another system recorded."""


@rosters.command("import")
@click.argument("file", type=PATH)
@click.option("--org", help="Only the school with this sourcedId.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@click.option("--force", is_flag=True, help="Also where many students would leave at once.")
@click.option("--timezone", default="UTC", show_default=True, help="Of schools that are new, as in Europe/London.")
def import_rosters(file: Path, org: str | None, dry_run: bool, force: bool, timezone: str) -> None:
    """Bring in the schools of a OneRoster CSV bundle (1.1 or 1.2); schools that are new are made."""
    started = time.monotonic()
    act_as(db.session, Acting(actor_name="flask rosters import"))
    try:
        outcome = import_bundle(db.session, file, Options(org, force, timezone), progress=click.echo)
    except (ImportRefused, ImportBrake) as error:
        db.session.rollback()
        raise click.ClickException(f"Nothing was written.\n{error}") from None
    _finish(outcome.schools, outcome.problems, dry_run=dry_run, started=started)


@attendance.command("import")
@click.argument("file", type=PATH)
@click.option("--from", "first", type=DAY, help="The first day for which the file speaks, if not that of its rows.")
@click.option("--to", "last", type=DAY, help="The last such day.")
@click.option("--org", help="Only the school with this sourcedId.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
def import_attendance(file: Path, first: date | None, last: date | None, org: str | None, dry_run: bool) -> None:
    """Bring in attendance.csv: exceptions, and the registers they stand in."""
    if (first is None) is not (last is None):
        raise click.UsageError("Name both days, --from and --to, or neither.")
    named = Span(first, last) if first and last else None
    importer = partial(attendance_file.import_attendance, named=named, is_chosen=org is not None)
    _local(file, importer, "flask attendance import", dry_run=dry_run, org=org)


@behaviour.command("import")
@click.argument("file", type=PATH)
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
def import_behaviour(file: Path, dry_run: bool) -> None:
    """Bring in behaviour.csv: one row for each student in an incident."""
    _local(file, behaviour_file.import_behaviour, "flask behaviour import", dry_run=dry_run)


@click.command("import-calendar")
@click.argument("file", type=PATH)
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
def import_calendar(file: Path, dry_run: bool) -> None:
    """Bring in calendar.csv: which days are school days."""
    _local(file, calendar_file.import_calendar, "flask schools import-calendar", dry_run=dry_run)


Importer = Callable[[Any, File, Known], Counts]


def _local(path: Path, importer: Importer, what: str, *, dry_run: bool, org: str | None = None) -> None:
    started, problems = time.monotonic(), Problems()
    act_as(db.session, Acting(actor_name=what))
    known = _known(by_school=importer is calendar_file.import_calendar)
    schools = _schools(org)
    outcome: dict[str, Counts] = {}
    try:
        for school_id, name in schools:
            with use_school(db.session, school_id):
                # A warning is noted by the school that the row belongs to, an error by whichever comes first.
                outcome[name] = importer(db.session, File(path, path.name, problems), known)
    except ImportRefused as error:
        db.session.rollback()
        raise click.ClickException(f"Nothing was written.\n{error}") from None
    _finish(outcome, problems, dry_run=dry_run, started=started)


def _schools(org: str | None) -> list[tuple[int, str]]:
    """The ids and names of all schools, or of the one with this sourcedId."""
    with all_schools(db.session):
        found = db.session.execute(select(School.id, School.name, School.sourced_id).order_by(School.name)).all()
    chosen = [(one.id, one.name) for one in found if org in (None, one.sourced_id)]
    if org is not None and not chosen:
        known = ", ".join(one.sourced_id for one in found if one.sourced_id) or "none"
        raise click.ClickException(f"There is no school {org!r}. The schools are: {known}.")
    return chosen


def _known(*, by_school: bool) -> Known:
    with all_schools(db.session):
        model = School if by_school else Student
        ids = db.session.scalars(select(model.sourced_id).where(model.sourced_id.is_not(None)))
        people = db.session.scalars(select(Account).where(Account.sourced_id.is_not(None)))
        return Known(
            frozenset(id_ for id_ in ids if id_), {one.sourced_id: one.name for one in people if one.sourced_id}
        )


def _finish(schools: dict[str, Counts], problems: Problems, *, dry_run: bool, started: float) -> None:
    if dry_run:
        db.session.rollback()
    else:
        db.session.commit()
    for name, counts in schools.items():
        _print(name, counts)
    of_rows = [one for one in problems.warnings if one.line is not None]
    # What is noted of a whole school or file is a sum already, and must not be lost behind many rows.
    for problem in [one for one in problems.warnings if one.line is None] + of_rows[:WARNINGS_SHOWN]:
        click.echo(f"  note: {problem}")
    more = len(of_rows[WARNINGS_SHOWN:]) + problems.more_warnings
    if more:
        click.echo(f"  and {more} more notes")
    written = sum(counts.differences for counts in schools.values())
    end = "would change; nothing was written" if dry_run else "written"
    click.echo(f"{written} rows {end}, in {time.monotonic() - started:.1f} s.")


def _print(name: str, counts: Counts) -> None:
    table = Table("Rows", "Added", "Changed", "Ended", "Unchanged", title=name, title_justify="left")
    parts = (counts.added, counts.changed, counts.ended, counts.unchanged)
    for kind in dict.fromkeys(kind for part in parts for kind in part):
        table.add_row(kind.replace("_", " "), *(f"{part.get(kind, 0):,}" for part in parts))
    print_table(table)


GROUPS: tuple[click.Group, ...] = (rosters, attendance, behaviour)
