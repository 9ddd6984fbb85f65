"""Where audit rows lie, and which of them are meant: the tables of the database are one source, cold storage another.

audit.seals and audit.verify read rows through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Date, Select, Table, and_, func, not_, or_, select, true, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.digests import Digest, Group, digests, digests_between
from school_app.audit.models import reading_index
from school_app.core.db import has_day

AnySession = Session | scoped_session[Any]
Schools = tuple[int | None, ...]
IN_TWO_PLACES = "in two places"
TABLES: tuple[Table, ...] = (HOT, STAGED, ARCHIVE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows with ids above one and up to another, of whole days (UTC) and of some schools; None limits nothing.

    Among `schools`, None is the platform.
    """

    above_id: int | None
    up_to_id: int | None
    first: date | None = None
    last: date | None = None
    schools: Schools | None = None

    def holds(self, school_id: int | None, day: date) -> bool:
        """Whether a school's day is within it."""
        if self.schools is not None and school_id not in self.schools:
            return False
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def where(self, table: Table) -> ColumnElement[bool]:
        """The condition that these rows of a table meet."""
        conditions: list[ColumnElement[bool]] = []
        if self.above_id is not None:
            conditions.append(table.c.id > self.above_id)
        if self.up_to_id is not None:
            conditions.append(table.c.id <= self.up_to_id)
        if self.first is not None:
            conditions.append(table.c.created_at >= midnight(self.first))
        if self.last is not None:
            conditions.append(table.c.created_at < midnight(self.last + timedelta(days=1)))
        if self.schools is not None:
            conditions.append(_of_schools(table, self.schools))
        return and_(true(), *conditions)


class Source(Protocol):
    """A place where audit rows lie."""

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """The digests of the rows that lie here, by school and day; the rows of a day lie in one source, all of them.

        Of rows that were destroyed on record, a source answers what its record says.
        """


def together(*places: Mapping[Group, Digest]) -> dict[Group, Digest]:
    """The digests of several places as one."""
    found: dict[Group, Digest] = {}
    for place in places:
        for group, digest in place.items():
            other = found.get(group)
            # Rows of one day in two places are in one of them by mistake; no digest of both can be told.
            found[group] = digest if other is None else _both(digest, other)
    return found


def _both(one: Digest, other: Digest) -> Digest:
    first, last = min(one.first_id, other.first_id), max(one.last_id, other.last_id)
    return Digest(one.rows + other.rows, first, last, IN_TWO_PLACES)


class Tables:
    """Tables of the database, read as one: in which of them a row lies changes nothing.

    `met_no_day` says whether among the rows of the last digests() were some on no day, which without_day() names.
    """

    def __init__(self, session: AnySession, tables: Sequence[Table] = TABLES) -> None:
        self._session, self._tables = session, tables
        self.met_no_day = False
        self._schools: Schools | None = None

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """As Source.digests(), in one statement."""
        found = digests(self._session, self._tables, stretch.where)
        self.met_no_day = None in found
        return _of_groups(found)

    def digests_between(self, stretch: Stretch, ends: Sequence[int]) -> dict[int, dict[Group, Digest]]:
        """As digests(), each range of ids for itself: see digests.digests_between()."""
        found = digests_between(self._session, self._tables, stretch.where, ends)
        return {part: _of_groups(of_part) for part, of_part in found.items()}

    def counts(self, stretch: Stretch) -> dict[Group, int]:
        """How many rows there are, by school and day."""
        found: dict[Group, int] = {}
        # With its schools named, a stretch of few days is read from the index that leads with the school.
        schools = self._all_schools() if stretch.schools is None else stretch.schools
        for table in self._tables:
            day = func.date(table.c.created_at, type_=Date)
            statement = select(table.c.school_id, day, func.count()).group_by(table.c.school_id, day)
            within = and_(replace(stretch, schools=schools).where(table), has_day(table.c.created_at))
            for school_id, on, rows in self._session.execute(statement.where(within)):
                found[(school_id, on)] = found.get((school_id, on), 0) + int(rows)
        return found

    def without_day(self, stretch: Stretch, most: int) -> list[tuple[int | None, int]]:
        """School and id of the first rows whose moment lies on no day of the calendar, `most` of them at most."""
        parts = [
            select(table.c.school_id, table.c.id).where(stretch.where(table), not_(has_day(table.c.created_at)))
            for table in self._tables
        ]
        rows = union_all(*parts).subquery()
        first = select(rows.c.school_id, rows.c.id).order_by(rows.c.id).limit(most)
        return [(row.school_id, row.id) for row in self._session.execute(first)]

    def _all_schools(self) -> Schools:
        """The schools that have rows, asked for once: while rows are moved, what was deleted is slow to pass by."""
        if self._schools is None:
            self._schools = tuple({one for table in self._tables for one in self._session.scalars(_schools_in(table))})
        return self._schools


def midnight(day: date) -> datetime:
    """The moment at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _schools_in(table: Table) -> Select[int | None]:
    """The schools of which a table holds rows: from one to the next along an index, not through all of it."""
    statement: Select[int | None] = select(table.c.school_id).group_by(table.c.school_id)
    for server in ("mysql", "mariadb"):
        statement = statement.with_hint(table, f"FORCE INDEX FOR GROUP BY ({reading_index('moment')})", server)
    return statement


def _of_groups(found: Mapping[Group | None, Digest]) -> dict[Group, Digest]:
    return {group: digest for group, digest in found.items() if group is not None}


def _of_schools(table: Table, schools: Schools) -> ColumnElement[bool]:
    of_one = table.c.school_id.in_([one for one in schools if one is not None])
    return or_(of_one, table.c.school_id.is_(None)) if None in schools else of_one
