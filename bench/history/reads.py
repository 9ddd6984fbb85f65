"""The ways of reading the history, page after page, and what each takes beside the archive alone and OFFSET."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rich.table import Table

from bench.apps import seconds
from school_app.audit import queries
from school_app.audit.models import ArchivedAuditRow
from school_app.audit.queries import Filters
from school_app.core.db import db

PAGES, FEW_PAGES = 1_000, 20
ARCHIVE = queries.InTables((ArchivedAuditRow,))


@dataclass(frozen=True, slots=True)
class Read:
    """One way of reading: what it is called, its filters, and whether it has a thousand pages."""

    name: str
    filters: Filters
    deep: bool = False


def reads() -> list[Read]:
    """The ways of reading. Student 100 is like most; on student 7 is written fifty times as much."""
    now = datetime.now(UTC) + timedelta(days=1)
    ever = Filters(now - timedelta(days=4000), now)
    month = replace(ever, since=now - timedelta(days=31))
    year = replace(ever, since=now - timedelta(days=366))
    return [
        Read("school, 30 days", month),
        Read("school, ever", ever, deep=True),
        Read("one student, a year", replace(year, student_id=100)),
        Read("most written of student, a year", replace(year, student_id=7)),
        Read("most written of student, ever", replace(ever, student_id=7)),
        Read("one person, ever", replace(ever, actor_id=5)),
        Read("one thing, ever", replace(ever, entity_type="student", entity_id=13)),
        Read("common event, ever", replace(ever, event="row.changed"), deep=True),
        Read("rare event, ever", replace(ever, event="thresholds.set")),
        Read("common kind, ever", replace(ever, entity_type="student"), deep=True),
        Read("rare kind, ever", replace(ever, entity_type="school_thresholds")),
    ]


def cursor_at(read: Read, page: int) -> tuple[str | None, int]:
    """The cursor of a later page, found by walking there, and which page it is; the last where there are fewer."""
    cursor: str | None = None
    for number in range(1, page):
        found = queries.history(db.session, read.filters, cursor=cursor)
        db.session.rollback()
        if found.next is None:
            return cursor, number
        cursor = found.next
    return cursor, page


def by_offset(read: Read, page: int) -> None:
    """The same page of the archive alone by OFFSET, along the same index: the way that is to be beaten."""
    first = (page - 1) * queries.PAGE
    statement = queries.statement(ARCHIVE.models, queries.shape_of(read.filters, None)).offset(first)
    db.session.execute(statement, queries.values_of(read.filters, None, limit=queries.PAGE + 1)).all()


def measure(read: Read, rounds: int) -> list[str]:
    """The cells of a read: first page, later page, archive alone and OFFSET in the same rounds, as medians in ms."""
    cursor, page = cursor_at(read, PAGES if read.deep else FEW_PAGES)
    times: dict[str, list[float]] = {"first": [], "later": [], "one": [], "offset": []}
    for _ in range(rounds):
        times["first"].append(seconds(lambda: queries.history(db.session, read.filters)))
        times["later"].append(seconds(lambda: queries.history(db.session, read.filters, cursor=cursor)))
        times["one"].append(seconds(lambda: ARCHIVE(db.session, read.filters, before=None, limit=queries.PAGE + 1)))
        if read.deep:
            times["offset"].append(seconds(lambda: by_offset(read, page)))
        db.session.rollback()
    first, later, one = (1000 * statistics.median(times[name]) for name in ("first", "later", "one"))
    offset = 1000 * statistics.median(times["offset"]) if read.deep else None
    return [
        f"{first:.1f}",
        f"{page:,}",
        f"{later:.1f}",
        f"{later / first:.2f}",
        f"{one:.1f}",
        f"{first / one:.2f}",
        "" if offset is None else f"{offset:.1f}",
        "" if offset is None else f"{offset / later:.0f}",
    ]


def whole(read: Read) -> tuple[float, int]:
    """How long it takes to read everything page by page, in ms, and how many rows that is."""
    started, rows, cursor = time.perf_counter(), 0, None
    while True:
        found = queries.history(db.session, read.filters, cursor=cursor)
        rows += len(found.rows)
        cursor = found.next
        if cursor is None:
            return 1000 * (time.perf_counter() - started), rows


def others(rounds: int) -> Table:
    """What is no page of the history: a student's whole year, one event, everything of one request."""
    table = Table("Read", "Rows", "ms", title="Other reads, medians")
    for name in ("one student, a year", "most written of student, a year"):
        read = next(one for one in reads() if one.name == name)
        found = [whole(read) for _ in range(rounds)]
        table.add_row(
            f"{name}: all of its pages", str(found[0][1]), f"{statistics.median(took for took, _ in found):.1f}"
        )
    row = queries.history(db.session, reads()[1].filters).rows[50]
    for name, work in (
        ("one event by its key", lambda: [queries.one(db.session, row.id, row.created_at)]),
        ("everything of its request", lambda: queries.together(db.session, row)),
    ):
        took = statistics.median(seconds(work) for _ in range(rounds))
        table.add_row(name, str(len(work())), f"{1000 * took:.1f}")
    return table
