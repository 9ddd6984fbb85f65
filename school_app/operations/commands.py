"""flask db-users: the database's accounts.

school_app.cli registers it.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from flask import current_app
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from school_app.core.db import unhurried_engine_of
from school_app.operations.database_users import Accounts, BadName, Who

SERVED = {
    Who.WEB: "the web server",
    Who.WORKER: "scheduler, workers (“python -m workers.worker default slow”) and commands",
    Who.ARCHIVER: "the worker of the audit log (“python -m workers.worker audit”)",
}


@click.command("db-users")
@click.option("--host", default="%", show_default=True, help="From where they connect, as in 10.0.0.%.")
@click.option("--prefix", default="formroom", show_default=True, help="What their names begin with.")
@click.option("--grants-only", is_flag=True, help="The accounts are there; only their rights, as after a new release.")
@click.option("--apply", "applied", is_flag=True, help="Run the statements instead of printing them.")
def db_users(host: str, prefix: str, grants_only: bool, applied: bool) -> None:
    """Print the statements that make the accounts of web, workers and archiver, and the settings to go with them.

    With --apply they are run by the account of FORMROOM_DATABASE_URL, which then has to be the owner's: one that may
    make accounts and pass on rights.
    """
    url = make_url(current_app.config["FORMROOM"].database_url)
    if url.get_backend_name() == "sqlite":
        raise click.ClickException("This database is SQLite, which has no accounts.")
    try:
        accounts = Accounts(str(url.database), prefix, host)
    except BadName as error:
        raise click.ClickException(str(error)) from None
    statements = [*(() if grants_only else accounts.create()), *accounts.grants()]
    if applied:
        _run(statements)
    else:
        click.echo("\n".join(f"{statement};" for statement in statements))
    if not grants_only:
        click.echo("\n".join(_settings(accounts)))


def _settings(accounts: Accounts) -> Iterator[str]:
    owner = make_url(current_app.config["FORMROOM"].database_url)
    for who in Who:
        yield f"-- FORMROOM_DATABASE_URL of {SERVED[who]}:"
        yield f"--   {accounts.url(who, owner)}"
    yield "-- FORMROOM_ARCHIVE_DATABASE_URL of whoever runs “flask audit archive” or “cool” by hand: the archiver’s."


def _run(statements: list[str]) -> None:
    with unhurried_engine_of(current_app.config["FORMROOM"]) as engine, engine.connect() as connection:
        for statement in statements:
            try:
                connection.execute(text(statement.replace(":", r"\:")))
            except DBAPIError as error:
                what = statement.partition(" IDENTIFIED BY ")[0]
                raise click.ClickException(f"{what}: {error.orig}") from None
    click.echo(f"-- {len(statements)} statements were run.")


GROUPS: tuple[click.Command, ...] = (db_users,)
