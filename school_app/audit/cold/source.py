"""Cold files as a source of rows for seals: the digests of what they hold, hashed once from reading the files back.

audit.verify compares them with the seals. It works inside all_schools().
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import ColdUnavailable, Store
from school_app.audit.digests import Digest, Group, digest_of, row_hash
from school_app.audit.sources import Stretch

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
READ = (ColdStatus.PENDING, ColdStatus.KEPT, ColdStatus.RESTORING)
ENTRY = struct.Struct(">q32s")


@dataclass(frozen=True, slots=True)
class Day:
    """Where the hashes of a file's rows of one day lie, and between which ids these are."""

    group: Group
    offset: int
    rows: int
    first_id: int
    last_id: int


class Files:
    """The files of cold storage, as far as they alone hold their rows; a file that cannot be read holds nothing.

    A file is hashed when it is first asked for, into a temporary file, as its rows may be more than memory takes.
    """

    def __init__(self, session: AnySession, place: Store) -> None:
        self._place = place
        statement = select(ColdFile).where(ColdFile.status.in_(READ)).order_by(ColdFile.id)
        found = session.scalars(statement, execution_options={"populate_existing": True})
        self._files: Sequence[ColdFile] = [one for one in found if one.cold_before > one.begins]
        self._days: dict[int, list[Day]] = {}
        self._hashes = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this source.
        weakref.finalize(self, self._hashes.close)
        self.problems: list[str] = []

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """The digests of the rows that lie here, by school and day."""
        hashes: dict[Group, list[tuple[int, str]]] = {}
        for one in self._files:
            for day in self._fitting_days(one, stretch):
                hashes.setdefault(day.group, []).extend(
                    entry for entry in self._read(day) if _within(stretch, entry[0])
                )
        return {group: digest for group, entries in hashes.items() if (digest := digest_of(entries)) is not None}

    def _fitting_days(self, one: ColdFile, stretch: Stretch) -> Iterator[Day]:
        if not _overlaps(stretch, one.first_id, one.last_id):
            return
        if stretch.schools is not None and one.school_id not in stretch.schools:
            return
        if one.id not in self._days:
            self._days[one.id] = self._hashed(one)
        for day in self._days[one.id]:
            if stretch.holds(*day.group) and _overlaps(stretch, day.first_id, day.last_id):
                yield day

    def _hashed(self, one: ColdFile) -> list[Day]:
        days: dict[date, list[tuple[int, str]]] = {}
        try:
            for group in files.groups(self._place, one.path):
                for row in group:
                    if (on := row["created_at"].date()) < one.cold_before:
                        days.setdefault(on, []).append((row["id"], row_hash(row)))
        except (DamagedFile, ColdUnavailable) as error:
            self.problems.append(str(error))
            log.error("cold_file_unreadable", path=one.path, error=str(error))
            return []
        return [self._write((one.school_id, on), entries) for on, entries in days.items()]

    def _write(self, group: Group, entries: Sequence[tuple[int, str]]) -> Day:
        offset = self._hashes.seek(0, 2)
        for id_, hash_ in entries:
            self._hashes.write(ENTRY.pack(id_, bytes.fromhex(hash_)))
        ids = [id_ for id_, _ in entries]
        return Day(group, offset, len(entries), min(ids), max(ids))

    def _read(self, day: Day) -> Iterator[tuple[int, str]]:
        self._hashes.seek(day.offset)
        for id_, hash_ in ENTRY.iter_unpack(self._hashes.read(day.rows * ENTRY.size)):
            yield id_, hash_.hex()


def _within(stretch: Stretch, id_: int) -> bool:
    return _overlaps(stretch, id_, id_)


def _overlaps(stretch: Stretch, first_id: int, last_id: int) -> bool:
    after = stretch.above_id is None or stretch.above_id < last_id
    return after and (stretch.up_to_id is None or first_id <= stretch.up_to_id)
