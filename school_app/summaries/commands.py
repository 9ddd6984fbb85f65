"""flask summaries: figures of days and students, counted anew and compared with the rows behind them.

school_app.cli registers them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import click

from school_app.core import clock
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.tenancy import use_school
from school_app.core.terminal import DAY, progress
from school_app.schools.chosen import SCHOOL, open_schools
from school_app.summaries import service
from school_app.summaries.checking import Checked, check_students
from school_app.summaries.checking import check as compared

FROM = click.option("--from", "first", type=DAY, help="The first day; that of the first school year without it.")
TO = click.option("--to", "last", type=DAY, help="The last day; today without it.")


@click.group()
def summaries() -> None:
    """Summaries: the figures of days and students, counted ahead of the pages that show them."""


@summaries.command()
@SCHOOL
def refresh(slug: str | None) -> None:
    """Count what is due, as the scheduler has it done every 15 minutes."""
    for school in _schools(slug):
        rows, students = 0, 0
        for piece in service.refresh(db.session, today=clock.today(school.timezone)):
            db.session.commit()
            rows, students = rows + piece.rows, students + piece.students
        click.echo(f"{school.name}: {rows} rows of forms and days, {students} students")


@summaries.command()
@SCHOOL
@FROM
@TO
def rebuild(slug: str | None, first: date | None, last: date | None) -> None:
    """Count days and students anew from the rows, due or not. It may be broken off and begun again."""
    for school in _schools(slug):
        today, rows, students = clock.today(school.timezone), 0, 0
        begin, end = service.span_of(db.session, first, last, today=today)
        with progress() as bar:
            task = bar.add_task(school.name, total=max((end - begin).days + 1, 0))
            for piece in service.rebuild(db.session, begin, end, today=today):
                db.session.commit()
                rows, students = rows + piece.rows, students + piece.students
                bar.update(task, completed=(piece.last - begin).days + 1)
        told = f"up to {end}, {rows} rows of forms and days, {students} students"
        click.echo(f"{school.name}: {told if rows or students else 'nothing to count'}")


@summaries.command()
@SCHOOL
@FROM
@TO
def check(slug: str | None, first: date | None, last: date | None) -> None:
    """Compare the summaries with the rows. Each difference is a line; the exit code is 1 where there is one."""
    found = 0
    for school in _schools(slug):
        today = clock.today(school.timezone)
        days = compared(db.session, *service.span_of(db.session, first, last, today=today))
        students = check_students(db.session, today=today)
        db.session.rollback()
        for one in (*days.differences, *students.differences):
            click.echo(f"{school.name}: {one}")
        found += _told(school.name, "rows", days, "days") + _told(school.name, "students", students, "students")
    if found:
        raise click.exceptions.Exit(1)


def _told(school: str, what: str, checked: Checked, passed: str) -> int:
    """Print how a comparison went; how many differences there are."""
    waiting = f", {checked.waiting} {passed} still due and passed over" if checked.waiting else ""
    click.echo(f"{school}: {checked.rows} {what} compared, {len(checked.differences)} differences{waiting}")
    return len(checked.differences)


def _schools(slug: str | None) -> Iterator[Any]:
    """The open schools, or one, each entered while its turn lasts."""
    act_as(db.session, Acting(actor_name="flask summaries"))
    chosen = open_schools(db.session, slug)
    # What counting reads is to be as new as its first statement.
    db.session.commit()
    for school in chosen:
        with use_school(db.session, school.id):
            yield school


GROUPS: tuple[click.Group, ...] = (summaries,)
