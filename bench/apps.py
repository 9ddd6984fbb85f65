"""What measurements in one process share: the app over a database of the bench, and how long something takes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db


class NoQueue:
    """Jobs stay in their rows: nothing works beside what is measured."""

    def put(self, job_run_id: int, *, queue: str) -> None:
        """Leave the row as it is."""


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


@contextmanager
def app_over(url: str, *, keep: bool = False, **changes: Any) -> Iterator[bool]:
    """Work inside the app over a database with the product's schema; says whether that is empty.

    One of that name is removed first, and it is removed at the end, unless it is to be kept. `changes` are of settings.
    """
    is_new = not (keep and database_exists(url))
    if is_new:
        if database_exists(url):
            drop_database(url)
        create_database(url, encoding="utf8mb4")
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(replace(settings_of(url, Path(folder)), **changes))
        app.extensions["formroom.queue"] = NoQueue()
        with app.app_context():
            try:
                upgrade()
                yield is_new
            finally:
                db.session.remove()
                db.engine.dispose()
                if not keep:
                    drop_database(url)


def url_of(database: str, server_url: str | None = None) -> str:
    """The address of a database on a server; without one on that which FORMROOM_TEST_DATABASE_URL names."""
    server = make_url(server_url or os.environ["FORMROOM_TEST_DATABASE_URL"])
    return server.set(database=database).render_as_string(hide_password=False)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
