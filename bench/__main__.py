"""`make bench [ARGS='--rounds 5 --audit 200000']`: pages beside an empty answer, the archive beside plain SQL.

It builds a database of its own on the server that FORMROOM_TEST_DATABASE_URL names, and removes it again. Times on one
machine swing by a factor of two, so every figure stands beside a reference that was measured in the same rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from rich.console import Console
from rich.table import Table
from sqlalchemy import event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.alerts.sources import sources
from school_app.audit.archive import Limits, Run
from school_app.audit.models import AuditRow
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from school_app.demo import load as demo

NULL = "/health/live"
PAGES = (
    ("master@linden", "/"),
    ("master@linden", "/students/1"),
    ("master@linden", "/alerts"),
    ("master@linden", "/cases"),
    ("admin@linden", "/"),
    ("auditor@linden", "/audit"),
    ("auditor@linden", "/audit?from=2020-01-01"),
)
REPEATS = 10
BATCH = 5_000


class NoQueue:
    """Jobs stay in their rows: nothing works beside what is measured."""

    def put(self, job_run_id: int, *, queue: str) -> None:
        """Leave the row as it is."""


@contextmanager
def application(folder: Path) -> Iterator[Flask]:
    """The app over a database of its own that holds the demo's schools."""
    url = make_url(os.environ["FORMROOM_TEST_DATABASE_URL"]).set(database="formroom_bench")
    own = url.render_as_string(hide_password=False)
    if database_exists(own):
        drop_database(own)
    create_database(own, encoding="utf8mb4")
    app = create_app(settings_of(own, folder))
    app.extensions["formroom.queue"] = NoQueue()
    try:
        with app.app_context():
            upgrade()
            demo.load(db.session, sources())
            db.session.commit()
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()
        drop_database(own)


def settings_of(database_url: str, folder: Path) -> Settings:
    """Settings of a bench over a database."""
    return Settings(
        environment="test",
        database_url=database_url,
        redis_url=os.environ["FORMROOM_TEST_REDIS_URL"],
        secret_key="a-secret-for-the-bench-that-is-long-enough",  # noqa: S106 - of a database that is removed again.
        data_dir=folder,
        base_url="http://localhost",
        mail_url=f"file:{folder / 'mail'}",
        log_level="ERROR",
        secure_cookies=False,
        statement_seconds=60,
    )


def logged_in(app: Flask, login: str) -> FlaskClient:
    """A browser of one of the demo's people."""
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    answer = client.post("/login", data={"name": login, "password": demo.PASSWORD})
    if answer.status_code != 303:
        raise SystemExit(f"{login} cannot log in: {answer.status_code}")
    return client


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def pages(app: Flask, rounds: int) -> Table:
    """Each page beside the empty answer, interleaved: median and 95th percentile in ms, ratio, statements."""
    clients = {login: logged_in(app, login) for login, _ in PAGES}
    times: dict[tuple[str, str], list[float]] = {place: [] for place in (*PAGES, ("", NULL))}
    nobody = app.test_client()
    for _ in range(rounds):
        for _ in range(REPEATS):
            times[("", NULL)].append(seconds(partial(nobody.get, NULL)))
            for login, path in PAGES:
                times[(login, path)].append(seconds(partial(clients[login].get, path)))
    table = Table(
        "Page", "Median ms", "95 % ms", "× empty answer", "Statements", title="Pages, demo school, one process"
    )
    null = statistics.median(times[("", NULL)])
    for (login, path), found in times.items():
        counted = _statements(app, clients[login], path) if login else 0
        high = statistics.quantiles(found, n=20)[-1]
        row = (f"{path} ({login})" if login else path, f"{1000 * statistics.median(found):.1f}", f"{1000 * high:.1f}")
        table.add_row(*row, f"{statistics.median(found) / null:.1f}", str(counted))
    return table


def _statements(app: Flask, client: FlaskClient, path: str) -> int:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    client.get(path)
    event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def archive(app: Flask, rows: int, rounds: int) -> Table:
    """The archive run beside one INSERT … SELECT and one DELETE of the same rows, which verify nothing."""
    table = Table("Round", "Run, rows/s", "Plain SQL, rows/s", "Run ÷ plain", title=f"Archive, {rows:,} rows a round")
    with app.app_context():
        for number in range(1, rounds + 1):
            _old_rows(rows)
            run = seconds(_run)
            _old_rows(rows)
            plain = seconds(_plain)
            table.add_row(str(number), f"{rows / run:,.0f}", f"{rows / plain:,.0f}", f"{plain / run:.2f}")
    return table


def _old_rows(rows: int) -> None:
    old = clock.now() - timedelta(days=200)
    with db.engine.begin() as connection:
        for start in range(0, rows, BATCH):
            batch = [
                {"created_at": old + timedelta(seconds=number), "actor_name": "bench", "event": "row.changed"}
                | {"school_id": 1, "entity_type": "student", "entity_id": number, "changes": {"name": ["a", "b"]}}
                for number in range(start, min(start + BATCH, rows))
            ]
            connection.execute(insert(AuditRow.__table__), batch)  # type: ignore[arg-type]


def _run() -> None:
    with all_schools(db.session):
        for _ in Run(db.session, Limits(), started_by="bench").steps():
            db.session.commit()


def _plain() -> None:
    cutoff = {"cutoff": clock.now().replace(tzinfo=None) - timedelta(days=90)}
    with db.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO audit_log_archive SELECT * FROM audit_log WHERE created_at < :cutoff"), cutoff
        )
        connection.execute(text("DELETE FROM audit_log WHERE created_at < :cutoff"), cutoff)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--audit", type=int, default=50_000, help="audit rows of each archive round")
    asked = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder, application(Path(folder)) as app:
        console.print(pages(app, asked.rounds))
        console.print(archive(app, asked.audit, asked.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
