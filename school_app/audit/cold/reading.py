"""The history's rows that lie in cold files: of the session's school alone, and only the row groups that can fit.

audit.queries asks it after the tables, as rows travel from them to the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import ColdUnavailable, Store, store
from school_app.audit.digests import COLUMNS
from school_app.audit.models import read_changes
from school_app.audit.sources import midnight
from school_app.core import clock

if TYPE_CHECKING:
    from school_app.audit.queries import Filters, HistoryRow, Key

AnySession = Session | scoped_session[Any]
# No year is taken before it has been over for one, whatever the settings say.
YOUNGEST = timedelta(days=365)
# A page that began before a year was back has read the tables without it, and reads the files within this.
STILL_READ = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Readable:
    """A listed file, and the moment before which its rows are to be read from it."""

    path: str
    first_at: datetime
    last_at: datetime
    until: datetime


def in_files(session: AnySession, filters: Filters, *, before: Key | None, limit: int) -> Iterable[HistoryRow]:
    """The rows of the session's school that fit, the latest first, at most `limit`, all of them before a key.

    Nothing is asked of the database for the young days that most pages show. Raises ColdUnavailable.
    """
    if filters.since > clock.now() - YOUNGEST:
        return []
    until = filters.until if before is None else min(filters.until, before[0] + timedelta(microseconds=1))
    found: list[HistoryRow] = []
    for one in readable(session, filters.since.astimezone(UTC), until.astimezone(UTC)):
        if len(found) >= limit and found[limit - 1].created_at > one.last_at:
            break
        found += _rows(store(), one, filters, before, limit)
        found.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        del found[limit:]
    return found


@cache
def _listed() -> Select[str, int, datetime, datetime, date, bool, ColdStatus]:
    """The statement of readable(), kept, since every old page asks it."""
    returning = or_(
        ColdFile.status == ColdStatus.RESTORING,
        and_(ColdFile.status == ColdStatus.RESTORED, ColdFile.restored_at > bindparam("lately")),
    )
    columns = (ColdFile.path, ColdFile.year, ColdFile.first_at, ColdFile.last_at, ColdFile.cold_before)
    return select(*columns, returning, ColdFile.status).where(
        ColdFile.year.between(bindparam("first_year"), bindparam("last_year")),
        ColdFile.last_at >= bindparam("since"),
        ColdFile.first_at < bindparam("until"),
        or_(ColdFile.status.in_((ColdStatus.PENDING, ColdStatus.KEPT, ColdStatus.DESTROYING)), returning),
    )


def readable(session: AnySession, since: datetime, until: datetime) -> Sequence[Readable]:
    """The files that hold rows of some moments which the database does not, the latest first."""
    values = {
        "since": since,
        "until": until,
        "first_year": since.year,
        "last_year": until.year,
        # What is being brought back, or just has been, may have been looked for in the tables a moment too early.
        "lately": clock.now() - STILL_READ,
    }
    found = []
    for path, year, first_at, last_at, cold_before, is_returning, status in session.execute(_listed(), values):
        if status is ColdStatus.DESTROYING and not store().has(path):
            # It was removed, and the next run puts that on record.
            continue
        seam = midnight(date(year + 1, 1, 1) if is_returning else cold_before)
        if first_at < seam:
            found.append(Readable(path, first_at, last_at, min(until, seam)))
    return sorted(found, key=lambda one: one.last_at, reverse=True)


def _rows(place: Store, one: Readable, filters: Filters, before: Key | None, limit: int) -> Iterator[HistoryRow]:
    from school_app.audit.queries import HistoryRow

    try:
        for table in _fitting(place, one, filters, before, limit):
            for row in reversed(files.rows_of(table)):
                row["changes"] = None if row["changes"] is None else read_changes(row["changes"])
                yield HistoryRow(**row)
    except DamagedFile as error:
        raise ColdUnavailable(f"A part of the history cannot be read from cold storage: {error}") from error


def _fitting(place: Store, one: Readable, filters: Filters, before: Key | None, limit: int) -> Iterator[Any]:
    """A file's fitting rows, a table for each row group that has some, the latest first, until there are enough."""
    asked = _asked(filters)
    with files.reading(place, one.path) as opened:
        for number in reversed(range(opened.num_row_groups)):
            earliest, latest = _moments(opened, number)
            if earliest >= one.until or latest < filters.since or limit <= 0:
                continue
            # Few columns say whether a row fits; the others are read where one does.
            narrow = opened.read_row_group(number, columns=sorted({"created_at", "id", *asked}), use_threads=False)
            places = _places(narrow, filters.since, one.until, asked, before)[-limit:]
            if len(places):
                limit -= len(places)
                yield opened.read_row_group(number, columns=list(COLUMNS), use_threads=False).take(places)


def _asked(filters: Filters) -> dict[str, tuple[Any, ...]]:
    """The columns by which rows are chosen, each with the values that it may have."""
    from school_app.audit.queries import EXACT

    asked: dict[str, tuple[Any, ...]] = {}
    for name in EXACT:
        if (value := getattr(filters, name)) is not None:
            asked[name] = (value,)
    if filters.events is not None:
        asked["event"] = tuple(one for one in filters.events if filters.event in (None, one))
    return asked


def _moments(opened: Any, number: int) -> tuple[datetime, datetime]:
    place = opened.schema_arrow.get_field_index("created_at")
    statistics = opened.metadata.row_group(number).column(place).statistics
    return statistics.min, statistics.max


def _places(table: Any, since: datetime, until: datetime, asked: dict[str, tuple[Any, ...]], before: Key | None) -> Any:
    """Where in a row group the fitting rows stand."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moment = table["created_at"]
    fits = pc.and_(
        pc.greater_equal(moment, pa.scalar(since, moment.type)), pc.less(moment, pa.scalar(until, moment.type))
    )
    if before is not None:
        at, id_ = pa.scalar(before[0], moment.type), before[1]
        same = pc.and_(pc.equal(moment, at), pc.less(table["id"], id_))
        fits = pc.and_(fits, pc.or_(pc.less(moment, at), same))
    for name, values in asked.items():
        column = table[name]
        fits = pc.and_(fits, pc.is_in(column, value_set=pa.array(values, column.type)))
    return pc.indices_nonzero(fits)
