"""flask students: the index by which students are found by name.

school_app.cli registers them.
"""

from __future__ import annotations

import click
from sqlalchemy import select

from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.schools.models import School
from school_app.students.name_index import refresh_names, students_listed_wrongly


@click.group()
def students() -> None:
    """Students: by which names they are found."""


@students.command("names")
@click.option("--school", "slug", help="Only this school; all without it.")
@click.option("--check", is_flag=True, help="Write nothing; status 1 where a student is listed wrongly.")
def names(slug: str | None, check: bool) -> None:
    """Bring the index of names up to date with the students. Doing it twice changes nothing the second time."""
    with all_schools(db.session):
        schools = db.session.execute(select(School.id, School.slug).order_by(School.slug)).all()
    chosen = [school for school in schools if slug in (None, school.slug)]
    if slug and not chosen:
        raise click.ClickException(f"There is no school {slug!r}; “flask schools list” names them.")
    wrong = 0
    for school in chosen:
        with use_school(db.session, school.id):
            count = students_listed_wrongly(db.session) if check else refresh_names(db.session)
            db.session.commit()
        wrong += count
        click.echo(f"{school.slug}: {count} students {'are listed wrongly' if check else 'listed anew'}")
    if check and wrong:
        raise click.ClickException("“flask students names” lists them rightly.")


GROUPS: tuple[click.Group, ...] = (students,)
