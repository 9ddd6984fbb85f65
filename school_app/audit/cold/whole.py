"""What is looked at before rows of a cold file are shown: that it is what was listed, as far as it is read.

audit.cold.reading asks it for every page, so that it costs little: size, footer, and the order and school of the rows
that are read. Whether each byte is the same only verification asks, and what is asked here of all rows of a file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from school_app.audit.cold import files
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.store import Store

ORDER = ("created_at", "id")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the manifest says of a file, as far as a reader compares the file with it."""

    path: str
    school_id: int | None
    rows: int
    bytes: int
    first_at: datetime
    last_at: datetime


COLUMNS = tuple(one.name for one in fields(Listing))


@contextmanager
def opened(place: Store, listing: Listing) -> Iterator[Any]:
    """A context with the opened file. Raises DamagedFile, or ColdUnavailable where it is missing."""
    with files.reading(place, listing.path, size=listing.bytes) as found:
        if found.schema_arrow.names != files.schema().names or found.metadata.num_rows != listing.rows:
            raise DamagedFile(f"{listing.path} has other columns or rows than were written.")
        yield found


def groups_before(found: Any, listing: Listing, until: datetime) -> int:
    """How many row groups, from the first on, begin before a moment. Raises DamagedFile.

    It asks the rows: the library ends the whole process where the statistics of a damaged file are asked for.
    """
    number: int = found.num_row_groups
    if until <= listing.last_at:
        number = bisect_left(range(number), until, key=lambda one: _begins(found, one, listing))
    if not number:
        raise DamagedFile(f"{listing.path} does not begin as was listed.")
    return number


def _begins(found: Any, number: int, listing: Listing) -> datetime:
    moments = found.read_row_group(number, columns=["created_at"], use_threads=False)["created_at"]
    if not len(moments) or (first := moments[0].as_py()) is None:
        raise DamagedFile(f"{listing.path} has rows without a moment, or none where it says that there are.")
    began: datetime = first
    return began


def backwards(
    found: Any, listing: Listing, number: int, columns: Collection[str] = ()
) -> Iterator[tuple[int, datetime, Any]]:
    """So many row groups from the first on, the last of them first: number, first moment, and some columns.

    Moment, id and school are always among these. Raises DamagedFile.
    """
    after: tuple[Any, ...] | None = None
    names = sorted({*ORDER, "school_id", *columns})
    for one in reversed(range(number)):
        table = found.read_row_group(one, columns=names, use_threads=False)
        _look_at_rows(table, listing)
        first, last = (tuple(table[name][at].as_py() for name in ORDER) for at in (0, -1))
        is_first, is_last = one == 0, one == found.num_row_groups - 1
        begins_well, ends_well = first[0] == listing.first_at, last[0] == listing.last_at
        if (is_first and not begins_well) or (is_last and not ends_well) or (after is not None and last >= after):
            raise DamagedFile(f"{listing.path} has rows of other moments than were listed, or not in their order.")
        after = first
        yield one, first[0], table


def _look_at_rows(table: Any, listing: Listing) -> None:
    if not table.num_rows or any(table[name].null_count for name in ORDER):
        raise DamagedFile(f"{listing.path} has rows without an id or a moment, or none where it says that there are.")
    if not _is_of(table["school_id"], listing.school_id):
        raise DamagedFile(f"{listing.path} holds rows of others than was listed.")
    if not _is_in_order(*(table[name] for name in ORDER)):
        raise DamagedFile(f"{listing.path} has rows that are out of order.")


def _is_of(schools: Any, school_id: int | None) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if school_id is None:
        return bool(schools.null_count == len(schools))
    return not schools.null_count and bool(pc.all(pc.equal(schools, pa.scalar(school_id, schools.type))).as_py())


def _is_in_order(moment: Any, id_: Any) -> bool:
    import pyarrow.compute as pc

    earlier, later, low, high = moment[:-1], moment[1:], id_[:-1], id_[1:]
    follows = pc.or_(pc.less(earlier, later), pc.and_(pc.equal(earlier, later), pc.less(low, high)))
    # Of a single row there is nothing to compare.
    return bool(pc.all(follows, min_count=0).as_py())


def look(place: Store, listing: Listing) -> None:
    """Look at all rows of a file as a reader would at those of a page. Raises DamagedFile or ColdUnavailable."""
    with opened(place, listing) as found:
        for _ in backwards(found, listing, found.num_row_groups):
            pass
