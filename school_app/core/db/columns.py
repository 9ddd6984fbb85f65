"""What columns are made of, the same on every server: keys, texts, moments, JSON and choices.

Models and migrations have them from core.db.
"""

from __future__ import annotations

import enum
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Dialect,
    Enum,
    Integer,
    String,
    Text,
    func,
    literal,
    literal_column,
)
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from school_app.core import clock

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


# In this order: the servers take the last day of a month that is none for an error where something is written, and for
# most days it need not be asked for, which halves the time.
ON_A_DAY = (
    "(MONTH({0}) > 0 AND YEAR({0}) > 0 AND DAYOFMONTH({0}) > 0"
    " AND (DAYOFMONTH({0}) <= 28 OR DAYOFMONTH({0}) <= DAYOFMONTH(LAST_DAY({0}))))"
)


class has_day(FunctionElement[bool]):
    """Whether a moment or day that is stored lies on a day of the calendar.

    By a session's mode the servers take moments as well that do not, such as 0000-00-00 or 2026-02-31; nothing in
    Python can hold one. In SQLite, where a moment is text, this is not looked at.
    """

    type = Boolean()
    inherit_cache = True


@compiles(has_day)
def _has_day(element: has_day, compiler: SQLCompiler, **options: Any) -> str:
    return "(1 = 1)"


@compiles(has_day, "mysql", "mariadb")
def _has_day_on_servers(element: has_day, compiler: SQLCompiler, **options: Any) -> str:
    return ON_A_DAY.format(compiler.process(element.clauses, **options))


def present(dialect: Dialect, ago: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """The moment so long ago by the database's clock, which is the same for all hosts. SQLite has none of its own."""
    if dialect.name == "sqlite":
        return literal(clock.now() - ago, UtcDateTime)
    seconds = -int(ago.total_seconds())
    return func.timestampadd(literal_column("SECOND"), seconds, func.utc_timestamp(6), type_=UtcDateTime)


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
