"""Cold files as a source of rows for seals: the digests of what they hold, hashed once from reading the files back.

audit.verify compares them with the seals. It works inside all_schools().
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files, proof
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.proof import Wrong
from school_app.audit.cold.store import ColdUnavailable, Store
from school_app.audit.digests import Digest, Group, digest_of
from school_app.audit.sources import Schools, Stretch

AnySession = Session | scoped_session[Any]
log = structlog.get_logger()
READ = (ColdStatus.PENDING, ColdStatus.KEPT, ColdStatus.RESTORING, ColdStatus.DESTROYING)
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

    A file is hashed when it is first asked for, into a temporary file, as its rows may be more than memory takes. How
    much of it counts is asked of the manifest each time, since rows may travel meanwhile. `unreadable` names, for each
    school's day that was listed of a file that cannot be read, that file.
    """

    def __init__(self, session: AnySession, place: Store) -> None:
        self._session, self._place = session, place
        self._days: dict[int, list[Day]] = {}
        self._hashes = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this source.
        weakref.finalize(self, self._hashes.close)
        self.problems: list[str] = []
        self.unreadable: dict[Group, str] = {}
        self._wrong: list[Wrong] = []

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """The digests of the rows that lie here, by school and day."""
        hashes: dict[Group, list[tuple[int, str]]] = {}
        for one in self._fitting(stretch):
            for day in self._days_of(one):
                if day.group[1] < one.cold_before and _meets(stretch, day):
                    within = (entry for entry in self._read(day) if _overlaps(stretch, entry[0], entry[0]))
                    hashes.setdefault(day.group, []).extend(within)
        return {group: digest for group, entries in hashes.items() if (digest := digest_of(entries)) is not None}

    def differing(self, schools: Schools | None) -> list[Wrong]:
        """What of the files of some schools is not what was listed of them.

        It reads the files that nobody has asked for yet: one may be listed with ids that no run has.
        """
        there = set()
        for one in self._fitting(Stretch(None, None, schools=schools)):
            self._days_of(one)
            there.add(one.path)
        # Left out are files that were destroyed or struck off the list while all of this went on.
        return [one for one in self._wrong if one.difference.within in there]

    def _fitting(self, stretch: Stretch) -> Iterator[ColdFile]:
        statement = select(ColdFile).where(ColdFile.status.in_(READ)).order_by(ColdFile.id)
        for one in self._session.scalars(statement, execution_options={"populate_existing": True}).all():
            asked = stretch.schools is None or one.school_id in stretch.schools
            if asked and _overlaps(stretch, one.first_id, one.last_id):
                yield one

    def _days_of(self, one: ColdFile) -> list[Day]:
        if one.id not in self._days:
            self._days[one.id] = self._hashed(one)
        return self._days[one.id]

    def _hashed(self, one: ColdFile) -> list[Day]:
        try:
            read = files.summary(self._place, one.path)
            self._wrong += proof.wrong(self._session, self._place, one, read)
        except (DamagedFile, ColdUnavailable) as error:
            if isinstance(error, DamagedFile):
                self._wrong.append(proof.of_listed(one, str(error)))
            self.problems.append(str(error))
            log.error("cold_file_unreadable", path=one.path, error=str(error))
            listed = select(ColdDay.day).where(ColdDay.file_id == one.id, ColdDay.day < one.cold_before)
            self.unreadable.update({(one.school_id, on): one.path for on in self._session.scalars(listed)})
            return []
        return [self._write((one.school_id, on), entries) for on, entries in read.days.items()]

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


def _meets(stretch: Stretch, day: Day) -> bool:
    return stretch.holds(*day.group) and _overlaps(stretch, day.first_id, day.last_id)


def _overlaps(stretch: Stretch, first_id: int, last_id: int) -> bool:
    after = stretch.above_id is None or stretch.above_id < last_id
    return after and (stretch.up_to_id is None or first_id <= stretch.up_to_id)
