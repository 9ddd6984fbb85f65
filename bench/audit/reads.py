"""Reading, exporting and verifying the log after the race: hot rows in the live table, three years in the archive."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import select, text

from bench.apps import seconds
from bench.history.exported import auditor, export
from bench.history.reads import Read, cursor_at
from bench.seals import plain, verify_all
from school_app.audit import queries
from school_app.audit.models import AuditRow
from school_app.audit.queries import Filters, InTables
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.history.models import ExportFormat
from school_app.schools.models import School

# One of eight schools, so that of a million rows it has a thousand pages.
SCHOOL, DEEP, TIMES = 1, 1_000, 15


@dataclass(frozen=True, slots=True)
class Pages:
    """Medians in ms: the history's first page and a late one, that late page by OFFSET, and the live table alone."""

    number: int
    first: float
    late: float
    by_offset: float
    one_table: float


def pages() -> Pages:
    """One school's history from its first row to its last, page by page; the thousandth, or the last but one."""
    now = clock.now() + timedelta(days=1)
    ever = Filters(now - timedelta(days=4_000), now)
    with use_school(db.session, SCHOOL):
        number = min(DEEP, _rows() // queries.PAGE)
        cursor, number = cursor_at(Read("ever", ever), number)
        ways: tuple[Callable[[], object], ...] = (
            lambda: queries.history(db.session, ever),
            lambda: queries.history(db.session, ever, cursor=cursor),
            lambda: _by_offset(number),
            lambda: list(InTables((AuditRow,))(db.session, ever, before=None, limit=queries.PAGE + 1)),
        )
        times: list[list[float]] = [[] for _ in ways]
        for _ in range(TIMES):
            for way, found in zip(ways, times, strict=True):
                found.append(1000 * seconds(way))
                db.session.rollback()
    return Pages(number, *(statistics.median(found) for found in times))


def _rows() -> int:
    statement = text(
        "SELECT (SELECT COUNT(*) FROM audit_log WHERE school_id = :school) "
        "+ (SELECT COUNT(*) FROM audit_log_archive WHERE school_id = :school)"
    )
    with db.engine.connect() as connection:
        return int(connection.execute(statement, {"school": SCHOOL}).scalar_one())


def _by_offset(number: int) -> None:
    # As it is often written, and on the archive alone, which is the easier half of the history.
    statement = text(
        "SELECT * FROM audit_log_archive WHERE school_id = :school "
        "ORDER BY created_at DESC, id DESC LIMIT :size OFFSET :skip"
    )
    with db.engine.connect() as connection:
        connection.execute(
            statement, {"school": SCHOOL, "size": queries.PAGE, "skip": (number - 1) * queries.PAGE}
        ).all()


def verifying(rows: int) -> tuple[float, float]:
    """Rows a second of `flask audit verify` over all there is, and of a plain look; a difference ends the bench."""
    with all_schools(db.session):
        look = seconds(plain)
        return rows / seconds(verify_all), rows / look


def exporting() -> dict[ExportFormat, float]:
    """Rows a second of an export of everything that one school has, in each format."""
    with use_school(db.session, SCHOOL):
        if db.session.scalar(select(School.id)) is None:
            db.session.add(School(id=SCHOOL, slug="bench", name="School of the bench"))
            db.session.flush()
        auditor()
        return {form: export(form, current_app.config["FORMROOM"]).rate for form in ExportFormat}
