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

from school_app.archiving.at_work import at_work, step_through
from school_app.archiving.clocks import ClocksDiffer
from school_app.archiving.lease import ArchiveBusy, LeaseLost
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.store import ColdUnavailable, store
from school_app.audit.refused import PlainGroup
from school_app.audit.retention import queries, service
from school_app.audit.retention.destroying import Destroying, NotAllDestroyed
from school_app.audit.retention.holding import held_by
from school_app.audit.retention.rules import LEAST_SOURCE, DataClass, InvalidRetention
from school_app.audit.slugs import school_id_of, slugs_of
from school_app.config import Settings
from school_app.core.acting import Acting
from school_app.core.errors import NotFound
from school_app.core.terminal import print_table, told_plainly
from school_app.core.words import counted

BY = "flask retention"
MOST_NAMED = 10
REFUSALS = (ArchiveBusy, ClocksDiffer, ColdUnavailable, InvalidRetention, LeaseLost, NotAllDestroyed, NotFound, OSError)
LEAST_WORDS = f"at least {LEAST_SOURCE} characters"
REASON = click.option("--reason", required=True, help=f"Why, for the record; {LEAST_WORDS}.")
SCHOOL = click.option("--school", "slug", metavar="SLUG", help="One school by its short name.")


@click.group(cls=PlainGroup)
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
    table, own = Table("Class", "In words", "Years", "From", "Law or rule"), ""
    with _at_work() as session:
        if slug is None:
            own = _schools_with_their_own(session)
        for line in queries.table(session, None if slug is None else school_id_of(session, slug)):
            later = "" if line.next_on is None else f"; {line.next_years} from {line.next_on:%Y-%m-%d}"
            whose = line.changed_by or "preset"
            table.add_row(line.data_class.value, line.data_class.words, f"{line.years}{later}", whose, line.source)
    print_table(table)
    if own:
        click.echo(own)


def _schools_with_their_own(session: Session) -> str:
    if not (found := queries.schools_with_their_own(session)):
        return "No school has a time of its own."
    slugs = slugs_of(session)
    names = [slugs.get(one, f"school {one}") for one in found]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    named = ", ".join(names[:MOST_NAMED]) + more
    return f"With a time of their own: {counted(len(found), 'school')} ({named}). --school SLUG shows what one keeps."


@retention.command("set")
@click.argument("data_class", type=click.Choice([one.value for one in DataClass]))
@click.argument("years", type=int)
@click.option("--source", required=True, help=f"The law or rule that says so; {LEAST_WORDS}.")
@SCHOOL
def set_period(data_class: str, years: int, source: str, slug: str | None) -> None:
    """Keep a class of data for so many years. A shorter time holds after 30 days."""
    with _at_work() as session:
        whose = None if slug is None else school_id_of(session, slug)
        service.set_period(session, DataClass(data_class), school_id=whose, years=years, source=source, by=BY)
        session.commit()
        line = next(one for one in queries.table(session, whose) if one.data_class is DataClass(data_class))
    later = "" if line.next_on is None else f", and for {line.next_years} from {line.next_on:%Y-%m-%d} on"
    click.echo(f"{data_class} is kept for {counted(line.years, 'year')} now{later}.")


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
@REASON
def hold(slug: str, student_id: int | None, reason: str) -> None:
    """Stop the destruction of a school's audit log, from now on."""
    with _at_work() as session:
        whose = school_id_of(session, slug)
        made = service.set_hold(session, school_id=whose, student_id=student_id, reason=reason, by=BY)
        session.commit()
        click.echo(f"Hold {made.id} stands.")


@retention.command()
@click.argument("hold_id", type=int)
@REASON
def release(hold_id: int, reason: str) -> None:
    """Let a hold go; what it held may be destroyed by the next run."""
    with _at_work() as session:
        service.release_hold(session, hold_id, reason=reason, by=BY)
        session.commit()
    click.echo(f"Hold {hold_id} is released.")


@retention.command()
@click.option("--dry-run", is_flag=True, help="Say which files would go, and which a hold keeps; change nothing.")
def destroy(dry_run: bool) -> None:
    """Destroy the cold files whose time is past, on record, unless a hold stands. The nightly job does the same."""
    with _at_work(current_app.config["FORMROOM"].as_archiver()) as session:
        run = Destroying(session, store(), started_by=f"{BY} destroy")
        if dry_run:
            _say_what_would_go(session, run)
            return
        step_through(session, run)
    click.echo(f"{counted(run.files, 'file')} destroyed, with {counted(run.rows, 'row')}; {len(run.held)} held.")
    for held in run.held:
        click.echo(f"Held: {held}")


def _say_what_would_go(session: Session, run: Destroying) -> None:
    due, held = run.due(), 0
    for one in due:
        whose = "the platform" if one.school_id is None else f"school {one.school_id}"
        what = f"{one.path}: {counted(one.rows, 'row')} of {whose}, {one.year}"
        try:
            because = held_by(session, run.place, one)
        except DamagedFile as damage:
            because = f"nobody can say whether it is: {damage}"
        held += because is not None
        click.echo(what if because is None else f"{what}; held: {because}")
    click.echo(f"{counted(len(due), 'file')} past their time, {held} of them held now. Nothing was changed.")
