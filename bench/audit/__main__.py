"""`make bench-audit [ROWS=1000000]`: the archive run against pt-archiver, and the speed of reading the audit log.

It builds a database of its own on the MariaDB server that FORMROOM_TEST_DATABASE_URL names, and on the MySQL server
that MYSQL_URL names where that is set, and removes it again. Every size from 100,000 rows to ROWS, by tens, is a column
of the table. Times on one machine swing by a factor of two, so what counts are the ratios, taken within each round.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.audit.database import application, server
from bench.audit.report import table
from bench.audit.rounds import measure
from school_app.core import clock

SMALLEST = 100_000
WRITTEN = Path("var/bench/audit.md")


def sizes(rows: int) -> list[int]:
    """The sizes of the growth curve that ends at so many rows."""
    found = [rows]
    while found[0] // 10 >= SMALLEST:
        found.insert(0, found[0] // 10)
    return found


def measured(server_url: str, *, rows: list[int], rounds: int, pool_mib: int) -> str:
    """The table of one server."""
    with application(server_url, pool_mib * 2**20) as url:
        found = [measure(url, number, rounds) for number in rows]
        return table(server(), found, rounds, f"{clock.now():%Y-%m-%d}")


def main() -> int:
    """Measure on each server, print the tables, and write them for docs/performance.md."""
    parser = argparse.ArgumentParser(prog="make bench-audit")
    parser.add_argument("--rows", type=int, default=1_000_000, help="the largest size, at least 100,000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pool", type=int, default=1_024, help="the servers' buffer pool in MiB")
    parser.add_argument("--only", action="store_true", help="no growth curve: the largest size alone")
    asked = parser.parse_args()
    if asked.rows < SMALLEST:
        parser.error(f"--rows is {asked.rows}; a race over fewer than {SMALLEST:,} rows says nothing")
    rows = [asked.rows] if asked.only else sizes(asked.rows)
    servers = [url for name in ("FORMROOM_TEST_DATABASE_URL", "MYSQL_URL") if (url := os.environ.get(name))]
    tables = [measured(url, rows=rows, rounds=asked.rounds, pool_mib=asked.pool) for url in servers]
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    WRITTEN.write_text("\n".join(tables))
    print("\n".join(tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
