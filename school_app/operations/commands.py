"""flask db-users: the database's accounts; flask connections: whether the server has enough for all processes.

school_app.cli registers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
from flask import current_app
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from school_app.core.connections import Part, Processes, most_of_server, parts_of_primary, parts_of_replica, shortage
from school_app.core.db.engines import replica_engines, short_engine, unhurried_engine_of
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


USUAL = Processes()


@click.command("connections")
@click.option("--web-processes", "web", default=USUAL.web, show_default=True, help="On all hosts together.")
@click.option("--workers", default=USUAL.workers, show_default=True, help="Of the queues default and slow.")
@click.option("--audit-workers", default=USUAL.audit_workers, show_default=True)
@click.option("--schedulers", default=USUAL.schedulers, show_default=True)
def connections(**processes: int) -> None:
    """Print how many connections to the database an installation opens at most, and whether the server has them.

    It has to be run with the settings of the web server. Status 1 where a server has too few.
    """
    settings, counted = current_app.config["FORMROOM"], Processes(**processes)
    if make_url(settings.database_url).get_backend_name() == "sqlite":
        raise click.ClickException("This database is SQLite, which has no connections to count.")
    wrong = [_budget(short_engine(settings), parts_of_primary(settings, counted))]
    wrong += [_budget(engine, parts_of_replica(settings, counted)) for engine in replica_engines(settings)]
    if any(wrong):
        raise SystemExit(1)


def _budget(engine: Engine, parts: Sequence[Part]) -> bool:
    """Print the budget of one server; returns whether it has too few connections for it, or cannot be asked."""
    click.echo(f"{engine.url.host}:{engine.url.port or 3306}")
    for part in parts:
        click.echo(f"  {part.name:14} {part.processes:4} x {part.each:3} = {part.most:5}")
    try:
        takes = most_of_server(engine)
    except DBAPIError as error:
        click.echo(f"  It does not answer: {error.orig}")
        return True
    short = shortage(parts, takes)
    click.echo(f"  {short}" if short else f"  together {sum(part.most for part in parts)}; the server takes {takes}.")
    return short is not None


GROUPS: tuple[click.Command, ...] = (db_users, connections)
