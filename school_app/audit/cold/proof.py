"""A cold file beside its manifest: whether it is, byte by byte and row by row, what was listed of it.

audit.cold.source asks it of each file that a verification reads. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files, whole
from school_app.audit.cold.files import DamagedFile, Summary
from school_app.audit.cold.models import ColdDay, ColdFile
from school_app.audit.cold.store import Store
from school_app.audit.cold.whole import Listing
from school_app.audit.differences import Difference, Kind
from school_app.audit.digests import Digest, digest_of

AnySession = Session | scoped_session[Any]
Hashes = Sequence[tuple[int, str]]
OF_ROWS = ("number of rows", "first id", "last id", "digest", "first moment", "last moment")
OF_DAYS = "The days that are listed with the file are not those of its rows."


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a file: told on its first day, and of every day between its first and its last."""

    difference: Difference
    first: date
    last: date

    def meets(self, first: date | None, last: date | None) -> bool:
        """Whether it concerns some days, both ends included."""
        return (first is None or first <= self.last) and (last is None or self.first <= last)


def of_file(listed: ColdFile, first: date, last: date, sentence: str) -> Wrong:
    """Something that is wrong with all of a file, which holds rows from one day to another."""
    return Wrong(Difference(Kind.FILE, listed.school_id, first, sentence, listed.path), first, last)


def of_listed(listed: ColdFile, sentence: str) -> Wrong:
    """As of_file(), where nobody knows of what days a file holds rows but by what was listed of it."""
    return of_file(listed, listed.first_at.date(), listed.last_at.date(), sentence)


def wrong(session: AnySession, place: Store, listed: ColdFile, read: Summary) -> Iterator[Wrong]:
    """What of a file, all of which was read, is not what was listed of it. Raises ColdUnavailable."""
    days = read.days or {listed.first_at.date(), listed.last_at.date()}
    for sentence in _sentences(place, listed, read):
        yield of_file(listed, min(days), max(days), sentence)
    for day in _days(session, listed, read.days):
        yield Wrong(Difference(Kind.FILE, listed.school_id, day, OF_DAYS, listed.path), day, day)


def _sentences(place: Store, listed: ColdFile, read: Summary) -> Iterator[str]:
    for damage in (
        _damage(files.check, place, listed.path, (listed.sha256, listed.bytes)),
        _damage(whole.look, place, listing_of(listed)),
    ):
        if damage is not None:
            yield damage
    if others := list(_others(listed, read)):
        yield f"{listed.path} was listed with another {', '.join(others)} than it has."


def _damage(look: Callable[..., None], *asked: Any) -> str | None:
    try:
        look(*asked)
    except DamagedFile as damage:
        return str(damage)
    return None


def listing_of(listed: ColdFile) -> Listing:
    """What a reader compares a file with."""
    return Listing(*(getattr(listed, name) for name in whole.COLUMNS))


def _others(listed: ColdFile, read: Summary) -> Iterator[str]:
    """What was listed otherwise than it was read, in words."""
    if {day.year for day in read.days} != {listed.year}:
        yield "year"
    if read.schools != {listed.school_id}:
        yield "school"
    try:
        written = read.written()
    except DamagedFile:
        yield "set of rows"
        return
    digest = written.digest
    found = (digest.rows, digest.first_id, digest.last_id, digest.sha256, written.first_at, written.last_at)
    told = (listed.rows, listed.first_id, listed.last_id, listed.digest, listed.first_at, listed.last_at)
    yield from (name for name, one, other in zip(OF_ROWS, found, told, strict=True) if one != other)


def _days(session: AnySession, listed: ColdFile, days: Mapping[date, Hashes]) -> Iterator[date]:
    """The days of which other rows were listed with a file than it holds."""
    statement = select(ColdDay).where(ColdDay.file_id == listed.id).order_by(ColdDay.day, ColdDay.up_to_id)
    by_day: dict[date, list[ColdDay]] = {}
    for one in session.scalars(statement, execution_options={"populate_existing": True}):
        by_day.setdefault(one.day, []).append(one)
    for day in sorted({*by_day, *days}):
        if not _is_listed(listed, by_day.get(day, ()), days.get(day, ())):
            yield day


def _is_listed(listed: ColdFile, seals: Iterable[ColdDay], rows: Hashes) -> bool:
    """Whether the rows of a day are those of the seals that were listed, each up to its last id and none beside."""
    left = sorted(rows, key=itemgetter(0))
    for one in seals:
        own = [entry for entry in left if entry[0] <= one.up_to_id]
        left = left[len(own) :]
        if one.school_id != listed.school_id:
            return False
        if digest_of(own) != Digest(one.rows, one.first_id, one.last_id, one.digest):
            return False
    return not left
