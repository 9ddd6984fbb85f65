"""Engines: of pages, of work that takes its time, of replicas; every connection strict, in UTC, and with its limits.

core.db binds the one of pages to the app; work that has an engine of its own has it from here.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from school_app.config import Settings
from school_app.core import statements
from school_app.core.db.pooled import spare_round_trips

LOOPBACK = {"127.0.0.1", "localhost", "::1", None}
# What one GROUP_CONCAT may return: the default of MySQL is 1,024 bytes, and it cuts what is longer.
CONCATENATED = 1_048_576
UNHURRIED_SECONDS, LOCK_SECONDS = 3600, 5
SHORT_SECONDS = 3
# While all connections to a replica are in use, the primary is asked instead of waiting for one.
REPLICA_POOL_SECONDS = 0.1
# As MariaDB and MySQL number it.
OUT_OF_TIME = {1969, 3024}
# The server ends an unhurried session's connection that has been silent for so long, and rolls back what it had begun:
# a process that was stopped in the middle of its work, and holds locks, does not keep others waiting for ever.
SILENT_SECONDS = 300
SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"


def engine_options(settings: Settings) -> dict[str, Any]:
    """Pool and connection options for the settings' database."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": 20}, "hide_parameters": True}
    tls: dict[str, Any] = {"ssl_disabled": True} if url.host in LOOPBACK else {"ssl": ssl.create_default_context()}
    return {
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_overflow,
        "pool_recycle": settings.pool_recycle_seconds,
        "pool_timeout": settings.pool_timeout_seconds,
        # core.db.pooled does both.
        "pool_pre_ping": False,
        "pool_reset_on_return": None,
        "isolation_level": "READ COMMITTED",
        # An error goes into logs and rows of jobs; the values of its statement may be names of students.
        "hide_parameters": True,
        "connect_args": {
            "charset": "utf8mb4",
            "connect_timeout": settings.connect_timeout_seconds,
            "read_timeout": settings.io_timeout_seconds,
            "write_timeout": settings.io_timeout_seconds,
            **tls,
        },
    }


def prepare_engine(engine: Engine, statement_seconds: int, *, read_only: bool = False) -> None:
    """Make every new connection strict and in UTC, with a limit on the time of one statement (0: none)."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return

    def prepare(connection: Any, record: object) -> None:
        limit = statement_time_limit(connection.get_server_info(), statement_seconds)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET SESSION time_zone = '+00:00', sql_mode = '{SQL_MODE}', "
                f"group_concat_max_len = {CONCATENATED}, {limit}"
            )
            if read_only:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
        connection.commit()

    event.listen(engine, "connect", prepare)
    spare_round_trips(engine)


def statement_time_limit(server: str, seconds: int) -> str:
    """The assignments that limit a statement's time (0: not at all); `server` is the version the server reports."""
    if "MariaDB" in server:
        return f"max_statement_time = {seconds}"
    # MySQL limits what reads. What changes rows takes long where it waits for a lock.
    waits = f", innodb_lock_wait_timeout = {seconds}" if seconds else ""
    return f"max_execution_time = {seconds * 1000}{waits}"


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    # A deferred transaction that turns to writing fails at once when another has written; this one waits its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def unhurried_engine(settings: Settings, lock_seconds: int | None = None) -> Engine:
    """An engine for work that takes longer than a page may: no pool, and no limit on the time of a statement.

    `lock_seconds` is how long a statement waits for a locked row; None leaves that, and silence, to the server.
    """
    patience = f"SET SESSION innodb_lock_wait_timeout = {lock_seconds}, wait_timeout = {SILENT_SECONDS}"
    limits = {"read_timeout": UNHURRIED_SECONDS, "write_timeout": UNHURRIED_SECONDS}
    return _engine_without_pool(settings, 0, **limits, init_command=patience if lock_seconds else None)


def loading_engine(settings: Settings) -> Engine:
    """An engine for core.db.bulk: as unhurried_engine(), and the server may ask for files that its statements name."""
    limits = {"read_timeout": UNHURRIED_SECONDS, "write_timeout": UNHURRIED_SECONDS}
    return _engine_without_pool(settings, 0, **limits, local_infile=True)


def short_engine(settings: Settings) -> Engine:
    """An engine for single short statements: no pool, and a server that is silent is left soon."""
    limits = {"read_timeout": SHORT_SECONDS, "write_timeout": SHORT_SECONDS}
    return _engine_without_pool(settings, SHORT_SECONDS, **limits)


def replica_engines(settings: Settings) -> list[Engine]:
    """An engine for each replica that the settings name, for short questions."""
    return [short_engine(replace(settings, database_url=url)) for url in settings.read_urls]


def reading_engines(settings: Settings) -> list[Engine]:
    """An engine with a pool for each replica: on its connections pages read, one looks, and nothing can be written."""
    each = replace(settings, pool_overflow=settings.pool_overflow + 1, pool_timeout_seconds=REPLICA_POOL_SECONDS)
    # A replica that is silent is left as soon as a statement on it may take no longer.
    silent = settings.statement_seconds + 1
    made = [_pooled(replace(each, database_url=url), silent, read_only=True) for url in settings.read_urls]
    for engine in made:
        statements.watch(engine, settings.slow_milliseconds)
    return made


def beating_engine(settings: Settings) -> Engine:
    """An engine for the beats on the primary, one connection for each replica; a silent server is left soon."""
    return _pooled(replace(settings, pool_size=len(settings.read_urls), pool_overflow=0), SHORT_SECONDS)


def _pooled(settings: Settings, silent: int, *, read_only: bool = False) -> Engine:
    options = engine_options(settings)
    options["connect_args"] |= {"read_timeout": silent, "write_timeout": silent}
    engine = create_engine(settings.database_url, **options)
    prepare_engine(engine, settings.statement_seconds, read_only=read_only)
    close_in_children(engine)
    return engine


def ran_out_of_time(error: BaseException) -> bool:
    """Whether the server broke a statement off because it took longer than it may."""
    arguments: tuple[Any, ...] = getattr(getattr(error, "orig", None), "args", ())
    return bool(set(arguments[:1]) & OUT_OF_TIME)


def _engine_without_pool(settings: Settings, statement_seconds: int, **arguments: Any) -> Engine:
    """An engine that connects anew each time; `arguments` are for connections to a server, and not for SQLite."""
    options = {key: value for key, value in engine_options(settings).items() if not key.startswith(("pool_", "max_"))}
    if make_url(settings.database_url).get_backend_name() != "sqlite":
        options["connect_args"] = {**options["connect_args"], **arguments}
    engine = create_engine(settings.database_url, poolclass=NullPool, **options)
    prepare_engine(engine, statement_seconds)
    return engine


@contextmanager
def unhurried_engine_of(settings: Settings) -> Iterator[Engine]:
    """An unhurried engine for some work, which waits a few seconds for a locked row."""
    engine = unhurried_engine(settings, LOCK_SECONDS)
    try:
        yield engine
    finally:
        engine.dispose()


def close_in_children(engine: Engine) -> None:
    """Let a forked child forget the parent's connections without closing the sockets that they share."""
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
