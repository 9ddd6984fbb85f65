"""flask audit seal and verify.

audit.commands adds them to its group.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date

import click
from flask import current_app
from rich.table import Table
from sqlalchemy.orm import Session

from school_app.audit import seals
from school_app.audit.cold.manifest import went_with
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import store
from school_app.audit.differences import Difference, Kind
from school_app.audit.listing import Line, lines
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.retention.kept import differing
from school_app.audit.slugs import PLATFORM, school_id_of, slugs_of
from school_app.audit.sources import Tables
from school_app.audit.undated import undated
from school_app.audit.verify import Asked, Step
from school_app.audit.verify import verify as verified
from school_app.core import clock
from school_app.core.db import unhurried_session
from school_app.core.tenancy import all_schools
from school_app.core.terminal import DAY, print_table
from school_app.core.words import counted

SECONDS_BETWEEN_LINES = 5
MOST_SHOWN = 200


@click.command()
def seal() -> None:
    """Seal what was written on days that are over; the nightly job does the same."""
    runs, rows, made, last = 0, 0, 0, None
    with unhurried_session(current_app.config["FORMROOM"]) as session, all_schools(session):
        for run in seals.seal(session):
            runs, rows, made, last = runs + 1, rows + run.rows, made + run.seals, run.hash
            session.commit()
        session.commit()
    click.echo(f"{counted(rows, 'row')} sealed by {counted(made, 'seal')} in {counted(runs, 'run')}.")
    if last is not None:
        click.echo(f"Keep this hash elsewhere, for “flask audit verify --seal”: {last}")


def _hash(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    found = value.strip().lower()
    if re.fullmatch("[0-9a-f]{64}", found) is None:
        raise click.BadParameter("a hash is 64 characters from 0 to 9 and a to f; copy it whole")
    return found


@click.command()
@click.option("--school", "slug", metavar="SLUG", help="Only this school; “platform” for rows of none.")
@click.option("--from", "first", metavar="DAY", type=DAY, help="Only rows from this day (UTC) on.")
@click.option("--to", "last", metavar="DAY", type=DAY, help="Only rows up to this day.")
@click.option(
    "--seal", "kept", metavar="HASH", callback=_hash, help="A hash that was kept: its seal has to be there still."
)
def verify(slug: str | None, first: date | None, last: date | None, kept: str | None) -> None:
    """Compare the audit rows with their seals; ends with status 1 where anything differs. Writes nothing."""
    if first is not None and last is not None and first > last:
        raise click.BadParameter(f"the first day, {first}, lies after the last one, {last}", param_hint="--from")
    with unhurried_session(current_app.config["FORMROOM"]) as session, all_schools(session):
        _refuse_undated(session)
        slugs = slugs_of(session)
        schools = None if slug is None else (_owner(session, slug),)
        asked = Asked(first, last, schools, kept)
        files, destroyed = Files(session, store()), Destroyed(session, schools)
        done = list(_with_progress(session, steps(session, files, destroyed, asked)))
        ended, rows = len(destroyed.files), destroyed.rows
        found = sorted((one for *_, differences in done for one in differences), key=lambda one: one.day)
        missing = [one.day for one in found if one.kind is Kind.MISSING]
        in_files = {**went_with(session, missing[0], missing[-1]), **files.unreadable} if missing else {}
    compared, made = sum(rows for _, rows, _ in done), sum(made for made, _, _ in done)
    click.echo(f"{counted(compared, 'row')} compared with {counted(made, 'seal')}.")
    if ended:
        what = f"{counted(rows, 'row')} of {counted(ended, 'file')}"
        click.echo(f"Destroyed on record: {what}; what was listed of them stands for them.")
    for problem in dict.fromkeys([*files.problems, *destroyed.warnings, *destroyed.problems]):
        click.echo(problem, err=True)
    _show(lines(found, slugs, in_files))
    if wrong := [one for one in found if not one.is_warning]:
        whose = slugs.get(wrong[0].school_id, f"school {wrong[0].school_id}")
        many = counted(len(wrong), "difference")
        raise click.ClickException(f"{many}; the first day that differs is {wrong[0].day} ({whose}).")
    if destroyed.problems:
        click.echo("No row differs from its seal.")
        raise click.ClickException("The rules of retention, or a destruction, are not what is on record; see above.")
    click.echo("Nothing differs from its seal.")


def steps(session: Session, files: Files, destroyed: Destroyed, asked: Asked) -> Iterator[Step]:
    """All of a verification: rows beside their seals, then cold files beside their manifest and the log."""
    yield from verified(session, [Tables(session), files, destroyed], asked)
    wrong = [*files.differing(asked.schools), *differing(session, destroyed)]
    meant = (one for one in wrong if asked.schools is None or one.difference.school_id in asked.schools)
    found = [one.difference for one in meant if one.meets(asked.first, asked.last)]
    yield Step(clock.now().date(), 0, 0, found)


def _refuse_undated(session: Session) -> None:
    if wrong := list(undated(session)):
        for one in wrong:
            click.echo(one, err=True)
        raise click.ClickException(
            "Nothing was verified: seals or cold files are listed with days that are none, past the product. Put them "
            "back as a backup has them, and verify again."
        )


def _owner(session: Session, slug: str) -> int | None:
    return None if slug == PLATFORM else school_id_of(session, slug)


def _with_progress(session: Session, steps: Iterator[Step]) -> Iterator[tuple[int, int, list[Difference]]]:
    rows, told = 0, time.monotonic()
    for step in steps:
        # Ends the transaction, so that changes of partitions do not wait until all is done.
        session.commit()
        rows += step.rows
        if time.monotonic() - told > SECONDS_BETWEEN_LINES:
            click.echo(f"… {counted(rows, 'row')}, at {step.day}", err=True)
            told = time.monotonic()
        yield step.seals, step.rows, step.differences


def _show(found: list[Line]) -> None:
    if not found:
        return
    table = Table("Day", "School", "What", "In words")
    for one in found[:MOST_SHOWN]:
        table.add_row(str(one.day), one.whose, one.what, one.words)
    print_table(table)
    if len(found) > MOST_SHOWN:
        click.echo(f"… and {len(found) - MOST_SHOWN:,} more.")
