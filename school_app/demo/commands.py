"""flask demo: the demo's schools, and the one process that shows them.

school_app.cli registers them.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib import import_module

import click
from flask import Flask, current_app
from flask_migrate import upgrade
from rich.progress import TaskID
from rich.table import Table
from werkzeug.serving import BaseWSGIServer, make_server

from school_app.alerts.sources import sources
from school_app.core import clock, fragments
from school_app.core.db import db
from school_app.core.db.bulk import FilesRefused
from school_app.core.terminal import DAY, print_table, progress, told_plainly
from school_app.demo import load as demo
from school_app.demo.generated.making import Made, generate
from school_app.demo.generated.plan import BadPlan, Wishes
from school_app.demo.shared import OPERATOR, TIMEZONE

# The school whose log-ins are printed where generated schools are shown.
FIRST = f"{demo.GENERATED}01"


@click.group("demo")
def group() -> None:
    """A living school to look at."""


@group.command("load")
def load() -> None:
    """Make the demo's schools in an empty database; a second run changes nothing."""
    _refuse_production()
    if _load():
        click.echo(f"The demo is loaded. Everyone’s password is {demo.PASSWORD}")
    else:
        click.echo("The demo is there already.")
    _print_logins()


@group.command("serve")
@click.option("--port", default=8000, show_default=True)
def serve(port: int) -> None:
    """Show the demo, or generated schools, in this one process: web, jobs and schedule. Ends with Ctrl-C."""
    settings = current_app.config["FORMROOM"]
    if not settings.embedded:
        raise click.ClickException("The demo is served with FORMROOM_ENV=embedded only; `make run` sets it.")
    upgrade()
    is_generated = demo.is_generated(db.session)
    db.session.rollback()
    if not is_generated:
        _load()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    server = _server(app, port)
    click.echo(f"\n  Formroom is at http://127.0.0.1:{port}/\n")
    if is_generated:
        click.echo(f"  {_logins_of(FIRST)}\n  Everyone’s password is {demo.PASSWORD}")
    else:
        _print_logins()
    click.echo("\n  Ctrl-C ends it.\n")
    sys.stdout.flush()
    # A line for every request and job would push the logins above off the screen.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    stop = _keep_time(app)
    try:
        # The server ends by itself when it is interrupted.
        server.serve_forever()
    finally:
        stop()
        server.server_close()
        click.echo("\nEnded.")


def _server(app: Flask, port: int) -> BaseWSGIServer:
    try:
        return make_server("127.0.0.1", port, app, threaded=True)
    except SystemExit:
        raise click.ClickException(f"Port {port} is taken; choose another, as in: make run PORT={port + 1}") from None


@group.command("generate")
@click.option("--schools", default=50, show_default=True, help="How many; the first are large, the last is small.")
@click.option("--students", default=50_000, show_default=True, help="On roll now; those who have left come on top.")
@click.option("--years", default=3, show_default=True, help="School years, the one in course included.")
@click.option("--audit", default=1_000_000, show_default=True, help="Rows of the audit log.")
@click.option("--seed", default=1, show_default=True, help="The same number makes the same schools.")
@click.option("--until", type=DAY, metavar="DAY", help="The day on which the schools stand; today by default.")
def generate_schools(schools: int, students: int, years: int, audit: int, seed: int, until: date | None) -> None:
    """Make schools by the numbers in an empty database: years of registers, marks, alerts, cases and history."""
    _refuse_production()
    today = clock.today(TIMEZONE)
    wishes = Wishes(schools, students, years, audit=audit, seed=seed, until=until or today)
    with told_plainly(BadPlan, FilesRefused, demo.NotEmpty):
        wishes.check(today)
        demo.refuse_unless_empty(db.session)
        db.session.rollback()
        with _Bar() as bar:
            try:
                made = generate(current_app.config["FORMROOM"], wishes, bar)
            except FilesRefused:
                raise
            except BaseException:
                click.echo(f"\nBroken off. {demo.LEFT_OVER}", err=True)
                raise
    print_made(made)
    _forget_kept()


def _forget_kept() -> None:
    """Rows that come past the session tell nobody, and Redis may know another database's schools by the same ids."""
    store = fragments.of(current_app)
    try:
        if store is not None:
            store.clear()
    except fragments.UNREACHABLE as error:
        raise click.ClickException(
            f"The schools are made, but Redis does not answer ({type(error).__name__}), which may hold pages of other "
            "schools with their numbers: start it, then run “flask cache clear”."
        ) from None


class _Bar:
    """A line with a bar for each step of generate()."""

    def __init__(self) -> None:
        self._bar = progress()
        self._task: TaskID | None = None

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def step(self, what: str, total: int) -> None:
        """As Teller.step()."""
        self._task = self._bar.add_task(what, total=total)

    def done(self, parts: int, note: str = "") -> None:
        """As Teller.done()."""
        if self._task is not None:
            self._bar.update(self._task, advance=parts, description=note or None)


def print_made(made: Made) -> None:
    """Print what generate() has made: rows by table, seconds by step, and who may log in."""
    table = Table("Table", "Rows", "Server’s seconds", "Rows/s")
    for name, rows in made.rows.most_common():
        seconds = made.seconds.get(name, 0.0)
        table.add_row(name, f"{rows:,}", f"{seconds:.1f}", f"{rows / max(seconds, 0.001):,.0f}")
    print_table(table)
    steps = ", ".join(f"{step.lower()} {seconds:.0f} s" for step, seconds in made.steps.items())
    click.echo(f"{sum(made.rows.values()):,} rows in {sum(made.steps.values()):.0f} s: {steps}.")
    click.echo(
        f"{made.attended:,} sessions attended or missed are stated by {made.rows['register']:,} registers and "
        f"{made.exceptions:,} exceptions in them. {made.archived:,} audit rows are in the archive."
    )
    click.echo(f"Everyone’s password is {demo.PASSWORD}. In every school, here the first and the last:")
    for plan in (made.plans[0], made.plans[-1]):
        click.echo(f"  {plan.name} ({plan.students:,} students): {_logins_of(plan.slug)}")
    click.echo(f"  Other masters: as in master-8a@{made.plans[0].slug}. The platform: {OPERATOR}")


def _logins_of(slug: str) -> str:
    return " ".join(f"{one}@{slug}" for one in ("master", "teacher", "head", "admin", "auditor"))


def _keep_time(app: Flask) -> Callable[[], None]:
    # The workers stand above the application, so they are found by name, as a job is.
    stop: Callable[[], None] = import_module("workers.schedule").start_in_thread(app).set
    return stop


def _refuse_production() -> None:
    settings = current_app.config["FORMROOM"]
    if settings.environment == "production" and not settings.base_url.startswith("http://127.0.0.1"):
        raise click.ClickException("The demo’s passwords are public: it is not loaded where others can reach it.")


def _load() -> bool:
    started = time.monotonic()
    try:
        if demo.is_loaded(db.session):
            # Reading began a transaction; left open by this thread, which only waits, it would lock an embedded
            # database for all others.
            db.session.rollback()
            return False
    except demo.NotEmpty as error:
        raise click.ClickException(str(error)) from None
    demo.load(db.session, sources())
    db.session.commit()
    click.echo(f"The demo was made in {time.monotonic() - started:.1f} s.")
    return True


def _print_logins() -> None:
    for one in demo.logins():
        click.echo(f"  {one.what:<20} {one.login:<18} {demo.PASSWORD}")


GROUPS: tuple[click.Group, ...] = (group,)
