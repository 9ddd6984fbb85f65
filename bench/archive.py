"""`python -m bench.archive [--rows 50000] [--rounds 3]`: the archive run beside plain SQL that moves the same rows.

`deploy/with-services` runs it on a private MariaDB. It fills a database of its own and removes it again; the race
against pt-archiver, with writers beside it, is bench.audit.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from rich.console import Console
from rich.table import Table
from sqlalchemy import insert, text

from bench.apps import seconds
from bench.history.database import application
from school_app.archiving.at_work import step_through
from school_app.audit.archive import Limits, Run
from school_app.audit.models import AuditRow
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools

BATCH = 5_000


def rounds(rows: int, number: int) -> Table:
    """The archive run beside one INSERT … SELECT and one DELETE of the same rows, which verify nothing."""
    table = Table("Round", "Run, rows/s", "Plain SQL, rows/s", "Run ÷ plain", title=f"Archive, {rows:,} rows a round")
    for one in range(1, number + 1):
        _old_rows(rows)
        run = seconds(_run)
        _old_rows(rows)
        plain = seconds(_plain)
        table.add_row(str(one), f"{rows / run:,.0f}", f"{rows / plain:,.0f}", f"{plain / run:.2f}")
    return table


def _old_rows(rows: int) -> None:
    old = clock.now() - timedelta(days=200)
    with db.engine.begin() as connection:
        for start in range(0, rows, BATCH):
            batch = [
                {"created_at": old + timedelta(seconds=number), "actor_name": "bench", "event": "row.changed"}
                | {"school_id": 1, "entity_type": "student", "entity_id": number, "changes": {"name": ["a", "b"]}}
                for number in range(start, min(start + BATCH, rows))
            ]
            connection.execute(insert(AuditRow.__table__), batch)  # type: ignore[arg-type]


def _run() -> None:
    with all_schools(db.session):
        step_through(db.session, Run(db.session, Limits(), started_by="bench"))


def _plain() -> None:
    cutoff = {"cutoff": clock.now().replace(tzinfo=None) - timedelta(days=90)}
    with db.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO audit_log_archive SELECT * FROM audit_log WHERE created_at < :cutoff"), cutoff
        )
        connection.execute(text("DELETE FROM audit_log WHERE created_at < :cutoff"), cutoff)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.archive")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    # The database wants a row; it lies in the archive already.
    with application(1, keep=False):
        table = rounds(asked.rows, asked.rounds)
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
