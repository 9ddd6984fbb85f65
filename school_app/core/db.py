"""The database: base class, column types, session class, engine options for each server.

Models build on it; together with audit/ it is the only place that knows one SQL dialect from another.
"""

from __future__ import annotations

import enum
import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    String,
    Text,
    create_engine,
    event,
)
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import NullPool

from school_app.config import Settings

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
LOOPBACK = {"127.0.0.1", "localhost", "::1", None}
# What one GROUP_CONCAT may return: the default of MySQL is 1,024 bytes, and it cuts what is longer.
CONCATENATED = 1_048_576
UNHURRIED_SECONDS, LOCK_SECONDS = 3600, 5
SHORT_SECONDS = 3
# The server ends an unhurried session's connection that has been silent for so long, and rolls back what it had begun:
# a process that was stopped in the middle of its work, and holds locks, does not keep others waiting for ever.
SILENT_SECONDS = 300
SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

Id = BigInteger().with_variant(Integer, "sqlite")


def exact(length: int = 191) -> sqltypes.TypeEngine[str]:
    """A string compared byte for byte, as identifiers and tokens are: "a" is not "A" on any server."""
    server = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return String(length).with_variant(server, "mysql", "mariadb")


class Folded(sqltypes.TypeDecorator[str]):
    """A log-in name or address: in small letters, compared byte for byte, so that one text names one account."""

    impl = String(191)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sqltypes.TypeEngine[Any]:
        return dialect.type_descriptor(exact())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.lower()


class UtcDateTime(sqltypes.TypeDecorator[datetime]):
    """A moment with microseconds: aware in Python, stored as naive UTC. A naive value is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sqltypes.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone cannot be stored; use core.clock.now().")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def plain(value: object) -> object:
    """What JSON has no word for, as text: dates in ISO 8601, decimals in digits, enums by value."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")


class JsonText(sqltypes.TypeDecorator[Any]):
    """JSON kept as text, the same bytes on every server, with sorted keys so that equal values are equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=plain)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def one_of(members: type[enum.Enum], length: int = 32) -> Enum:
    """A column that holds one member's value as text, with a CHECK constraint named for the enum."""
    return Enum(
        members,
        native_enum=False,
        create_constraint=True,
        length=length,
        values_callable=lambda kind: [str(member.value) for member in kind],
        name=members.__name__.lower(),
    )


class Base(DeclarativeBase):
    """Every model's base; tables are named in the singular by hand."""

    metadata = MetaData(naming_convention=NAMING)


class SchoolSession(FlaskSession):
    """The session whose statements are guarded by core.tenancy; ways around the guards are closed here."""

    def connection(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse a bare connection, on which no guard stands, outside all_schools()."""
        from school_app.core.tenancy import refuse_unless_all_schools

        refuse_unless_all_schools(self, "session.connection()")
        return super().connection(*args, **kwargs)

    def get(self, entity: Any, ident: Any, **kwargs: Any) -> Any:
        """As Session.get(); an object that the identity map holds for another school is None."""
        from school_app.core.tenancy import BY_KEY, is_foreign

        self.info[BY_KEY] = True
        try:
            found = super().get(entity, ident, **kwargs)
        finally:
            self.info[BY_KEY] = False
        return None if found is not None and is_foreign(self, found) else found

    def bulk_save_objects(self, *args: Any, **kwargs: Any) -> None:
        raise _no_bulk("bulk_save_objects")

    def bulk_insert_mappings(self, *args: Any, **kwargs: Any) -> None:
        raise _no_bulk("bulk_insert_mappings")

    def bulk_update_mappings(self, *args: Any, **kwargs: Any) -> None:
        raise _no_bulk("bulk_update_mappings")


class OwnSession(SchoolSession):
    """A session with an engine of its own instead of the app's."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Any:
        """The engine it was given."""
        return self.bind


def _no_bulk(name: str) -> Exception:
    from school_app.core.tenancy import TenancyError

    return TenancyError(f"{name} passes by the guards; use session.execute(insert(Model), rows).")


db: SQLAlchemy = SQLAlchemy(model_class=Base, session_options={"class_": SchoolSession}, disable_autonaming=True)


def engine_options(settings: Settings) -> dict[str, Any]:
    """Pool and connection options for the settings' database."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": 20}}
    tls: dict[str, Any] = {"ssl_disabled": True} if url.host in LOOPBACK else {"ssl": ssl.create_default_context()}
    return {
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_overflow,
        "pool_recycle": settings.pool_recycle_seconds,
        "pool_timeout": settings.pool_timeout_seconds,
        "pool_pre_ping": True,
        "isolation_level": "READ COMMITTED",
        "connect_args": {
            "charset": "utf8mb4",
            "connect_timeout": settings.connect_timeout_seconds,
            "read_timeout": settings.io_timeout_seconds,
            "write_timeout": settings.io_timeout_seconds,
            **tls,
        },
    }


def prepare_engine(engine: Engine, statement_seconds: int) -> None:
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
        connection.commit()

    event.listen(engine, "connect", prepare)


def statement_time_limit(server: str, seconds: int) -> str:
    """The assignment that limits a statement's time; `server` is the version the server reports."""
    if "MariaDB" in server:
        return f"max_statement_time = {seconds}"
    return f"max_execution_time = {seconds * 1000}"


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


def short_engine(settings: Settings) -> Engine:
    """An engine for single short statements: no pool, and a server that is silent is left soon."""
    limits = {"read_timeout": SHORT_SECONDS, "write_timeout": SHORT_SECONDS}
    return _engine_without_pool(settings, SHORT_SECONDS, **limits)


def replica_engines(settings: Settings) -> list[Engine]:
    """An engine for each replica that the settings name, for short questions."""
    return [short_engine(replace(settings, database_url=url)) for url in settings.read_urls]


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
    """Such an engine for some work, which waits a few seconds for a locked row."""
    engine = unhurried_engine(settings, LOCK_SECONDS)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def unhurried_session(settings: Settings) -> Iterator[Session]:
    """A session of its own on such an engine, for work across all schools; what is not committed is rolled back."""
    with unhurried_engine_of(settings) as engine:
        session = OwnSession(db, bind=engine)
        try:
            yield session
        finally:
            session.close()


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the database to the app; no connection is made yet."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings)
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            prepare_engine(engine, settings.statement_seconds)
            _close_in_children(engine)


def _close_in_children(engine: Engine) -> None:
    """A forked child forgets the parent's connections without closing the sockets they share."""
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
