"""flask explain: along which index the server reads what pages ask for most often.

school_app.cli registers it.
"""

from __future__ import annotations

from typing import Any

import click
from flask import current_app
from rich.table import Table
from sqlalchemy.orm import Session

from school_app.core import clock
from school_app.core.db import unhurried_session
from school_app.core.db.plans import Step, plan_of
from school_app.core.tenancy import all_schools, use_school
from school_app.core.terminal import print_table, told_plainly
from school_app.dashboards.hottest import NothingToRead, hottest, values_of
from school_app.schools.chosen import open_schools


@click.command()
@click.option("--school", "slug", metavar="SLUG", help="The school that is read; the first by name without it.")
def explain(slug: str | None) -> None:
    """Show the server's plan of the reads that pages do most often, by values of one school."""
    settings = current_app.config["FORMROOM"]
    with told_plainly(NothingToRead), unhurried_session(settings) as session, all_schools(session):
        if session.connection().dialect.name == "sqlite":
            raise click.ClickException("This database is SQLite, which tells no plans.")
        found = plans(session, open_schools(session, slug)[0])
    table = Table("Read", "Statement", "Table", "Index", "Rows (about)", "How")
    for name, steps in found.items():
        for step in steps:
            rows = "" if step.rows is None else f"{step.rows:,}"
            table.add_row(name, step.statement, step.table or "none", step.index or "none", rows, step.how)
    print_table(table)


def plans(session: Session, school: Any) -> dict[str, list[Step]]:
    """The server's plans of the reads that pages do most often, by their names; the caller sees all schools.

    Of the school only its id and time zone are asked.
    """
    connection = session.connection()
    with use_school(session, school.id):
        values = values_of(session, today=clock.today(school.timezone))
        return {name: plan_of(connection, read) for name, read in hottest(session, values).items()}


GROUPS: tuple[click.Command, ...] = (explain,)
