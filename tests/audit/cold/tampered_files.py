"""The ways in which somebody may tamper with cold files and with their manifest; test_tampered_files uses them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, select, update

from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus

OTHER_HASH = "0" * 64


@dataclass
class Cold:
    """Cold storage in a folder; `file` is the one that is tampered with, and `other` one of another school's."""

    session: Any
    folder: Path
    random: random.Random
    file: ColdFile
    other: ColdFile

    @property
    def place(self) -> Path:
        return self.folder / self.file.path

    def table(self) -> Any:
        return pq.read_table(self.place, partitioning=None)

    def write(self, table: Any, **options: Any) -> None:
        pq.write_table(table, self.place, row_group_size=4, **options)

    def list(self, **values: Any) -> None:
        """Change the file's line of the manifest."""
        self.session.execute(update(ColdFile).where(ColdFile.id == self.file.id).values(values))

    def day(self) -> ColdDay:
        """The file's first listed day."""
        days = select(ColdDay).where(ColdDay.file_id == self.file.id).order_by(ColdDay.day, ColdDay.up_to_id)
        found: ColdDay = self.session.scalars(days).first()
        return found


def flip(place: Path, offset: int, mask: int = 0xFF) -> None:
    """Change one byte of a file."""
    whole = bytearray(place.read_bytes())
    whole[offset] ^= mask
    place.write_bytes(bytes(whole))


def flip_any_byte(cold: Cold) -> None:
    flip(cold.place, cold.random.randrange(cold.file.bytes), 1 << cold.random.randrange(8))


def flip_the_first_byte(cold: Cold) -> None:
    flip(cold.place, 0)


def flip_the_last_byte(cold: Cold) -> None:
    flip(cold.place, -1)


def flip_a_byte_of_the_footer(cold: Cold) -> None:
    length = int.from_bytes(cold.place.read_bytes()[-8:-4], "little")
    flip(cold.place, -cold.random.randrange(1, 8 + length), 1 << cold.random.randrange(8))


def append_a_byte(cold: Cold) -> None:
    cold.place.write_bytes(cold.place.read_bytes() + b"\0")


def cut_a_byte_off(cold: Cold) -> None:
    cold.place.write_bytes(cold.place.read_bytes()[:-1])


def reverse_the_rows(cold: Cold) -> None:
    table = cold.table()
    cold.write(table.take(pa.array(range(table.num_rows))[::-1]))


def swap_two_rows(cold: Cold) -> None:
    table = cold.table()
    order = list(range(table.num_rows))
    one = cold.random.randrange(len(order) - 1)
    order[one], order[one + 1] = order[one + 1], order[one]
    cold.write(table.take(pa.array(order)))


def swap_row_groups(cold: Cold) -> None:
    table = cold.table()
    cold.write(pa.concat_tables([table.slice(4), table.slice(0, 4)]).combine_chunks())


def without_statistics(cold: Cold) -> None:
    cold.write(cold.table(), write_statistics=False)


def patch_the_statistics(cold: Cold) -> None:
    """The moments by which row groups are chosen: a group of other moments than it has is passed over."""
    whole = cold.place.read_bytes()
    moments = [int(one.timestamp()) * 10**6 + one.microsecond for one in cold.table()["created_at"].to_pylist()]
    old = min(moments).to_bytes(8, "little", signed=True)
    new = (min(moments) - 365 * 86_400 * 10**6).to_bytes(8, "little", signed=True)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    assert whole[footer:].count(old), "the statistics are not where they were thought to be"
    cold.place.write_bytes(whole[:footer] + whole[footer:].replace(old, new))


def add_a_column(cold: Cold) -> None:
    cold.write(cold.table().append_column("more", pa.array([1] * cold.file.rows)))


def drop_a_column(cold: Cold) -> None:
    cold.write(cold.table().drop_columns(["reason"]))


def change_the_kind_of_a_column(cold: Cold) -> None:
    table = cold.table()
    place = table.schema.get_field_index("created_at")
    cold.write(
        table.set_column(place, "created_at", table["created_at"].cast(pa.timestamp("ms", tz="UTC"), safe=False))
    )


def write_the_same_rows_anew(cold: Cold) -> None:
    cold.write(cold.table(), compression="zstd", write_page_checksum=True)


def change_a_row(cold: Cold) -> None:
    _set(cold, "reason", "forged")


def give_a_row_another_school(cold: Cold) -> None:
    _set(cold, "school_id", (cold.file.school_id or 0) + 1)


def take_a_rows_moment(cold: Cold) -> None:
    _set(cold, "created_at", None)


def _set(cold: Cold, name: str, value: Any) -> None:
    table = cold.table()
    values = table[name].to_pylist()
    values[cold.random.randrange(len(values))] = value
    place = table.schema.get_field_index(name)
    cold.write(table.set_column(place, name, pa.array(values, table.schema.field(name).type)))


def remove_a_row(cold: Cold) -> None:
    cold.write(cold.table().slice(1))


def double_a_row(cold: Cold) -> None:
    table = cold.table()
    cold.write(pa.concat_tables([table.slice(0, 1), table]).combine_chunks())


