"""The two that are raced: pt-archiver, and the product's archive run. Each is a process of its own."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
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
LOOK_SECONDS = 0.02
# What pt-archiver heads its progress with when it has started, and how long it must work for its rate to say anything.
HEADING, SHORTEST_SECONDS = b"ELAPSED", 0.5
# The fastest of its ways: a file of 5,000 rows loaded, a range of them deleted, one commit for both.
OPTIONS = (
    "--bulk-insert",
    "--bulk-delete",
    "--limit",
    "5000",
    "--commit-each",
    "--no-check-charset",
    "--no-version-check",
    # It says when it begins to archive, and again after so many rows, which are more than it is given.
    *("--progress", "1000000000"),
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
    done = _watched([sys.executable, "-m", "bench.audit.run", url, *limit])
    told = json.loads(done.said.splitlines()[-1])
    if told["notes"]:
        raise SystemExit(f"The archive run did not do all that it should: {told['notes']}")
    return Moved(told["rows"], told["seconds"], done.mib)


def pt_archiver(url: str, rows: int) -> Moved:
    """pt-archiver over the lowest ids of the live table, so many; what it takes to start is not counted."""
    first, last = lowest_ids(rows)
    cutoff = clock.now().replace(tzinfo=None) - timedelta(days=HOT_DAYS)
    done = _watched(_command(url, f"id >= {first} AND id <= {last} AND created_at < '{cutoff}'"), begins=HEADING)
    moved = _archived(first, last)
    if moved != rows:
        raise SystemExit(f"pt-archiver was given {rows} rows and has moved {moved}.")
    if done.seconds < SHORTEST_SECONDS:
        raise SystemExit(f"pt-archiver moved {rows} rows in {done.seconds:.2f} s, too few for a rate; race over more.")
    return Moved(moved, done.seconds, done.mib)


def _command(url: str, where: str) -> list[str]:
    place = make_url(url)
    secret = f",p={place.password}" if place.password else ""
    source = (
        f"h={place.host},P={place.port},u={place.username}{secret},D={place.database},t={HOT},i=PRIMARY,L=1,A=utf8mb4"
    )
    return [str(PT_ARCHIVER), "--source", source, "--dest", f"t={ARCHIVE},L=1", "--where", where, *OPTIONS]


@dataclass(frozen=True, slots=True)
class _Done:
    """A program that has ended: seconds since it began its work, the highest memory of its own, what it said."""

    seconds: float
    mib: float
    said: str


def _watched(command: list[str], begins: bytes = b"") -> _Done:
    """Run a program; its work begins with its start, or when it says `begins`. SystemExit where it fails."""
    highest, began, said = 0.0, None, b""
    # To a terminal a program says at once what it keeps back from a file.
    ear, mouth = os.openpty()
    os.set_blocking(ear, False)
    process = subprocess.Popen(command, stdout=mouth, stderr=mouth)
    os.close(mouth)
    while process.poll() is None:
        said += _heard(ear)
        if began is None and begins in said:
            began = time.perf_counter()
        highest = max(highest, _highest_mib(process.pid))
        time.sleep(LOOK_SECONDS)
    ended = time.perf_counter()
    while more := _heard(ear):
        said += more
    os.close(ear)
    told = said.decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{told[-2000:]}")
    return _Done(0.0 if began is None else ended - began, highest, told)


def _heard(ear: int) -> bytes:
    try:
        return os.read(ear, 65_536)
    except OSError as error:
        # It has said nothing since, or it has ended.
        if error.errno in (errno.EAGAIN, errno.EIO):
            return b""
        raise


def _highest_mib(pid: int) -> float:
    # Not by getrusage(), which counts for a child what its parent used when it was made.
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else 0.0


def _archived(first: int, last: int) -> int:
    with db.engine.connect() as connection:
        statement = text(f"SELECT COUNT(*) FROM {ARCHIVE} WHERE id BETWEEN :first AND :last")  # noqa: S608
        return int(connection.execute(statement, {"first": first, "last": last}).scalar_one())
