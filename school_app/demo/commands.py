"""flask demo: the demo's schools, and the one process that shows them.

school_app.cli registers them.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from importlib import import_module

import click
from flask import Flask, current_app
from flask_migrate import upgrade
from werkzeug.serving import make_server

from school_app.alerts.sources import sources
from school_app.core.db import db
from school_app.demo import load as demo


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
    """Show the demo in this one process: web, jobs and schedule. Ends with Ctrl-C."""
    settings = current_app.config["FORMROOM"]
    if not settings.embedded:
        raise click.ClickException("The demo is served with FORMROOM_ENV=embedded only; `make run` sets it.")
    upgrade()
    _load()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        server = make_server("127.0.0.1", port, app, threaded=True)
    except SystemExit:
        raise click.ClickException(f"Port {port} is taken; choose another, as in: make run PORT={port + 1}") from None
    click.echo(f"\n  Formroom is at http://127.0.0.1:{port}/\n")
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
