"""flask schools: list schools, open and close them.

school_app.cli registers them, and adds the import of calendars, which lies above.
"""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from school_app.schools.models import School


@click.group()
def schools() -> None:
    """Schools: the platform's tenants."""


@schools.command("list")
def show() -> None:
    """Show every school."""
    table = Table("Slug", "Name", "Time zone", "Roster id", "State")
    with all_schools(db.session):
        for school in db.session.scalars(select(School).order_by(School.name)):
            state = "open" if school.is_active else "closed"
            table.add_row(school.slug, school.name, school.timezone, school.sourced_id or "", state)
    Console().print(table)


@schools.command("close")
@click.argument("slug")
def close(slug: str) -> None:
    """Close a school: nobody of it can work; nothing is deleted."""
    _set_active(slug, is_active=False)


@schools.command("open")
@click.argument("slug")
def open_(slug: str) -> None:
    """Open a closed school again."""
    _set_active(slug, is_active=True)


def _set_active(slug: str, *, is_active: bool) -> None:
    act_as(db.session, Acting(actor_name="flask schools"))
    with all_schools(db.session):
        school = db.session.scalar(select(School).where(School.slug == slug))
        if school is None:
            raise click.ClickException(f"There is no school {slug!r}; `flask schools list` shows them.")
        school.is_active = is_active
        db.session.flush()
    db.session.commit()
    click.echo(f"{school.name} is {'open' if is_active else 'closed'}.")


GROUPS: tuple[click.Group, ...] = (schools,)
