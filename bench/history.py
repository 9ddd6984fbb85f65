"""`python -m bench.history [--rows 1000000]`: reading the history by every filter, at its first and a late page.

It fills a database of its own on the server that FORMROOM_TEST_DATABASE_URL names, and removes it again.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, select, text
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from bench.__main__ import NoQueue, seconds, settings_of
from school_app import create_app
from school_app.accounts.login import load_viewer
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.audit import queries
from school_app.audit.models import ArchivedAuditRow
from school_app.audit.queries import Filters
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Role
from school_app.core.tenancy import use_school
from school_app.history import exports
from school_app.history.filters import asked
from school_app.history.models import ExportFormat, HistoryExport

DATABASE = "formroom_bench_history"
YEARS = 3
HOT_DAYS = 90
SCHOOLS = 9
# The school whose history is read holds one row of nine; one of its students has a fortieth of these.
SCHOOL = 1
CHUNK = 100_000
EVENTS = ("row.changed", "row.added", "student.viewed", "register.taken", "alert.raised")
KINDS = ("attendance_mark", "student", "register", "alert")
PAGES, FEW_PAGES = 1_000, 20
ARCHIVE = queries.InTable(ArchivedAuditRow)
COLUMNS = ("Read", "Page 1, ms", "Page", "ms", "× page 1", "Archive alone, ms", "× alone", "OFFSET, ms", "× slower")


@dataclass(frozen=True, slots=True)
class Read:
    """One way of reading: what it is called, its filters, and whether it has a thousand pages."""

    name: str
    filters: Filters
    deep: bool = False


@contextmanager
def application(rows: int, *, keep: bool) -> Iterator[Flask]:
    """The app over a database that holds so many audit rows of three years, those past 90 days in the archive."""
    url = make_url(os.environ["FORMROOM_TEST_DATABASE_URL"]).set(database=DATABASE)
    own = url.render_as_string(hide_password=False)
    fresh = not (keep and database_exists(own))
    if fresh and database_exists(own):
        drop_database(own)
    with tempfile.TemporaryDirectory() as folder:
        if fresh:
            create_database(own, encoding="utf8mb4")
        app = create_app(replace(settings_of(own, Path(folder)), io_timeout_seconds=900, statement_seconds=0))
        app.extensions["formroom.queue"] = NoQueue()
        try:
            with app.app_context():
                upgrade()
                if fresh:
                    with db.engine.connect() as connection:
                        fill(connection, rows)
            yield app
        finally:
            with app.app_context():
                db.engine.dispose()
            if not keep:
                drop_database(own)


def fill(connection: Connection, rows: int) -> None:
    """Write the rows, evenly over the years and in the order of time, by the server itself."""
    for number in range(1, SCHOOLS + 1):
        connection.execute(
            text(
                "INSERT INTO school (slug, name, timezone, session_scheme, register_closes, is_active, created_at) "
                "VALUES (:slug, :slug, 'UTC', 'day', '09:15', 1, UTC_TIMESTAMP())"
            ),
            {"slug": f"school-{number}"},
        )
    connection.execute(text("CREATE TABLE counted (n INT PRIMARY KEY)"))
    connection.execute(text("INSERT INTO counted VALUES (:n)"), [{"n": number} for number in range(1_000)])
    connection.commit()
    now = clock.now().replace(tzinfo=None)
    step = timedelta(days=365 * YEARS) / rows
    hot_from = rows - int(timedelta(days=HOT_DAYS) / step)
    for start in range(0, rows, CHUNK):
        end = min(start + CHUNK, rows)
        for table, first, last in (
            ("audit_log_archive", start, min(end, hot_from)),
            ("audit_log", max(start, hot_from), end),
        ):
            if first < last:
                begin = now - timedelta(days=365 * YEARS)
                _write(connection, table, first, last=last, begin=begin, step=step)
    connection.execute(text("DROP TABLE counted"))
    connection.execute(text("ANALYZE TABLE audit_log"))
    connection.execute(text("ANALYZE TABLE audit_log_archive"))
    connection.commit()


def _write(connection: Connection, table: str, first: int, *, last: int, begin: datetime, step: timedelta) -> None:
    # The numbers are multiplied by primes, so that school, person, student and event do not go together.
    # One row in fifty thousand is of a rare event about a rare kind of thing.
    events = ", ".join(f"'{name}'" for name in EVENTS)
    kinds = ", ".join(f"'{name}'" for name in KINDS)
    statement = f"""
        INSERT INTO {table} (id, created_at, school_id, actor_id, actor_name, event, entity_type, entity_id, student_id,
                             changes, reason, ip, request_id, job_id)
        SELECT i + 1, :begin + INTERVAL (i * :step) MICROSECOND, school, person, 'A person of the school',
               IF(i % 50021 = 0, 'thresholds.set', ELT(1 + (i * 31) % 5, {events})),
               IF(i % 50021 = 0, 'school_thresholds', ELT(1 + (i * 17) % 4, {kinds})),
               (i * 13) % 40009, student, '{{"given_name":["Before","After"]}}', NULL, '10.0.0.1', HEX(i), NULL
        FROM (SELECT i, 1 + (i * 7) % {SCHOOLS} AS school,
                     ((i * 7) % {SCHOOLS}) * 1000 + (i * 101) % 83 AS person,
                     IF(i % {SCHOOLS} = 0 AND i % 40 = 0, 7,
                        100000 * ((i * 7) % {SCHOOLS}) + (i * 211) % 1999) AS student
              FROM (SELECT a.n * 1000 + b.n + :first AS i FROM counted a CROSS JOIN counted b WHERE a.n < :thousands
                    ORDER BY a.n, b.n) numbered) drawn
        WHERE i < :last
    """  # noqa: S608 - names of this module alone.
    connection.execute(
        text(statement),
        {
            "begin": begin,
            "step": int(step / timedelta(microseconds=1)),
            "first": first,
            "last": last,
            "thousands": (last - first) // 1_000 + 1,
        },
    )
    connection.commit()


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
    statement = ARCHIVE.statement(read.filters, before=None, limit=queries.PAGE + 1).offset(first)
    db.session.execute(statement).all()


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


def export(form: ExportFormat, settings: Settings) -> list[str]:
    """The cells of an export of everything: rows, rows a second, bytes a row, and the memory that it took, in MiB."""
    person = db.session.scalars(select(Account).where(Account.login == "auditor")).one()
    viewer = load_viewer(db.session, f"{person.id}.{person.session_version}")
    if viewer is None:
        raise SystemExit("The auditor of the bench cannot log in.")
    ordered = exports.ask_for(db.session, asked({"from": "2000-01-01"}, "UTC"), form, person=viewer).id
    db.session.commit()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    for _ in exports.write(db.session, settings, ordered):
        db.session.commit()
    db.session.commit()
    took = time.perf_counter() - started
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    done = db.session.get_one(HistoryExport, ordered)
    size = (done.size_bytes or 0) / done.rows
    return [f"{done.rows:,}", f"{done.rows / took:,.0f}", f"{size:.0f}", f"{more:.0f}"]


def auditor() -> None:
    """An account that may export, where the database has none yet."""
    if db.session.scalar(select(Account.id).where(Account.login == "auditor")) is None:
        made = Account(login="auditor", given_name="An", family_name="Auditor", status=AccountStatus.ACTIVE)
        db.session.add(made)
        db.session.flush()
        db.session.add(AccountRole(account_id=made.id, role=Role.AUDITOR))
        db.session.commit()


def _title(rows: int) -> str:
    with db.engine.connect() as connection:
        return f"{rows:,} rows, {connection.execute(text('SELECT VERSION()')).scalar_one()}"


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.history")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--keep", action="store_true", help="leave the database, and use one that was left")
    given = parser.parse_args()
    with application(given.rows, keep=given.keep) as app, app.app_context(), use_school(db.session, SCHOOL):
        table = Table(*COLUMNS, title=_title(given.rows))
        for read in reads():
            table.add_row(read.name, *measure(read, given.rounds))
        written = Table(
            "Export", "Rows", "Rows/s", "Bytes a row", "More memory, MiB", title="Exports of a school's rows"
        )
        auditor()
        for form in ExportFormat:
            written.add_row(form.value, *export(form, app.config["FORMROOM"]))
        for one in (table, others(given.rounds), written):
            Console(width=140).print(one)
    return 0


if __name__ == "__main__":
    sys.exit(main())
