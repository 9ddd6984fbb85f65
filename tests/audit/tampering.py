"""A sealed log made from a seed, in which somebody tampers with rows (tampered_rows) or seals (tampered_seals).

Each way returns the days that a verification has to name; test_tampering uses them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, delete, insert, select, update

from school_app.audit import seals
from school_app.audit.digests import COLUMNS, LEAF
from school_app.audit.models import ArchivedAuditRow, AuditRow, AuditSeal, SealRun

HOT, ARCHIVE = cast(Table, AuditRow.__table__), cast(Table, ArchivedAuditRow.__table__)
FIRST = date(2025, 2, 27)
DAYS = 5
SCHOOLS = (None, 71, 72, 73)
NAMES = ("Ängström", "O’Neill 🙂", "tab\there", "back\\slash", "Ann  Lee", "İnci Çelik", "1:x", "-")
Row = dict[str, Any]
Days = set[date]


@dataclass
class Log:
    """A sealed log: its rows as they were written, and the hash of the last sealing run, as somebody has kept it."""

    session: Any
    random: random.Random
    rows: list[Row]
    kept: str

    def one(self, **having: Any) -> Row:
        """Any row, or any that has some values."""
        return self.random.choice([row for row in self.rows if having.items() <= row.items()])

    def two(self) -> tuple[Row, Row]:
        """Any two rows."""
        first, second = self.random.sample(self.rows, 2)
        return first, second

    def set(self, row: Row, **values: Any) -> None:
        """Change a row where it lies."""
        for table in (HOT, ARCHIVE):
            self.session.execute(update(table).where(table.c.id == row["id"]).values(values))

    def remove(self, *rows: Row) -> None:
        """Remove rows where they lie."""
        for table in (HOT, ARCHIVE):
            self.session.execute(delete(table).where(table.c.id.in_([row["id"] for row in rows])))

    def free_id(self) -> int:
        """An id among the sealed ones that no row has."""
        taken = {row["id"] for row in self.rows}
        return self.random.choice([one for one in range(min(taken), max(taken)) if one not in taken])

    def seal(self) -> AuditSeal:
        """Any seal."""
        return self.random.choice(self.session.scalars(select(AuditSeal).order_by(AuditSeal.id)).all())

    def seal_of(self, row: Row) -> AuditSeal:
        """The seal that holds a row."""
        holds = (AuditSeal.above_id < row["id"], AuditSeal.up_to_id >= row["id"], AuditSeal.day == day_of(row))
        school = AuditSeal.school_id.is_not_distinct_from(row["school_id"])
        return self.session.scalars(select(AuditSeal).where(school, *holds)).one()  # type: ignore[no-any-return]


def day_of(row: Row) -> date:
    """The day under which a row is sealed."""
    return cast(datetime, row["created_at"]).date()


def sealed_log(session: Any, seed: int) -> Log:
    """A log of some schools and days, sealed night by night or all at once, partly archived."""
    chosen = random.Random(seed)
    rows = _rows(chosen)
    session.execute(delete(HOT))
    nightly = chosen.random() < 0.7
    for back in range(DAYS):
        of_day = [row for row in rows if day_of(row) == FIRST + timedelta(back)]
        if of_day:
            session.execute(insert(HOT), of_day)
        if nightly:
            list(seals.seal(session, FIRST + timedelta(back + 1)))
    list(seals.seal(session, FIRST + timedelta(DAYS)))
    archived = chosen.choice((0, chosen.randrange(len(rows)), len(rows) - 1))
    _archive(session, rows[:archived])
    kept = session.scalars(select(SealRun.hash).order_by(SealRun.up_to_id.desc())).first()
    return Log(session, chosen, rows, kept)


def _rows(chosen: random.Random) -> list[Row]:
    id_, rows = LEAF * 70 - chosen.randrange(40), []
    for back in range(DAYS):
        day = FIRST + timedelta(back)
        for number in range(chosen.randrange(4, 12)):
            id_ += chosen.choice((1, 1, 2)) if rows[1:] else 2
            rows.append(_row(chosen, id_, datetime(day.year, day.month, day.day, 5 + number, tzinfo=UTC)))
    return rows


def _row(chosen: random.Random, id_: int, moment: datetime) -> Row:
    return {
        "id": id_,
        "created_at": moment + timedelta(microseconds=chosen.randrange(10**6)),
        "school_id": chosen.choice(SCHOOLS),
        "actor_id": chosen.choice((None, 5, 6)),
        "actor_name": chosen.choice(NAMES),
        "event": chosen.choice(("row.changed", "note.read")),
        "entity_type": chosen.choice((None, "student")),
        "entity_id": chosen.choice((None, 3, 4)),
        "student_id": chosen.choice((None, 8, 9)),
        "changes": chosen.choice((None, {"family_name": [chosen.choice(NAMES), "Ä"], "n": [1, 2.5]})),
        "reason": chosen.choice((None, "", "late bus", chosen.choice(NAMES))),
        "ip": chosen.choice((None, "10.0.0.7")),
        "request_id": f"request-{id_}",
        "job_id": chosen.choice((None, "12")),
    }


def _archive(session: Any, rows: list[Row]) -> None:
    ids = [row["id"] for row in rows]
    if ids:
        columns = [HOT.c[name] for name in COLUMNS]
        session.execute(insert(ARCHIVE).from_select(COLUMNS, select(*columns).where(HOT.c.id.in_(ids))))
        session.execute(delete(HOT).where(HOT.c.id.in_(ids)))
