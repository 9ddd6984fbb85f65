"""flask audit explain: along which index and in which partitions the server reads the history.

audit.commands adds it to its group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import click
from flask import current_app
from rich.table import Table
from sqlalchemy.orm import Session

from school_app.audit import queries
from school_app.audit.models import READ_BY
from school_app.audit.plans import plan_of
from school_app.audit.queries import Filters, HistoryRow
from school_app.audit.slugs import school_id_of
from school_app.core import clock
from school_app.core.db import unhurried_session
from school_app.core.tenancy import all_schools, use_school
from school_app.core.terminal import print_table

MONTH, EVER = timedelta(days=30), timedelta(days=4000)
Read = tuple[str, Callable[[], object]]


@click.command()
@click.option("--school", "slug", metavar="SLUG", required=True, help="The school whose history is read.")
def explain(slug: str) -> None:
    """Show the server's plan of each way of reading the history, by values of the school's latest events."""
    with unhurried_session(current_app.config["FORMROOM"]) as session, all_schools(session):
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            raise click.ClickException("This database is SQLite, which has no partitions to tell of.")
        table = Table("Read", "Table", "Partitions", "Index", "Rows (about)", "How")
        with use_school(session, school_id_of(session, slug)):
            for name, read in _reads(session):
                for step in plan_of(connection, read):
                    rows = "" if step.rows is None else f"{step.rows:,}"
                    table.add_row(name, step.table or "none", step.partitions, step.index or "none", rows, step.how)
    print_table(table)


def _reads(session: Session) -> Iterator[Read]:
    """Every way of reading: a month and everything, the first page and a later one; one event, and its request."""
    now = clock.now()
    ever = Filters(now - EVER, now + timedelta(days=1))
    latest = queries.history(session, ever).rows
    for way, columns in READ_BY.items():
        exact = [name for name in columns if name != "school_id"]
        like = next((row for row in latest if all(getattr(row, name) is not None for name in exact)), None)
        if like is None:
            click.echo(f"Of the latest events none can be looked for by {way}: left out.", err=True)
            continue
        found = replace(ever, **{name: getattr(like, name) for name in exact})
        yield f"{way}, 30 days", _page(session, replace(found, since=now - MONTH))
        yield f"{way}, ever", _page(session, found)
        yield f"{way}, ever, after a month", _page(session, found, before=(now - MONTH, 1))
    if latest:
        yield "one event", _one(session, latest[0])
        yield "its request or job", lambda: queries.together(session, latest[0])


def _page(session: Session, filters: Filters, before: queries.Key | None = None) -> Callable[[], object]:
    return lambda: queries.rows_before(session, filters, before, limit=queries.PAGE + 1)


def _one(session: Session, row: HistoryRow) -> Callable[[], object]:
    return lambda: queries.one(session, row.id, row.created_at)
