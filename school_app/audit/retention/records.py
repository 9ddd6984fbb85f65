"""The rows of the log by which a destruction is judged: rules and holds, what was cooled, destroyed and carried over.

audit.retention reads and carries them, inside all_schools(). Why they are carried is docs/decisions/0032.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files
from school_app.audit.cold.models import ColdFile
from school_app.audit.cold.source import READ
from school_app.audit.cold.store import ColdUnavailable, Store
from school_app.audit.digests import COLUMNS
from school_app.audit.events import Event
from school_app.audit.models import SealRun, read_changes
from school_app.audit.sources import TABLES
from school_app.core import clock
from school_app.core.db import has_day

AnySession = Session | scoped_session[Any]
RULE, HOLD = "retention_rule", "legal_hold"
EVENTS = (str(Event.ROWS_COOLED), str(Event.ROWS_DESTROYED), str(Event.RECORD_CARRIED))
# What is carried over of a record: nothing that names a person, or says why.
FACTS = ("path", "rows", "digest", "sha256", "year", "years", "carried", "data_class", "student_id", "released_at")

KINDS = (int, str, type(None))
# What a row says that carries a record over, and as what.
OF_CARRIED = {
    **dict.fromkeys(("of_row", "of_id"), (int,)),
    **dict.fromkeys(("of_file", "of_event", "written_at"), (str,)),
    "of_thing": (str, type(None)),
    "of_number": (int, type(None)),
}


@dataclass(frozen=True, slots=True)
class Record:
    """What a row of the log says, with the values after its change; `row_id` is the row in which it stands now.

    For one that was carried over, `of_file` is the path of the cold file in which it stood last, as the row `of_row`.
    """

    id: int
    row_id: int
    row_at: datetime
    school_id: int | None
    at: datetime
    event: str
    entity_type: str | None
    entity_id: int | None
    facts: Mapping[str, Any]
    of_file: str | None = None
    of_row: int | None = None

    @property
    def told(self) -> str:
        """All that it says, as one text: equal where two say the same."""
        facts = {name: self.facts[name] for name in FACTS if name in self.facts}
        return json.dumps(
            [self.id, self.at.isoformat(), self.event, self.entity_type, self.entity_id, facts], sort_keys=True
        )


def of_row(row: Mapping[str, Any]) -> Record:
    """What one row says, whether it was there from the first or was carried over."""
    found = Record(
        row["id"],
        row["id"],
        row["created_at"],
        row["school_id"],
        row["created_at"],
        row["event"],
        row["entity_type"],
        row["entity_id"],
        _facts(row["changes"]),
    )
    return _carried(found) if found.event == Event.RECORD_CARRIED else found


def _facts(changes: Any) -> dict[str, Any]:
    """The values after a change that are text, a whole number or nothing; a row by another hand may hold anything."""
    pairs = changes.items() if isinstance(changes, Mapping) else ()
    return {
        name: pair[1] for name, pair in pairs if isinstance(pair, list) and len(pair) == 2 and type(pair[1]) in KINDS
    }


def _carried(row: Record) -> Record:
    """What a row says that was carried over; the row as it is where it does not say that as the product does."""
    facts = row.facts
    if any(type(facts.get(name)) not in kinds for name, kinds in OF_CARRIED.items()):
        return row
    written_at = _moment(facts["written_at"])
    if written_at is None:
        return row
    return replace(
        row,
        id=facts["of_id"],
        at=written_at,
        event=facts["of_event"],
        entity_type=facts.get("of_thing"),
        entity_id=facts.get("of_number"),
        facts={name: facts[name] for name in FACTS if name in facts},
        of_file=facts["of_file"],
        of_row=facts["of_row"],
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def to_carry(one: Record, path: str) -> dict[str, list[Any]]:
    """The changes of the row that carries a record over from a file."""
    values = {
        "of_file": path,
        "of_row": one.row_id,
        "of_id": one.id,
        "written_at": one.at.isoformat(),
        "of_event": one.event,
        "of_thing": one.entity_type,
        "of_number": one.entity_id,
        **{name: one.facts[name] for name in FACTS if name in one.facts},
    }
    return {name: [None, value] for name, value in values.items()}


def in_tables(session: AnySession) -> Iterator[Record]:
    """The records that lie in the database, each once but for rows that travel just now."""
    schools = session.scalars(select(ColdFile.school_id).distinct()).all()
    known = [one for one in schools if one is not None]
    for table in TABLES:
        columns = table.c
        of_school = or_(columns.school_id.in_(known), columns.school_id.is_(None))
        for within in (columns.entity_type.in_((RULE, HOLD)), of_school & columns.event.in_(EVENTS)):
            for row in session.execute(select(table).where(within, has_day(columns.created_at))).mappings():
                yield of_row(dict(row))


def carried_in_tables(session: AnySession, school_id: int | None) -> Iterator[Record]:
    """The records of a school, or of the platform, that were carried over to the database."""
    for table in TABLES:
        mine = table.c.school_id.is_not_distinct_from(school_id) & (table.c.event == str(Event.RECORD_CARRIED))
        for row in session.execute(select(table).where(mine, has_day(table.c.created_at))).mappings():
            yield of_row(dict(row))


def in_files(session: AnySession, place: Store, problems: list[str]) -> Iterator[Record]:
    """The records that lie in cold files alone; of a file that cannot be read `problems` is told instead."""
    statement = select(ColdFile.path, ColdFile.cold_before).where(ColdFile.status.in_(READ)).order_by(ColdFile.id)
    for path, seam in session.execute(statement).all():
        try:
            files.parquet()
            yield from in_file(place, path, seam)
        except (files.DamagedFile, ColdUnavailable) as error:
            problems.append(str(error))


def in_file(place: Store, path: str, seam: date) -> Iterator[Record]:
    """The records of a file's rows from before its seam. Raises DamagedFile or ColdUnavailable."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with files.reading(place, path) as opened:
        for number in range(opened.num_row_groups):
            narrow = opened.read_row_group(number, columns=["event", "entity_type"], use_threads=False)
            wanted = pc.or_kleene(
                pc.is_in(narrow["event"], value_set=pa.array(EVENTS)),
                pc.is_in(narrow["entity_type"], value_set=pa.array((RULE, HOLD))),
            )
            places = pc.indices_nonzero(wanted)
            if len(places):
                whole = opened.read_row_group(number, columns=list(COLUMNS), use_threads=False).take(places)
                rows = (row for row in files.rows_of(whole) if row["created_at"].date() < seam)
                yield from (of_row({**row, "changes": read_changes(row["changes"] or "{}")}) for row in rows)


class Sealings:
    """Up to which row the log is sealed, and since when a row is known to have been there."""

    def __init__(self, session: AnySession) -> None:
        columns = (SealRun.up_to_id, SealRun.complete_before, SealRun.sealed_at)
        self._runs = session.execute(select(*columns).order_by(SealRun.up_to_id)).all()
        self._ends = [one.up_to_id for one in self._runs]

    def holds(self, row_id: int) -> bool:
        """Whether a row is sealed."""
        return bool(self._ends) and row_id <= self._ends[-1]

    def known_at(self, row_id: int, at: datetime) -> datetime:
        """The moment that a row tells; where its day had been sealed without it, the moment at which it was sealed.

        Otherwise whoever puts in a row today could date it before any notice.
        """
        place = bisect_left(self._ends, row_id)
        complete_before = self._runs[place - 1].complete_before if place else None
        if complete_before is None or at.date() >= complete_before:
            return at
        found: datetime = self._runs[place].sealed_at if place < len(self._runs) else clock.now()
        return found
