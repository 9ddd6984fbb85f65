"""flask schools: list schools, open and close them; flask cache: forget what is kept of them.

school_app.cli registers them, and adds the import of calendars, which lies above.
"""

from __future__ import annotations

import click
from flask import current_app
from rich.table import Table
from sqlalchemy import select

from school_app.accounts import staff
from school_app.accounts.commands import print_link
from school_app.audit.slugs import school_id_of
from school_app.core import fragments
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, use_school
from school_app.core.terminal import print_table
from school_app.schools.context import school_changed
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
        school_id = school_id_of(db.session, slug)
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
        school = db.session.get_one(School, school_id_of(db.session, slug))
        school.is_active = is_active
        db.session.flush()
        school_id, name = school.id, school.name
    db.session.commit()
    with use_school(db.session, school_id):
        school_changed(db.session)
    click.echo(f"{name} is {'open' if is_active else 'closed'}.")


@click.group("cache")
def kept() -> None:
    """Kept pages and values: what pages are served from until something in them changes."""


@kept.command("clear")
@click.option("--school", "slug", default=None, help="Of one school; without it, of all.")
def clear(slug: str | None) -> None:
    """Forget what is kept, so that the next pages are made from the database."""
    store = fragments.of(current_app)
    if store is None:
        raise click.ClickException("Nothing is kept: FORMROOM_REDIS_URL is not set.")
    school_id = None
    if slug is not None:
        with all_schools(db.session):
            school_id = school_id_of(db.session, slug)
    try:
        number = store.clear(school_id)
    except fragments.UNREACHABLE as error:
        raise click.ClickException(
            f"Redis does not answer ({type(error).__name__}); start it, then try again."
        ) from None
    click.echo(f"{number} forgotten.")


GROUPS: tuple[click.Group, ...] = (schools, kept)
