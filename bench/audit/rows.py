"""The audit rows that the bench moves to and fro: three years of eight schools, sealed, all of them live at first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import Connection, text

from bench.history.database import EVENTS, KINDS
from school_app.archiving.years import Partition
from school_app.audit.digests import COLUMNS
from school_app.audit.models import READ_BY, reading_index
from school_app.audit.partitions import partitions
from school_app.audit.seals import seal
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools

YEARS, SCHOOLS = 3, 8
HOT, STAGED, ARCHIVE = "audit_log", "audit_log_staging", "audit_log_archive"
CHUNK = 100_000


def fill(rows: int) -> None:
    """Write the rows, evenly over the years and in the order of time, build their indexes, and seal them."""
    now = clock.now().replace(tzinfo=None)
    span = timedelta(days=365 * YEARS)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _empty(connection)
        names = {way: reading_index(way) for way in READ_BY}
        _alter(connection, ", ".join(f"DROP INDEX {name}" for name in names.values()))
        for start in range(0, rows, CHUNK):
            _write(connection, start, min(start + CHUNK, rows), begin=(now - span), step=span / rows)
        added = (
            f"ADD INDEX {names[way]} ({', '.join((*columns, 'created_at', 'id'))})" for way, columns in READ_BY.items()
        )
        _alter(connection, ", ".join(added))
        for table in (HOT, ARCHIVE):
            connection.execute(text(f"ANALYZE TABLE {table}"))
    _seal_week_by_week((now - span).date())


def _seal_week_by_week(day: date) -> None:
    """Seal as the nightly job would have done in all these years, but for seven days at once, which spares time."""
    with all_schools(db.session):
        today = clock.now().date()
        while day < today:
            day = min(day + timedelta(days=7), today)
            for _ in seal(db.session, until=day):
                db.session.commit()
                db.session.expunge_all()
        # A look that is still open would keep the server from purging anything.
        db.session.rollback()


def _empty(connection: Connection) -> None:
    for table in (HOT, STAGED, ARCHIVE, "audit_seal", "audit_seal_run"):
        connection.execute(text(f"TRUNCATE TABLE {table}"))
    connection.execute(text("CREATE TABLE IF NOT EXISTS counted (n INT PRIMARY KEY)"))
    connection.execute(text("TRUNCATE TABLE counted"))
    connection.execute(text("INSERT INTO counted VALUES (:n)"), [{"n": number} for number in range(1_000)])


def _alter(connection: Connection, change: str) -> None:
    connection.execute(text(f"ALTER TABLE {HOT} {change}"))


def _write(connection: Connection, first: int, last: int, *, begin: object, step: timedelta) -> None:
    # The numbers are multiplied by primes, so that school, person, student and event do not go together.
    events, kinds = (", ".join(f"'{name}'" for name in names) for names in (EVENTS, KINDS))
    statement = f"""
        INSERT INTO {HOT} (id, created_at, actor_id, actor_name, event, entity_type, entity_id, student_id,
                           changes, reason, ip, request_id, job_id, school_id)
        SELECT i + 1, :begin + INTERVAL (i * :step) MICROSECOND, school * 400 + (i * 101) % 373,
               'A person of the school', ELT(1 + (i * 31) % 5, {events}), ELT(1 + (i * 17) % 4, {kinds}),
               (i * 13) % 70009, school * 6000 + (i * 211) % 5987,
               CONCAT('{{"given_name":["Before","After"],"note":[null,"', REPEAT('x', i % 60), '"]}}'), NULL,
               '10.0.0.1', LEFT(SHA2(i DIV 3, 256), 40), NULL, school
        FROM (SELECT i, 1 + i % {SCHOOLS} AS school
              FROM (SELECT a.n * 1000 + b.n + :first AS i FROM counted a CROSS JOIN counted b WHERE a.n < :thousands
                    ORDER BY a.n, b.n) numbered) drawn
        WHERE i < :last
    """  # noqa: S608 - names of this module and of the product's columns alone.
    values = {"first": first, "last": last, "thousands": (last - first - 1) // 1_000 + 1}
    step_us = step / timedelta(microseconds=1)
    connection.execute(text(statement), values | {"begin": begin, "step": step_us})


def put_back(rows: int) -> None:
    """Bring whatever is in the archive back to the live table. Raises SystemExit where a row of the fill is missing.

    Whole years go back by exchange, the rest is copied in the order of the key.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        there = [one for one in partitions(db.engine) if one.table == ARCHIVE and _holds(connection, one)]
        live = {one.name: one for one in partitions(db.engine) if one.table == HOT}
        for one in there:
            if _holds(connection, live[one.name]):
                _copy_back(connection, one)
            else:
                _swap_back(connection, one.name)
        found = connection.execute(text(f"SELECT COUNT(*) FROM {HOT} WHERE id <= :rows"), {"rows": rows}).scalar_one()  # noqa: S608
    if int(found) != rows:
        raise SystemExit(f"The bench wrote {rows} audit rows and finds {found} of them: somebody lost or doubled rows.")


def _holds(connection: Connection, partition: Partition) -> bool:
    statement = f"SELECT 1 FROM {partition.table} PARTITION ({partition.name}) LIMIT 1"  # noqa: S608
    return connection.execute(text(statement)).first() is not None


def _swap_back(connection: Connection, name: str) -> None:
    connection.execute(text(f"ALTER TABLE {ARCHIVE} EXCHANGE PARTITION {name} WITH TABLE {STAGED}"))
    connection.execute(text(f"ALTER TABLE {HOT} EXCHANGE PARTITION {name} WITH TABLE {STAGED}"))


def _copy_back(connection: Connection, partition: Partition) -> None:
    columns, part = ", ".join(COLUMNS), f"{ARCHIVE} PARTITION ({partition.name})"
    bounds = connection.execute(text(f"SELECT MIN(id), MAX(id) FROM {part}")).one()  # noqa: S608
    for first in range(bounds[0], bounds[1] + 1, CHUNK):
        connection.execute(
            text(f"INSERT INTO {HOT} ({columns}) SELECT {columns} FROM {part} WHERE id BETWEEN :a AND :b ORDER BY id"),  # noqa: S608
            {"a": first, "b": first + CHUNK - 1},
        )
    connection.execute(text(f"ALTER TABLE {ARCHIVE} TRUNCATE PARTITION {partition.name}"))


def lowest_ids(number: int) -> Sequence[int]:
    """The lowest id that is live, and the id up to which so many rows lie."""
    with db.engine.connect() as connection:
        statement = text(f"SELECT MIN(id), MAX(id) FROM (SELECT id FROM {HOT} ORDER BY id LIMIT :number) lowest")  # noqa: S608
        row = connection.execute(statement, {"number": number}).one()
    return [int(row[0]), int(row[1])]