def swap_with_another_school(cold: Cold) -> None:
    own, others = cold.place.read_bytes(), (cold.folder / cold.other.path).read_bytes()
    cold.place.write_bytes(others)
    (cold.folder / cold.other.path).write_bytes(own)


def swap_the_paths(cold: Cold) -> None:
    one, other = cold.file.path, cold.other.path
    cold.list(path="between")
    cold.session.execute(update(ColdFile).where(ColdFile.id == cold.other.id).values(path=one))
    cold.list(path=other)


def write_anew_and_list_that(cold: Cold) -> None:
    """As one who may change the manifest, too: what was put on record tells."""
    from school_app.audit.cold.store import Folder, fingerprint

    write_the_same_rows_anew(cold)
    sha256, size = fingerprint(Folder(cold.folder), cold.file.path)
    cold.list(sha256=sha256, bytes=size)


def remove_the_days(cold: Cold) -> None:
    cold.session.execute(delete(ColdDay).where(ColdDay.file_id == cold.file.id))


def remove_a_day(cold: Cold) -> None:
    cold.session.execute(delete(ColdDay).where(ColdDay.id == cold.day().id))


def edit_a_day(**values: Any) -> Callable[[Cold], None]:
    def edited(cold: Cold) -> None:
        cold.session.execute(update(ColdDay).where(ColdDay.id == cold.day().id).values(values))

    return edited


def edit(**values: Any) -> Callable[[Cold], None]:
    """A way that changes the manifest; what is a function is asked of the file."""

    def edited(cold: Cold) -> None:
        cold.list(**{name: value(cold.file) if callable(value) else value for name, value in values.items()})

    return edited


LATER = datetime(2090, 1, 1, tzinfo=UTC)
OF_BYTES: dict[str, Callable[[Cold], None]] = {
    **{f"{flip_any_byte.__name__} {number}": flip_any_byte for number in range(40)},
    **{f"{flip_a_byte_of_the_footer.__name__} {number}": flip_a_byte_of_the_footer for number in range(40)},
    **{
        way.__name__: way
        for way in (
            flip_the_first_byte,
            flip_the_last_byte,
            append_a_byte,
            cut_a_byte_off,
            reverse_the_rows,
            swap_two_rows,
            swap_row_groups,
            without_statistics,
            patch_the_statistics,
            add_a_column,
            drop_a_column,
            change_the_kind_of_a_column,
            write_the_same_rows_anew,
            give_a_row_another_school,
            take_a_rows_moment,
            remove_a_row,
            double_a_row,
            swap_with_another_school,
        )
    },
}
OTHER_ROWS = (
    "reverse_the_rows",
    "swap_two_rows",
    "swap_row_groups",
    "add_a_column",
    "drop_a_column",
    "change_the_kind_of_a_column",
    "give_a_row_another_school",
    "take_a_rows_moment",
    "remove_a_row",
    "double_a_row",
    "swap_with_another_school",
)
# These a page cannot tell, as it does not read what tells.
OF_VALUES = {change_a_row.__name__: change_a_row}
OF_MANIFEST: dict[str, Callable[[Cold], None]] = {
    "another year": edit(year=2090),
    "another school": edit(school_id=lambda one: one.school_id + 1),
    "other moments": edit(first_at=LATER, last_at=LATER + timedelta(days=1)),
    "another first moment": edit(first_at=lambda one: one.first_at + timedelta(microseconds=1)),
    "another last moment": edit(last_at=lambda one: one.first_at),
    "another first id": edit(first_id=lambda one: one.first_id - 1),
    "another last id": edit(last_id=lambda one: one.last_id + 1),
    "ids that no run has": edit(first_id=-5, last_id=-4),
    "another number of rows": edit(rows=1),
    "another digest": edit(digest=OTHER_HASH),
    "another hash of the bytes": edit(sha256=OTHER_HASH),
    "another size": edit(bytes=1),
    "another hash, size and number": edit(sha256=OTHER_HASH, bytes=1, rows=1),
    "being destroyed": edit(status=ColdStatus.DESTROYING),
    "on its way, of another year": edit(status=ColdStatus.PENDING, year=2090),
    "a day of another digest": edit_a_day(digest=OTHER_HASH),
    "a day of more rows": edit_a_day(rows=77),
    "a day of other ids": edit_a_day(first_id=1, last_id=2),
    "a day of another school": edit_a_day(school_id=990),
    "a day up to another id": edit_a_day(up_to_id=3),
    **{way.__name__: way for way in (remove_the_days, remove_a_day, swap_the_paths, write_anew_and_list_that)},
}
# What hides rows from verification is told by the rows that are missing.
HIDING: dict[str, Callable[[Cold], None]] = {
    status: edit(status=ColdStatus(status), **more)
    for status, more in {"destroyed": {"destroyed_at": LATER}, "lost": {}, "restored": {}}.items()
} | {"a seam before its rows": edit(cold_before=lambda one: one.begins)}
WAYS = {**OF_BYTES, **OF_VALUES, **OF_MANIFEST}
