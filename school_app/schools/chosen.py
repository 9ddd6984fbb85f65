"""The schools that a command works on, one by one: all that are open, or the one that was named.

Commands of the features above call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.tenancy import all_schools
from school_app.schools.models import School

AnySession = Session | scoped_session[Any]
SCHOOL = click.option("--school", "slug", help="Only this school; all open ones without it.")


def open_schools(session: AnySession, slug: str | None) -> Sequence[Any]:
    """Id, name, slug and time zone of the open schools, by name, or of one. ClickException where there is none."""
    statement = select(School.id, School.name, School.slug, School.timezone).where(School.is_active)
    with all_schools(session):
        schools = session.execute(statement.order_by(School.name)).all()
    chosen = [school for school in schools if slug in (None, school.slug)]
    if not chosen:
        raise click.ClickException(f"There is no open school {slug!r}." if slug else "There is no open school.")
    return chosen
