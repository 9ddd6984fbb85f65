"""The archived rows that cold storage takes over: which wait, and how they are read, proved, deleted and brought back.

audit.cold.cooling and restoring use it, inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, Text, and_, bindparam, delete, func, insert, or_, select, type_coerce
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.cold.files import GROUP_ROWS, Row
from school_app.audit.digests import COLUMNS, digest_of, digests, row_hash, stored
from school_app.audit.models import reading_index
from school_app.audit.sources import midnight
from school_app.core.db import has_day
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# Rows named one by one in a statement.
CHUNK = 5_000
# The archive as it is stored, so that `changes` passes through as it is.
STORED = stored(ARCHIVE)


class NotMoved(RuntimeError):
    """What lies in the file is not what lies in the database; the transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """The audit rows of one school, or of the platform (None), of one calendar year in UTC."""

    school_id: int | None
    year: int

    @property
    def begins(self) -> datetime:
        """The first moment of the year."""
        return midnight(date(self.year, 1, 1))

    @property
    def ends(self) -> datetime:
        """The first moment after the year."""
        return midnight(date(self.year + 1, 1, 1))

    def where(self, table: Table = ARCHIVE) -> ColumnElement[bool]:
        """The condition that holds for these rows of a table, of the archive unless another is named."""
        whose = of_school(self.school_id, table)
        moment = table.c.created_at
        return and_(whose, moment >= self.begins, moment < self.ends, has_day(moment))

    def __str__(self) -> str:
        whose = "the platform" if self.school_id is None else f"school {self.school_id}"
        return f"{self.year} of {whose}"


def of_school(school_id: int | None, table: Table = ARCHIVE) -> ColumnElement[bool]:
    """The condition that a row is of a school, or of the platform."""
    if school_id is None:
        return table.c.school_id.is_(None)
    return table.c.school_id == school_id


def archived_years(session: AnySession, before: int) -> Iterator[SchoolYear]:
    """The years before one of which the archive holds rows, school by school, each found by one step in the index."""
    for school_id in _schools(session):
        moment = _oldest(session, school_id, None)
        while moment is not None and moment.year < before:
            found = SchoolYear(school_id, moment.year)
            yield found
            moment = _oldest(session, school_id, found.ends)


def _schools(session: AnySession) -> Iterator[int | None]:
    if session.scalar(select(ARCHIVE.c.id).where(ARCHIVE.c.school_id.is_(None)).limit(1)) is not None:
        yield None
    last = session.scalar(select(func.min(ARCHIVE.c.school_id)))
    while last is not None:
        yield int(last)
        last = session.scalar(select(func.min(ARCHIVE.c.school_id)).where(ARCHIVE.c.school_id > last))


def _oldest(session: AnySession, school_id: int | None, since: datetime | None) -> datetime | None:
    moment = ARCHIVE.c.created_at
    statement = select(moment).where(of_school(school_id), has_day(moment))
    if since is not None:
        statement = statement.where(moment >= since)
    # Along the index to the first of them: the smallest, asked for as such, would be looked for among all.
    for server in ("mysql", "mariadb"):
        statement = statement.with_hint(ARCHIVE, f"FORCE INDEX ({reading_index('moment')})", server)
    return cast("datetime | None", session.scalar(statement.order_by(moment, ARCHIVE.c.id).limit(1)))


def are_coming(session: AnySession, year: SchoolYear) -> bool:
    """Whether rows of a school's year are not archived yet; their seals may hold rows of the archive as well."""
    return any(
        session.scalar(select(table.c.id).where(year.where(table)).limit(1)) is not None for table in (HOT, STAGED)
    )


def count(session: AnySession, year: SchoolYear) -> int:
    """How many rows of a school's year the archive holds."""
    return int(session.scalar(select(func.count()).select_from(ARCHIVE).where(year.where())) or 0)


def page(
    session: AnySession,
    year: SchoolYear,
    after: tuple[datetime, int] | None,
    until: datetime,
    *,
    up_to_id: int,
    size: int = GROUP_ROWS,
) -> list[Row]:
    """The next rows of a school's year in the order (created_at, id), from before a moment, with ids up to one."""
    statement = select(*STORED).where(year.where(), ARCHIVE.c.created_at < until, ARCHIVE.c.id <= up_to_id)
    if after is not None:
        moment, id_ = after
        behind = or_(ARCHIVE.c.created_at > moment, ARCHIVE.c.id > id_)
        statement = statement.where(ARCHIVE.c.created_at >= moment, behind)
    ordered = statement.order_by(ARCHIVE.c.created_at, ARCHIVE.c.id).limit(size)
    return [dict(zip(COLUMNS, row, strict=True)) for row in session.execute(ordered)]


def let_go(session: AnySession, rows: Sequence[Row]) -> None:
    """Delete rows that are proved to be the same in the database, by its own hashes. Raises NotMoved."""
    for chunk in chunks(rows):
        within = _named(chunk)
        prove(session, chunk)
        deleted = session.execute(delete(ARCHIVE).where(within)).rowcount  # type: ignore[attr-defined]
        if deleted != len(chunk):
            raise NotMoved(f"{counted(deleted, 'row')} would be deleted where the file holds {len(chunk):,}.")


def bring_back(session: AnySession, rows: Sequence[Row]) -> None:
    """Put rows of a file into the archive again, and prove that the database holds the same. Raises NotMoved."""
    for chunk in chunks(rows):
        statement = insert(ARCHIVE).values({name: _as_stored(name) for name in COLUMNS})
        session.execute(statement, [{f"stored_{name}": row[name] for name in COLUMNS} for row in chunk])
        prove(session, chunk)


def _as_stored(name: str) -> Any:
    kind = Text() if name == "changes" else ARCHIVE.c[name].type
    return type_coerce(bindparam(f"stored_{name}", type_=kind), kind)


def prove(session: AnySession, rows: Sequence[Row]) -> None:
    """Compare some rows of a file with the database's rows of the same ids. Raises NotMoved."""
    there = digests(session, [ARCHIVE], lambda _: _named(rows), by_day=False).get(None)
    here = digest_of((row["id"], row_hash(row)) for row in rows)
    if there != here:
        span = f"{rows[0]['id']} to {rows[-1]['id']}"
        raise NotMoved(f"The rows {span} are not the same in the database and in the file.")


def _named(rows: Sequence[Row]) -> ColumnElement[bool]:
    # By their ids, not by a range: a row that came late into the range is in no file. The moments and the school let
    # the server pass by other partitions.
    moments = [row["created_at"] for row in rows]
    return and_(
        ARCHIVE.c.id.in_([row["id"] for row in rows]),
        ARCHIVE.c.created_at.between(min(moments), max(moments)),
        of_school(rows[0]["school_id"]),
    )


def chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Some rows at a time."""
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def whole_days(groups: Iterable[Sequence[Row]], least: int) -> Iterator[list[Row]]:
    """Rows in the order of their moments, in batches of `least` or more that end with a day."""
    batch: list[Row] = []
    for rows in groups:
        for row in rows:
            if len(batch) >= least and row["created_at"].date() != batch[-1]["created_at"].date():
                yield batch
                batch = []
            batch.append(row)
    if batch:
        yield batch


def day_after(rows: Sequence[Row]) -> date:
    """The day after that of the last row."""
    last: date = rows[-1]["created_at"].date()
    return last + timedelta(days=1)
