"""After the load: whether everything that was answered as kept is in the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bench.load.mix import Written
from school_app.alerts.models import AlertDecision
from school_app.attendance.models import AttendanceMark
from school_app.config import Settings
from school_app.core.db.engines import unhurried_engine
from school_app.history.models import HistoryExport
from school_app.students.models import Note

WHERE = {"register": AttendanceMark.reason, "note": Note.body, "alert": AlertDecision.reason}
EXPORTS_WITHIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written of one kind: sent, answered as kept, rows that are there, and answers without a row."""

    kind: str
    sent: int
    answered: int
    rows: int
    lost: int


def kept(settings: Settings, written: Written, since: datetime) -> list[Kept]:
    """Look for every writing of a run that began at `since`, and for as many exports as were asked for."""
    engine = unhurried_engine(settings)
    with engine.connect() as connection:
        found = [*_texts(connection, written), _exports(connection, written, since)]
    engine.dispose()
    return found


def _texts(connection: Connection, written: Written) -> Iterator[Kept]:
    for kind, column in WHERE.items():
        there = set(connection.scalars(select(column).where(column.like(f"bench {written.run} {kind} %"))))
        answered = written.answered.get(kind, [])
        yield Kept(kind, len(written.sent.get(kind, [])), len(answered), len(there), lost=len(set(answered) - there))


def _exports(connection: Connection, written: Written, since: datetime) -> Kept:
    there = _count(connection, HistoryExport.created_at >= since)
    return Kept("export", written.exports, written.exports, there, lost=max(0, written.exports - there))


def _count(connection: Connection, *conditions: object) -> int:
    statement = select(func.count()).select_from(HistoryExport).where(*conditions)  # type: ignore[arg-type]
    return int(connection.execute(statement).scalar_one())


def exports_unfinished(settings: Settings, since: datetime, within: float = EXPORTS_WITHIN_SECONDS) -> int:
    """How many of the exports asked for since a moment have no file, after as long a wait as that may take."""
    engine, until = unhurried_engine(settings), time.monotonic() + within
    while True:
        with engine.connect() as connection:
            left = _count(connection, HistoryExport.created_at >= since, HistoryExport.finished_at.is_(None))
        if not left or time.monotonic() > until:
            engine.dispose()
            return left
        time.sleep(1)
