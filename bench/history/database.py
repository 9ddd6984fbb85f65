"""A database of its own for the measurements, filled by the server itself, and removed again.

bench.history and bench.seals use it; bench.audit has a database of its own, with rows of the same events and kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from bench.apps import app_over, url_of
from school_app.core import clock
from school_app.core.db import db

DATABASE = "formroom_bench_history"
YEARS = 3
HOT_DAYS = 90
SCHOOLS = 9
CHUNK = 100_000
EVENTS = ("row.changed", "row.added", "student.viewed", "register.taken", "alert.raised")
KINDS = ("attendance_mark", "student", "register", "alert")


@contextmanager
def application(rows: int, *, keep: bool) -> Iterator[None]:
    """Work inside the app over so many audit rows of three years, those past 90 days in the archive."""
    with app_over(url_of(DATABASE), keep=keep, io_timeout_seconds=900, statement_seconds=0) as is_new:
        if is_new:
            with db.engine.connect() as connection:
                fill(connection, rows)
        yield


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
    numbers = {"first": first, "last": last, "thousands": (last - first) // 1_000 + 1}
    step_us = int(step / timedelta(microseconds=1))
    connection.execute(text(statement), {**numbers, "begin": begin, "step": step_us})
    connection.commit()
