"""`make bench [SCHOOLS=5] [ROUNDS=3]`: the whole product with generated schools, and people who visit it.

It leaves its tables and figures in var/bench. SCHOOLS names one number or several, as in SCHOOLS="5 50", which are then
measured one after the other and compared.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from sqlalchemy import create_engine

from bench.load.driver import OTHER
from bench.load.hottest import APPLICATION, VARIABLE, hottest
from bench.load.hottest import read as read_noted
from bench.load.layers import layers, show_indexes
from bench.load.measured import Aids, Measured, Wishes
from bench.load.mix import Odd
from bench.load.plots import plot
from bench.load.processes import NotStarted
from bench.load.report import Result, growth, growth_table, report
from bench.load.run import measure
from bench.load.stack import FOLDER, Running, Size, refresh_summaries, running, wait_for_jobs
from bench.load.summed import check_summaries
from bench.load.time_needed import time_needed
from school_app import create_app
from school_app.core import clock

STUDENTS_A_SCHOOL, AUDIT_A_SCHOOL, YEARS = 1_000, 20_000, 3
# Both ends of each session's connection, and what server and driver hold besides.
FILES = 20_000
PATIENT_SECONDS = 600
# Pages in the figure of what they cost; all are in the table.
DRAWN = ("First page of a form master", "Student", "Alerts", "Cases", "Search", "History")


def main() -> int:
    """Measure, print and write down; 1 where something was lost, wrong or not answered."""
    asked = _asked()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    _allow_files()
    results: list[Result] = []
    for size in _sizes(asked):
        try:
            results.append(_measured(size, asked))
        except (NotStarted, Odd) as problem:
            print(f"bench: {problem}", file=sys.stderr)
            return 1
    _compare(results)
    return 1 if any(_is_wrong(one.measured) for one in results) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--schools", type=int, nargs="+", default=[5])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=20.0, help="visits a second of the steady mix, at most")
    parser.add_argument("--steady", type=float, default=20.0, help="seconds of the steady mix in each round")
    parser.add_argument("--alone", type=float, default=2.0, help="seconds for each page alone in each round")
    parser.add_argument("--steps", type=int, default=10, help="rates to climb, each half as much again")
    parser.add_argument("--students-a-school", type=int, default=STUDENTS_A_SCHOOL)
    parser.add_argument("--audit-a-school", type=int, default=AUDIT_A_SCHOOL)
    parser.add_argument("--years", type=int, default=YEARS)
    parser.add_argument("--data", type=Path, help="a folder of generated schools, which the load changes")
    parser.add_argument("--pool", type=int, default=2_048, help="buffer pool of the database in MiB")
    parser.add_argument("--no-layers", action="store_true", help="do not measure what pages are without a layer")
    parser.add_argument("--port", type=int, default=8766, help="of the server; the next one is for a second server")
    asked = parser.parse_args()
    if asked.data is not None and (len(asked.schools) != 1 or not (asked.data / "mariadb").is_dir()):
        parser.error("--data names the folder of one stack's data, and --schools how many schools are in it")
    return asked


def _sizes(asked: argparse.Namespace) -> list[Size]:
    return [
        Size(
            *(schools, schools * asked.students_a_school, asked.years, schools * asked.audit_a_school),
            of_their_own=asked.data and asked.data.absolute(),
        )
        for schools in sorted(asked.schools)
    ]


def _end(_number: int, _frame: FrameType | None) -> None:
    # It passes through the blocks that end the stack and bring back what was hidden.
    raise SystemExit(143)


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _measured(size: Size, asked: argparse.Namespace) -> Result:
    before = os.getloadavg()[0]
    wishes = Wishes(
        *(asked.sessions, asked.rounds, asked.alone),
        **{"rate": asked.rate, "steady_seconds": asked.steady, "steps": asked.steps},
    )
    print(time_needed(size, wishes, with_layers=not asked.no_layers), flush=True)
    with running(size, asked.port, pool_mib=asked.pool) as found, TemporaryDirectory() as folder:
        # Who visits is read over all schools at once, which takes longer than a page may.
        settings = replace(found.settings, log_level="ERROR", statement_seconds=0, io_timeout_seconds=PATIENT_SECONDS)
        app = create_app(settings)
        owner_url = found.url_of("formroom")
        show_indexes(owner_url)
        aids = _aids(found, asked, noted=Path(folder))
        result = Result(size, wishes, measure(app, asked.port, wishes, aids))
        result.measured.hot = hottest(read_noted(Path(folder)), owner_url)
        _check_summaries(found, result.measured)
        about = _about(owner_url, before)
    _write(size, result, about)
    return result


def _aids(found: Running, asked: argparse.Namespace, *, noted: Path) -> Aids:
    @contextmanager
    def recorder() -> Iterator[int]:
        with found.beside(asked.port + 1, application=APPLICATION, **{VARIABLE: str(noted)}) as port:
            yield port

    return Aids({} if asked.no_layers else layers(found, asked.port + 1), recorder)


def _check_summaries(found: Running, measured: Measured) -> None:
    """What the load has changed is counted, and then compared with the rows."""
    wait_for_jobs(found.settings)
    refresh_summaries(found)
    print("Comparing the summaries with their rows…", flush=True)
    measured.summed = check_summaries(found.environment, measured.written.first_day or clock.now().date())


def _about(owner_url: str, load_before: float) -> str:
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        version, pool = connection.exec_driver_sql("SELECT VERSION(), @@innodb_buffer_pool_size").one()
        data = connection.exec_driver_sql(
            "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
        ).scalar_one()
    engine.dispose()
    return (
        f"{date.today()}; {os.cpu_count()} cores, {platform.machine()}; database {version}, buffer pool "
        f"{int(pool) // 2**20:,} MiB, {int(data) // 2**20:,} MiB of tables and indexes; server, workers and driver "
        f"on the same machine; load average before {load_before:.1f}."
    )


def _write(size: Size, result: Result, about: str) -> None:
    """Print a size's report and leave it in a file of its own, so that a later size that fails takes nothing away."""
    text = report(result, about)
    print(f"\n{text}", flush=True)
    (FOLDER / f"load-{size.schools}.md").write_text(text)


def _compare(results: Sequence[Result]) -> None:
    """The sizes beside each other, where there are several, and the figures."""
    if len(results) > 1:
        text = growth_table(results)
        print(f"\n{text}", flush=True)
        (FOLDER / "load-growth.md").write_text(text)
        costs = {page: points for page, points in growth(results).items() if page in DRAWN}
        _draw("load-growth.svg", plot("What a page costs", "students", "empty answers", costs))
    climbs = {
        f"{one.size.schools} schools": [(step.rate, step.p95) for step, tally in one.measured.climbed if tally.answers]
        for one in results
    }
    if drawn := {name: points for name, points in climbs.items() if points}:
        _draw("load-rates.svg", plot("Rising rates", "visits a second", "p95 of all answers, ms", drawn))


def _draw(name: str, figure: str) -> None:
    (FOLDER / name).write_text(figure)
    print(f"A figure is in {FOLDER / name}.", flush=True)


def _is_wrong(measured: Measured) -> bool:
    """Whether something was lost, shown to another school, or counted wrongly."""
    others = sum(count for tally in measured.tallies for name, count in tally.wrong.items() if OTHER in name)
    return bool(measured.lost or others or (measured.summed is not None and measured.summed.status))


if __name__ == "__main__":
    sys.exit(main())
