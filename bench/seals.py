"""`python -m bench.seals [--rows 1000000] [--rounds 3]`: sealing and verifying, beside a plain look at the same rows.

It fills a database of its own on the server that FORMROOM_TEST_DATABASE_URL names, and removes it again: three years of
nine schools, those past 90 days in the archive.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from rich.console import Console
from rich.table import Table
from sqlalchemy import delete, text

from bench.apps import seconds
from bench.history.database import application
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.seals import differences, seal
from school_app.audit.sources import TABLES, Tables
from school_app.audit.verify import verify
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools

WEEK = timedelta(days=7)


def plain() -> None:
    """What reading the rows costs, without a hash."""
    for table in ("audit_log", "audit_log_archive"):
        db.session.execute(text(f"SELECT COUNT(*), SUM(LENGTH(changes)) FROM {table}"))  # noqa: S608
    db.session.commit()


def seal_all() -> None:
    """Seal the whole log, as the first time."""
    for _ in seal(db.session):
        db.session.commit()


def unseal() -> None:
    """Forget every seal."""
    db.session.execute(delete(AuditSeal))
    db.session.execute(delete(SealRun))
    db.session.commit()


def verify_all() -> None:
    """Verify the whole log. Raises where anything differs."""
    for step in verify(db.session, [Tables(db.session)]):
        _refuse(step.differences)
        db.session.commit()


def check_week() -> None:
    """What an archive run asks of a week before it lets its rows go."""
    last = _archived_week()
    _refuse(differences(db.session, TABLES, last - WEEK + timedelta(days=1), last))
    db.session.commit()


def _archived_week() -> date:
    return (clock.now() - timedelta(days=120)).date()


def _refuse(found: Sequence[object]) -> None:
    if found:
        raise SystemExit(f"The bench's own rows differ: {found[0]}")


def rounds(rows: int, number: int) -> Iterator[tuple[str, ...]]:
    """Each round in its turn: rows a second of each kind of work, and its ratio to the plain look."""
    week = rows * 7 // (365 * 3)
    work: tuple[tuple[Callable[[], None], int], ...] = ((seal_all, rows), (verify_all, rows), (check_week, week))
    for one in range(1, number + 1):
        unseal()
        look = rows / seconds(plain)
        cells = []
        for function, handled in work:
            speed = handled / seconds(function)
            cells.append(f"{speed:,.0f} ({speed / look:.2f})")
        yield str(one), f"{look:,.0f}", *cells


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.seals")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    title = f"Rows/s and the ratio to a plain look, {asked.rows:,} rows"
    table = Table("Round", "Plain look", "Seal", "Verify", "A week’s differences", title=title)
    with application(asked.rows, keep=False), all_schools(db.session):
        for cells in rounds(asked.rows, asked.rounds):
            table.add_row(*cells)
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
