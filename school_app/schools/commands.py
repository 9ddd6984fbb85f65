"""flask schools: list schools, open and close them.

school_app.cli registers them, and adds the import of calendars, which lies above.
"""

from __future__ import annotations

import click
from rich.table import Table
from sqlalchemy import select

from school_app.accounts import staff
from school_app.accounts.commands import print_link
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, use_school
from school_app.core.terminal import print_table
from school_app.schools.models import School
from school_app.schools.service import InvalidSetting, create_school


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
    print_table(table)


@schools.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="The school's name.")
@click.option("--timezone", default="Europe/London", show_default=True, help="Says when a day begins.")
@click.option("--sourced-id", default=None, help="The school's id in roster files, where it will be imported.")
def create(slug: str, name: str, timezone: str, sourced_id: str | None) -> None:
    """Make a school. Its years, forms and people come with the roster, its first admin by `flask schools add-admin`."""
    act_as(db.session, Acting(actor_name="flask schools"))
    with all_schools(db.session):
        try:
            made = create_school(db.session, slug, name=name, timezone=timezone, sourced_id=sourced_id)
        except InvalidSetting as error:
            raise click.ClickException(str(error)) from None
    db.session.commit()
    click.echo(f"{made.name} is there: flask schools add-admin {slug} LOGIN --name NAME makes its first admin.")


@schools.command("add-admin")
@click.argument("slug")
@click.argument("login")
@click.option("--name", required=True, help="First and family name.")
@click.option("--email", default=None)
def add_admin(slug: str, login: str, name: str, email: str | None) -> None:
    """Make an admin of a school and print the link that sets the password."""
    act_as(db.session, Acting(actor_name="flask schools"))
    given, _, family = name.strip().partition(" ")
    with all_schools(db.session):
        school_id = db.session.scalar(select(School.id).where(School.slug == slug))
    if school_id is None:
        raise click.ClickException(f"There is no school {slug!r}; `flask schools list` shows them.")
    with use_school(db.session, school_id):
        try:
            new = staff.NewAccount(login, email or "", given, family, frozenset({Role.SCHOOL_ADMIN}))
            made = staff.create(db.session, new, slug=slug, by_id=None)
        except staff.InvalidAccount as error:
            raise click.ClickException(str(error)) from None
        print_link(made.id)
        db.session.commit()


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
