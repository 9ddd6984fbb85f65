"""A database of the bench's own on a server that is given, with the settings that the figures were measured under.

It is removed again, and the server's settings are put back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.apps import app_over, settings_of, url_of
from school_app.config import Settings
from school_app.core.db import db

NAME = "formroom_bench_audit"
PATIENT: dict[str, Any] = {"io_timeout_seconds": 4 * 3600, "statement_seconds": 0}
# pt-archiver's bulk insert is LOAD DATA LOCAL; a commit waits for the disk, as where rows matter.
SETTINGS = {"local_infile": 1, "innodb_flush_log_at_trx_commit": 1}
SHOWN = ("innodb_buffer_pool_size", "innodb_flush_log_at_trx_commit", "innodb_doublewrite", "innodb_flush_method")
# The server has purged what was deleted when the list of what it keeps is empty, or has not changed for so many looks.
LOOKS, LOOK_SECONDS, SETTLE_SECONDS = 6, 0.5, 120


@dataclass(frozen=True, slots=True)
class Server:
    """The server that is measured, in words for the table."""

    version: str
    settings: str


def settings_for(url: str, folder: Path) -> Settings:
    """The app's settings for the bench's database; no statement is too long."""
    return replace(settings_of(url, folder), **PATIENT)


@contextmanager
def application(server_url: str, pool_bytes: int) -> Iterator[str]:
    """Work inside the app over an empty database with the product's schema; gives that database's URL."""
    url = url_of(NAME, server_url)
    with app_over(url, **PATIENT), _server_set(pool_bytes):
        yield url


@contextmanager
def _server_set(pool_bytes: int) -> Iterator[None]:
    wanted = SETTINGS | {"innodb_buffer_pool_size": pool_bytes}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        before = {name: connection.execute(text(f"SELECT @@GLOBAL.{name}")).scalar_one() for name in wanted}
        try:
            for name, value in wanted.items():
                connection.execute(text(f"SET GLOBAL {name} = {value}"))
            yield
        finally:
            for name, value in before.items():
                connection.execute(text(f"SET GLOBAL {name} = {value}"))


def server() -> Server:
    """What is measured, read from the server itself."""
    with db.engine.connect() as connection:
        version = str(connection.execute(text("SELECT VERSION()")).scalar_one())
        values = {name: connection.execute(text(f"SELECT @@GLOBAL.{name}")).scalar_one() for name in SHOWN}
        is_mariadb = "mariadb" in version.lower()
    values["innodb_buffer_pool_size"] = f"{int(values['innodb_buffer_pool_size']) // 2**20} MiB"
    name = "MariaDB" if is_mariadb else "MySQL"
    words = ", ".join(f"{key.removeprefix('innodb_')} {value}" for key, value in values.items())
    return Server(f"{name} {version.split('-')[0]}", f"{words}; {os.cpu_count()} cores")


def settle() -> None:
    """Wait until the server has purged what was deleted before, so that nobody pays for another's rows."""
    deadline, kept = time.monotonic() + SETTLE_SECONDS, list[int]()
    left = text("SELECT `COUNT` FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'")
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while time.monotonic() < deadline:
            kept.append(int(connection.execute(left).scalar_one()))
            if kept[-1] == 0 or (len(kept) > LOOKS and len(set(kept[-LOOKS:])) == 1):
                return
            time.sleep(LOOK_SECONDS)
