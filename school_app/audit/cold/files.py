"""A cold file: Parquet with zstd, sorted by moment and id, which any engine reads without this product.

Columns are those of an audit row; `changes` is the text as stored, so that a row's hash is the same here as there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import BigInteger, Integer, Table

from school_app.audit.cold.store import ColdUnavailable, Store, fingerprint
from school_app.audit.digests import COLUMNS, Digest, digest_of, row_hash
from school_app.audit.models import AuditRow
from school_app.core.db import UtcDateTime

# One row group: what a page of the history has to read at least.
GROUP_ROWS = 20_000
REMEDY = "Cold storage needs pyarrow: install requirements/cold.txt."
Row = dict[str, Any]


class DamagedFile(RuntimeError):
    """A cold file is not what was written or listed."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds: the digest of its rows, and their first and last moment."""

    digest: Digest
    first_at: datetime
    last_at: datetime


def parquet() -> Any:
    """The library, which is an optional part. Raises ColdUnavailable with the remedy."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ColdUnavailable(REMEDY) from None
    return pyarrow.parquet


@cache
def schema() -> Any:
    """The columns of a file: whole numbers, moments in UTC to the microsecond, and text."""
    import pyarrow

    def kind(column: Any) -> Any:
        if isinstance(column.type, UtcDateTime):
            return pyarrow.timestamp("us", tz="UTC")
        return pyarrow.int64() if isinstance(column.type, BigInteger | Integer) else pyarrow.string()

    columns = cast(Table, AuditRow.__table__).columns
    return pyarrow.schema([pyarrow.field(one.name, kind(one), nullable=bool(one.nullable)) for one in columns])


class Summary:
    """What a file holds, added up while its rows pass by: ids and hashes by day (UTC)."""

    def __init__(self) -> None:
        self.days: dict[date, list[tuple[int, str]]] = {}
        self.schools: set[int | None] = set()
        self._moments: list[datetime] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows, in whatever order they are."""
        for row in rows:
            self.days.setdefault(row["created_at"].date(), []).append((row["id"], row_hash(row)))
        self.schools.update(row["school_id"] for row in rows)
        moments = [row["created_at"] for row in rows]
        self._moments += [min(moments), max(moments)] if moments else []

    def written(self) -> Written:
        """All of it in one line. Raises DamagedFile where nothing was added, or an id twice."""
        hashes = [one for day in self.days.values() for one in day]
        digest = digest_of(hashes)
        if digest is None or len({id_ for id_, _ in hashes}) != digest.rows:
            raise DamagedFile("It holds no row, or one twice.")
        return Written(digest, min(self._moments), max(self._moments))


@contextmanager
def writing(place: Store, path: str, **facts: object) -> Iterator[Any]:
    """A context with a function that writes some rows as one row group; `facts` are told in the file's own metadata."""
    pq = parquet()
    with place.create(path) as stream:
        writer = pq.ParquetWriter(
            stream,
            schema(),
            compression="zstd",
            write_page_checksum=True,
            sorting_columns=[pq.SortingColumn(COLUMNS.index(name)) for name in ("created_at", "id")],
        )
        try:
            yield lambda rows: _write_group(writer, rows)
        except BaseException:
            # Otherwise the library would try to finish the file when the writer is thrown away.
            writer.is_open = False
            raise
        writer.add_key_value_metadata({"formroom": json.dumps(facts)})
        writer.close()


def _write_group(writer: Any, rows: Sequence[Row]) -> None:
    import pyarrow

    writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema()), row_group_size=GROUP_ROWS)


@contextmanager
def reading(place: Store, path: str, *, size: int | None = None) -> Iterator[Any]:
    """A context with the opened file, which has every column of a row, and the size that is said.

    Raises DamagedFile, or ColdUnavailable where it is missing.
    """
    pq = parquet()
    with place.open(path) as stream:
        try:
            if size is not None and stream.seek(0, 2) != size:
                raise DamagedFile(f"{path} is not as long as was listed.")
            opened = pq.ParquetFile(stream, page_checksum_verification=True)
            _look_at_columns(path, opened)
            yield opened
        except OSError as error:
            raise DamagedFile(f"{path} cannot be read: {error}") from error
        # Damage to what a file says of itself comes as text that is none, or as moments that no calendar has.
        except (_arrow_error(), ValueError, OverflowError) as error:
            raise DamagedFile(f"{path} is no whole file: {error}") from error


def _look_at_columns(path: str, opened: Any) -> None:
    there = opened.schema_arrow
    for one in schema():
        # Where a name is there twice, none of both is found.
        place = there.get_field_index(one.name)
        if place < 0 or there.field(place).type != one.type:
            raise DamagedFile(f"{path} has no column {one.name} as it was written.")


def _arrow_error() -> type[Exception]:
    import pyarrow

    found: type[Exception] = pyarrow.ArrowException
    return found


def groups(place: Store, path: str, *, backwards: bool = False) -> Iterator[list[Row]]:
    """The rows of a file in their order, one row group after the other, or the last group first."""
    with reading(place, path) as opened:
        numbers = range(opened.num_row_groups)
        for number in reversed(numbers) if backwards else numbers:
            table = opened.read_row_group(number, columns=list(COLUMNS), use_threads=False)
            if table["id"].null_count or table["created_at"].null_count:
                raise DamagedFile(f"{path} holds a row without an id or a moment.")
            yield rows_of(table)


def check(place: Store, path: str, listed: tuple[str, int]) -> None:
    """Compare a file with its SHA-256 and size as they were listed. Raises DamagedFile, or ColdUnavailable."""
    if not place.has(path):
        raise DamagedFile(f"{path} is not there any more.")
    if fingerprint(place, path) != listed:
        raise DamagedFile(f"{path} is not what was listed.")


def rows_of(table: Any) -> list[Row]:
    """The rows of a table as the database gives them."""
    found: list[Row] = table.to_pylist()
    return found


def students_in(place: Store, path: str) -> set[int]:
    """The students whom rows of a file are about. Raises DamagedFile, or ColdUnavailable where it is missing."""
    with reading(place, path) as opened:
        return {one for one in opened.read(columns=["student_id"])["student_id"].unique().to_pylist() if one}


def summary(place: Store, path: str) -> Summary:
    """What a file holds, from reading all of it back."""
    counted = Summary()
    for rows in groups(place, path):
        counted.add(rows)
    return counted


def told(place: Store, path: str) -> Mapping[str, Any]:
    """What a file says of itself."""
    with reading(place, path) as opened:
        found: Mapping[str, Any] = json.loads((opened.metadata.metadata or {}).get(b"formroom", b"{}"))
        return found
