"""The rounds of the race at one size: everything that is compared is measured in each of them, in changing order."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.apps import seconds
from bench.audit import rows as log
from bench.audit.archivers import Moved, archive_run, pt_archiver
from bench.audit.database import settle
from bench.audit.inserts import Inserts, Waits
from bench.audit.reads import Pages, exporting, pages, verifying
from school_app.history.models import ExportFormat

IDLE_SECONDS = 8
SMALLEST_SLICE, LARGEST_SLICE = 40_000, 200_000


@dataclass(frozen=True, slots=True)
class Raced:
    """What an archiver moved, and how long writers waited meanwhile."""

    moved: Moved
    waits: Waits


@dataclass(frozen=True, slots=True)
class Round:
    """One round: writers alone; pt-archiver and the run in batches over as many rows each; the run over everything."""

    idle: Waits
    reference: Raced
    batches: Raced
    backlog: Raced


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured at one size; rates are rows a second."""

    rows: int
    fill_rate: float
    rounds: list[Round]
    pages: Pages
    verify_rate: float
    look_rate: float
    export_rates: dict[ExportFormat, float]


def measure(url: str, rows: int, rounds: int) -> Figures:
    """Fill the log, and race over it."""
    fill_rate = rows / seconds(lambda: log.fill(rows))
    _say(f"{rows:,} rows written and sealed, {fill_rate:,.0f} a second")
    portion = max(SMALLEST_SLICE, min(rows // 10, LARGEST_SLICE))
    done = []
    for number in range(rounds):
        if number:
            log.put_back(rows)
        done.append(_round(url, rows, portion, run_first=bool(number % 2)))
    read = pages()
    verify_rate, look_rate = verifying(rows)
    return Figures(rows, fill_rate, done, read, verify_rate=verify_rate, look_rate=look_rate, export_rates=exporting())


def _round(url: str, rows: int, portion: int, *, run_first: bool) -> Round:
    settle()
    with Inserts(url) as writers:
        time.sleep(IDLE_SECONDS)
    pair: list[Callable[[], Moved]] = [lambda: pt_archiver(url, portion), lambda: archive_run(url, portion)]
    raced = [_raced(url, one) for one in (reversed(pair) if run_first else pair)]
    reference, batches = reversed(raced) if run_first else raced
    log.put_back(rows)
    backlog = _raced(url, lambda: archive_run(url))
    _say(
        f"rows/s: pt-archiver {reference.moved.rate:,.0f}, batches {batches.moved.rate:,.0f}, "
        f"all {backlog.moved.rate:,.0f}; "
        f"writers' p99 {writers.waits.p99:.1f} ms idle, {reference.waits.p99:.1f}, {batches.waits.p99:.1f}, "
        f"{backlog.waits.p99:.1f}, longest {batches.waits.longest:.0f} and {backlog.waits.longest:.0f}"
    )
    return Round(writers.waits, reference, batches, backlog)


def _raced(url: str, work: Callable[[], Moved]) -> Raced:
    settle()
    with Inserts(url) as writers:
        moved = work()
    return Raced(moved, writers.waits)


def _say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)
