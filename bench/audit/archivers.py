"""The two that are raced: pt-archiver, and the product's archive run. Each is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url

from bench.audit.rows import ARCHIVE, HOT, lowest_ids
from school_app.audit.archive import HOT_DAYS
from school_app.core import clock
from school_app.core.db import db

PT_ARCHIVER = Path(__file__).resolve().parents[2] / "deploy" / "pt-archiver"
# The fastest of its ways: a file of 5,000 rows loaded, a range of them deleted, one commit for both.
OPTIONS = (
    "--bulk-insert",
    "--bulk-delete",
    "--limit",
    "5000",
    "--commit-each",
    "--no-check-charset",
    "--no-version-check",
)


@dataclass(frozen=True, slots=True)
class Moved:
    """What an archiver has done; `mib` is the highest use of memory by its own process."""

    rows: int
    seconds: float
    mib: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def archive_run(url: str, max_rows: int | None = None) -> Moved:
    """The product's run: in batches and so many rows, or all there is in the way it goes by night."""
    limit = [] if max_rows is None else [str(max_rows)]
    command = [sys.executable, "-m", "bench.audit.run", url, *limit]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    if said["notes"]:
        raise SystemExit(f"The archive run did not do all that it should: {said['notes']}")
    return Moved(said["rows"], said["seconds"], said["mib"])


def pt_archiver(url: str, rows: int) -> Moved:
    """pt-archiver over the lowest ids of the live table, so many; what it takes to start is not counted."""
    first, last = lowest_ids(rows)
    cutoff = clock.now().replace(tzinfo=None) - timedelta(days=HOT_DAYS)
    where = f"id >= {first} AND id <= {last} AND created_at < '{cutoff}'"
    starting, _ = _pt(url, where, "--dry-run")
    seconds, mib = _pt(url, where)
    moved = _archived(first, last)
    if moved != rows:
        raise SystemExit(f"pt-archiver was given {rows} rows and has moved {moved}.")
    return Moved(moved, seconds - starting, mib)


def _pt(url: str, where: str, *more: str) -> tuple[float, float]:
    place = make_url(url)
    secret = f",p={place.password}" if place.password else ""
    source = (
        f"h={place.host},P={place.port},u={place.username}{secret},D={place.database},t={HOT},i=PRIMARY,L=1,A=utf8mb4"
    )
    command = [str(PT_ARCHIVER), "--source", source, "--dest", f"t={ARCHIVE},L=1", "--where", where, *OPTIONS, *more]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        if process.returncode:
            said.seek(0)
            raise SystemExit(
                f"pt-archiver ended with {process.returncode}:\n{said.read().decode(errors='replace')[-2000:]}"
            )
    return seconds, used.ru_maxrss / 1024


def _archived(first: int, last: int) -> int:
    with db.engine.connect() as connection:
        statement = text(f"SELECT COUNT(*) FROM {ARCHIVE} WHERE id BETWEEN :first AND :last")  # noqa: S608
        return int(connection.execute(statement, {"first": first, "last": last}).scalar_one())
