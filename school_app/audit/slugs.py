"""Schools by their short names, as commands of the audit log take and print them.

Schools lie above the audit log, so it reads their table by its name, with an account that may: the archiver's may not.
"""

from __future__ import annotations

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from school_app.core.db import Base

PLATFORM = "platform"


def slugs_of(session: Session) -> dict[int | None, str]:
    """The short name of each school by its id; None is the platform."""
    school = Base.metadata.tables["school"]
    rows = session.execute(select(school.c.id, school.c.slug))
    return {None: PLATFORM, **{school_id: slug for school_id, slug in rows}}


def school_id_of(session: Session, slug: str) -> int:
    """The id of a school. Raises ClickException where there is none of that name."""
    school = Base.metadata.tables["school"]
    found = session.scalar(select(school.c.id).where(school.c.slug == slug))
    if found is None:
        raise click.ClickException(f"There is no school {slug!r}; `flask schools list` shows them.")
    return int(found)
