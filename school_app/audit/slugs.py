"""Schools by their names, as pages of the audit log show them and its commands take and print them.

Schools lie above the audit log, so it reads their table by its name, with an account that may read names: the
archiver's may not.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import click
from sqlalchemy import Table, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.db import Base

AnySession = Session | scoped_session[Any]
PLATFORM = "platform"


def school_table() -> Table:
    """The table of schools."""
    return Base.metadata.tables["school"]


def slugs_of(session: AnySession) -> dict[int | None, str]:
    """The short name of each school by its id; None is the platform."""
    school = school_table()
    rows = session.execute(select(school.c.id, school.c.slug))
    return {None: PLATFORM, **{school_id: slug for school_id, slug in rows}}


def school_names(session: AnySession) -> defaultdict[int | None, str]:
    """What each school is called, by its id; also of one that is not there any more."""
    school = school_table()
    found: defaultdict[int | None, str] = defaultdict(lambda: "a school that is not there any more")
    found.update({school_id: name for school_id, name in session.execute(select(school.c.id, school.c.name))})
    return found


def school_id_of(session: AnySession, slug: str) -> int:
    """The id of a school. Raises ClickException where there is none of that name."""
    school = school_table()
    found = session.scalar(select(school.c.id).where(school.c.slug == slug))
    if found is None:
        raise click.ClickException(f"There is no school {slug!r}; `flask schools list` shows them.")
    return int(found)
