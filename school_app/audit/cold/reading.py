"""The history's rows that lie in cold files: of the session's school alone, and only the row groups that can fit.

audit.queries asks it after the tables, as rows travel from them to the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files, whole
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import ColdUnavailable, Store, store
from school_app.audit.cold.whole import Listing
from school_app.audit.digests import COLUMNS
from school_app.audit.models import read_changes
from school_app.audit.sources import midnight
from school_app.core import clock

if TYPE_CHECKING:
    from school_app.audit.queries import Filters, HistoryRow, Key

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
# No year is taken before it has been over for one, whatever the settings say.
YOUNGEST = timedelta(days=365)
# A page that began before a year was back has read the tables without it, and reads the files within this.
STILL_READ = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Readable:
    """A listed file, and the moment before which its rows are to be read from it."""

    listing: Listing
    until: datetime

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.listing.path

    @property
    def last_at(self) -> datetime:
        """The moment of its last row."""
        return self.listing.last_at


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
def _listed() -> Select[*tuple[Any, ...]]:
    """The statement of readable(), kept, since every old page asks it."""
    returning = or_(
        ColdFile.status == ColdStatus.RESTORING,
        and_(ColdFile.status == ColdStatus.RESTORED, ColdFile.restored_at > bindparam("lately")),
    )
    columns = (ColdFile.year, ColdFile.cold_before, returning, ColdFile.status)
    return select(*columns, *(getattr(ColdFile, name) for name in whole.COLUMNS)).where(
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
    for year, cold_before, is_returning, status, *facts in session.execute(_listed(), values):
        listing = Listing(*facts)
        if status is ColdStatus.DESTROYING and not store().has(listing.path):
            # It was removed, and the next run puts that on record.
            continue
        seam = midnight(date(year + 1, 1, 1) if is_returning else cold_before)
        if listing.first_at < seam:
            found.append(Readable(listing, min(until, seam)))
    return sorted(found, key=lambda one: one.last_at, reverse=True)


def _rows(place: Store, one: Readable, filters: Filters, before: Key | None, limit: int) -> Iterator[HistoryRow]:
    from school_app.audit.queries import HistoryRow

    try:
        for table in _fitting(place, one, filters, before, limit):
            for row in reversed(files.rows_of(table)):
                row["changes"] = None if row["changes"] is None else read_changes(row["changes"])
                yield HistoryRow(**row)
    except DamagedFile as error:
        log.error("cold_file_damaged", path=one.path, error=str(error))
        raise ColdUnavailable(f"A part of the history cannot be read from cold storage: {error}") from error


def _fitting(place: Store, one: Readable, filters: Filters, before: Key | None, limit: int) -> Iterator[Any]:
    """A file's fitting rows, a table for each row group that has some, the latest first, until there are enough."""
    asked = _asked(filters)
    with whole.opened(place, one.listing) as opened:
        number = whole.groups_before(opened, one.listing, one.until)
        # Few columns say whether a row fits; the others are read where one does.
        for group, begins, narrow in whole.backwards(opened, one.listing, number, asked):
            places = _places(narrow, filters.since, one.until, asked, before)[-limit:]
            if len(places):
                limit -= len(places)
                yield opened.read_row_group(group, columns=list(COLUMNS), use_threads=False).take(places)
            if limit <= 0 or begins < filters.since:
                break


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
