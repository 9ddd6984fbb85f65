"""The digest of a set of audit rows: the same wherever the rows lie, computed by the server that holds them.

Seals, the archive run, cold storage and their checks use it; what it means is docs/decisions/0020.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Date,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy import (
    cast as sql_cast,
)
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.models import AuditRow

AnySession = Session | scoped_session[Any]
# Rows whose ids share id // LEAF are hashed together: what a server concatenates for one leaf fits any server's limit.
LEAF = 10_000
NULL = "-"
COLUMNS: tuple[str, ...] = tuple(column.name for column in cast(Table, AuditRow.__table__).columns)
Group = tuple[int | None, date]


@dataclass(frozen=True, slots=True)
class Digest:
    """Some rows in one line: how many, the first and the last id, and the SHA-256 over all columns of all of them."""

    rows: int
    first_id: int
    last_id: int
    sha256: str


def stored(table: Table) -> list[ColumnElement[Any]]:
    """The columns of a table to be read as they are hashed: `changes` as the text that is stored, not its value."""
    return [type_coerce(table.c[name], Text) if name == "changes" else table.c[name] for name in COLUMNS]


def row_text(values: Mapping[str, Any]) -> str:
    """The canonical text of a row: each column as "<bytes>:<value>", or "-" for NULL, in the order of COLUMNS.

    `changes` is the text as stored, not the value read from it. The lengths make it unambiguous.
    """
    return "".join(_field(values[name]) for name in COLUMNS)


def _field(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, datetime):
        # As the servers write it; strftime() gives years before 1000 fewer than four digits.
        value = value.replace(tzinfo=None).isoformat(" ", "microseconds")
    text = str(value)
    return f"{len(text.encode())}:{text}"


def row_hash(values: Mapping[str, Any]) -> str:
    """The SHA-256 of a row's canonical text, in hexadecimal."""
    return sha256(row_text(values).encode()).hexdigest()


def digest_of(hashes: Iterable[tuple[int, str]]) -> Digest | None:
    """The digest of rows given as id and hash, in any order; None where there are none."""
    ordered = sorted(hashes)
    if not ordered:
        return None
    leaves: dict[int, list[str]] = {}
    for id_, text in ordered:
        leaves.setdefault(id_ // LEAF, []).append(text)
    whole = sha256("".join(sha256("".join(one).encode()).hexdigest() for _, one in sorted(leaves.items())).encode())
    return Digest(len(ordered), ordered[0][0], ordered[-1][0], whole.hexdigest())


def digests(
    session: AnySession, tables: Sequence[Table], condition: Any, *, by_day: bool = True
) -> dict[Group | None, Digest]:
    """The digests of the rows of some tables that meet a condition, by school and day (UTC) of their moment.

    `condition` makes the WHERE clause for a table: a function of the table. Rows whose moment lies on no day (has_day)
    are under the key None; without `by_day` all rows are. The session is inside all_schools(). One statement: the
    server hashes, but for SQLite.
    """
    return digests_between(session, tables, condition, (), by_day=by_day).get(0, {})


def digests_between(
    session: AnySession, tables: Sequence[Table], condition: Any, ends: Sequence[int], *, by_day: bool = True
) -> dict[int, dict[Group | None, Digest]]:
    """As digests(), but each range of ids for itself, under the number of `ends`, in rising order, that lie below it.

    A row whose id is an end belongs to the range that ends there.
    """
    if session.get_bind().dialect.name == "sqlite":
        return _read_here(session, tables, condition, ends, by_day=by_day)
    found: dict[tuple[int, Group | None], list[tuple[int, int, int, str]]] = {}
    for row in session.execute(_leaves(tables, condition, ends, by_day=by_day)):
        # What is no day the servers give as none, or as text.
        key = (int(row[0]) if ends else 0, (row[-7], row[-6]) if by_day and isinstance(row[-6], date) else None)
        found.setdefault(key, []).append((int(row[-4]), int(row[-3]), int(row[-2]), str(row[-1])))
    return _by_range((key, _whole(leaves)) for key, leaves in found.items())


def _leaves(tables: Sequence[Table], condition: Any, ends: Sequence[int], *, by_day: bool) -> Select[Any]:
    """One row a leaf: its range, school and day as far as they are asked for, number, count, bounds and hash."""
    parts = [_hashed(table).where(condition(table)) for table in tables]
    rows = (parts[0] if len(parts) == 1 else union_all(*parts)).subquery()
    bucket = rows.c.id.op("DIV")(literal_column(str(LEAF))).label("bucket")
    hashes = func.aggregate_strings(rows.c.hash, "").aggregate_order_by(rows.c.id)
    groups: list[Any] = [func.interval(rows.c.id, *(end + 1 for end in ends)).label("part")] if ends else []
    groups += [rows.c.school_id, rows.c.day, bucket] if by_day else [bucket]
    wanted = (func.count(), func.min(rows.c.id), func.max(rows.c.id), func.sha2(hashes, 256))
    return select(*groups, *wanted).group_by(*groups).order_by(*groups)


def _by_range(
    digests: Iterable[tuple[tuple[int, Group | None], Digest]],
) -> dict[int, dict[Group | None, Digest]]:
    found: dict[int, dict[Group | None, Digest]] = {}
    for (part, group), digest in digests:
        found.setdefault(part, {})[group] = digest
    return found


def _whole(leaves: Sequence[tuple[int, int, int, str]]) -> Digest:
    hashed = sha256("".join(leaf[3] for leaf in leaves).encode()).hexdigest()
    return Digest(
        sum(leaf[0] for leaf in leaves),
        min(leaf[1] for leaf in leaves),
        max(leaf[2] for leaf in leaves),
        sha256=hashed,
    )


def _hashed(table: Table) -> Select[Any]:
    day = sql_cast(table.c.created_at, Date).label("day")
    return select(table.c.id, table.c.school_id, day, func.sha2(canonical(table), 256).label("hash"))


@cache
def canonical(table: Table) -> ColumnElement[Any]:
    """row_text() as the server writes it, in bytes, so that no collation has a say."""
    fields = []
    for name in COLUMNS:
        value = sql_cast(type_coerce(table.c[name], String), LargeBinary)
        fields.append(func.ifnull(func.concat(func.length(value), literal_column("':'"), value), literal(NULL)))
    return func.concat(*fields)


def _read_here(
    session: AnySession, tables: Sequence[Table], condition: Any, ends: Sequence[int], *, by_day: bool
) -> dict[int, dict[Group | None, Digest]]:
    found: dict[tuple[int, Group | None], list[tuple[int, str]]] = {}
    for table in tables:
        for row in session.execute(select(*stored(table)).where(condition(table))):
            values = dict(zip(COLUMNS, row, strict=True))
            group = (values["school_id"], values["created_at"].date()) if by_day else None
            part = bisect_left(ends, values["id"])
            found.setdefault((part, group), []).append((values["id"], row_hash(values)))
    return _by_range((key, digest) for key, hashes in found.items() if (digest := digest_of(hashes)) is not None)
