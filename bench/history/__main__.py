"""`python -m bench.history [--rows 1000000]`: reading the history by every filter, at its first and a late page.

It fills a database of its own on the server that FORMROOM_TEST_DATABASE_URL names, and removes it again.
"""

from __future__ import annotations

import argparse
import sys

from flask import current_app
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.history.database import application
from bench.history.exported import auditor, export
from bench.history.reads import measure, others, reads
from school_app.core.db import db
from school_app.core.tenancy import use_school
from school_app.history.models import ExportFormat

# The school whose history is read holds one row of nine; one of its students has a fortieth of these.
SCHOOL = 1
COLUMNS = ("Read", "Page 1, ms", "Page", "ms", "× page 1", "Archive alone, ms", "× alone", "OFFSET, ms", "× slower")


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
    with application(given.rows, keep=given.keep), use_school(db.session, SCHOOL):
        table = Table(*COLUMNS, title=_title(given.rows))
        for read in reads():
            table.add_row(read.name, *measure(read, given.rounds))
        written = Table(
            "Export", "Rows", "Rows/s", "Bytes a row", "More memory, MiB", title="Exports of a school's rows"
        )
        auditor()
        for form in ExportFormat:
            written.add_row(form.value, *export(form, current_app.config["FORMROOM"]).cells())
        for one in (table, others(given.rounds), written):
            Console(width=140).print(one)
    return 0


if __name__ == "__main__":
    sys.exit(main())
