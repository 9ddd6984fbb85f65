"""The product on this machine, as `make stack` runs it, with generated schools: started for a measurement, then ended.

Its data stay in var/bench until another day, as making fifty schools takes long.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import rmtree

from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from bench.load.processes import ROOT, NotStarted, answers, process, wait_for, web_server
from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools, use_school
from school_app.schools.models import School

FOLDER = ROOT / "var" / "bench"
START_SECONDS, END_SECONDS = 180, 180
# The scheduler makes up for runs of the night that were missed, which is not what is measured.
QUIET_FOR_SECONDS = 5
QUIET_WITHIN_SECONDS = 3600
SAY_EVERY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Size:
    """What is generated: schools, students on roll, school years and rows of the audit log.

    Data that were there before lie in a folder `of_their_own`, and are neither made nor thrown away.
    """

    schools: int
    students: int
    years: int
    audit: int
    of_their_own: Path | None = None

    @property
    def folder(self) -> Path:
        """Where its data lie."""
        own = FOLDER / f"{self.schools}-schools-{self.students}-students-{self.years}-years-{self.audit}-events"
        return self.of_their_own or own


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that runs: the settings of `stack exec`, also as variables, and where its data lie."""

    settings: Settings
    environment: Mapping[str, str]
    folder: Path

    def url_of(self, account: str) -> str:
        """The database under the account of its owner ("formroom") or of a part, as "formroom_web"."""
        part = account.removeprefix("formroom").replace("_", "-")
        password = (self.folder / f"database-password{part}").read_text().strip()
        url = make_url(self.settings.database_url).set(username=account, password=password)
        return str(url.render_as_string(hide_password=False))

    @contextmanager
    def beside(self, port: int, *, application: str = "wsgi:app", **changes: str) -> Iterator[int]:
        """One more web server on a port, of which some variables are others; the block is given the port."""
        environment = {**os.environ, **self.environment, "FORMROOM_DATABASE_URL": self.url_of("formroom_web")}
        # Its counters are its own, and those of the first server stay as they are.
        environment |= {"FORMROOM_METRICS_DIR": str(self.folder / "metrics-beside"), **changes}
        log = self.folder / "log" / "web-server-beside.log"
        with web_server(port, environment=environment, log=log, application=application):
            yield port


@contextmanager
def running(size: Size, port: int, *, pool_mib: int) -> Iterator[Running]:
    """The stack with its schools, once nothing is at work in it."""
    if size.of_their_own is None:
        _forget_yesterday(size)
    size.folder.mkdir(parents=True, exist_ok=True)
    # The caller's own settings are of another product than this one.
    environment = {key: value for key, value in os.environ.items() if not _is_setting(key)}
    environment["FORMROOM_METRICS_TOKEN"] = secrets.token_hex(16)
    command = ["python3", "deploy/stack", "--port", str(port), "--no-demo", "--data", str(size.folder)]
    command += ["--pool", str(pool_mib)]
    log = size.folder / "stack.log"
    print(f"Starting the stack on {size.folder}…", flush=True)
    with process("The stack", command, environment=environment, log=log, end_seconds=END_SECONDS) as child:
        wait_for(child, lambda: (size.folder / "settings.json").exists() and answers(port), START_SECONDS)
        own: dict[str, str] = json.loads((size.folder / "settings.json").read_text())
        found = Running(Settings.from_env(own), own, size.folder)
        if size.of_their_own is None:
            _make_schools(size, environment | own)
        wait_for_jobs(found.settings)
        refresh_summaries(found)
        make_first_pages(found.settings)
        yield found


def _forget_yesterday(size: Size) -> None:
    made = size.folder / "made"
    if made.exists() and made.read_text() != date.today().isoformat():
        print(f"The schools in {size.folder} stand on another day and are made anew.", flush=True)
        rmtree(size.folder)
    elif size.folder.exists() and not made.exists():
        rmtree(size.folder)
    elif made.exists():
        print(f"The schools of today in {size.folder} are taken as they are.", flush=True)


def _is_setting(key: str) -> bool:
    return key.startswith("FORMROOM_") and key != "FORMROOM_SERVICES_CACHE"


def _make_schools(size: Size, environment: Mapping[str, str]) -> None:
    if (size.folder / "made").exists():
        return
    print(f"Making {size.schools} schools with {size.students:,} students…", flush=True)
    started = time.monotonic()
    arguments = ["demo", "generate"]
    for name in ("schools", "students", "years", "audit"):
        arguments += [f"--{name}", str(getattr(size, name))]
    log = size.folder / "generate.log"
    if _flask(arguments, environment, log) != 0:
        raise NotStarted(f"The schools could not be made; see {log}.")
    (size.folder / "made").write_text(date.today().isoformat())
    print(f"They were made in {time.monotonic() - started:.0f} s.", flush=True)


def _flask(arguments: list[str], environment: Mapping[str, str], log: Path) -> int:
    """Run a command of the product, with its output at the end of `log`; returns its status."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    with process(f"`flask {' '.join(arguments)}`", command, environment=environment, log=log) as child:
        return int(child.process.wait())


def refresh_summaries(found: Running) -> None:
    """Count what is due in the summaries of all schools, as many at once as there are cores.

    The scheduler would do so within a quarter of an hour, which is in the midst of the measurement.
    """
    started, log = time.monotonic(), found.folder / "summaries.log"
    environment = {**os.environ, **found.environment}

    def refresh(slug: str) -> int:
        return _flask(["summaries", "refresh", "--school", slug], environment, log)

    with ThreadPoolExecutor(os.cpu_count()) as several:
        try:
            statuses = list(several.map(refresh, _slugs(found.settings)))
        finally:
            # Where the bench is told to end, those that have not begun are left out.
            several.shutdown(wait=False, cancel_futures=True)
    if any(statuses):
        raise NotStarted(f"The summaries could not be counted; see {log}.")
    print(f"What was due in the summaries was counted in {time.monotonic() - started:.0f} s.", flush=True)


def _slugs(settings: Settings) -> list[str]:
    app = create_app(settings)
    with app.app_context(), all_schools(db.session):
        found = list(db.session.scalars(select(School.slug).where(School.is_active).order_by(School.id)))
        db.session.remove()
        db.engine.dispose()
    return found


def make_first_pages(settings: Settings) -> None:
    """Have form masters' first pages made, as the scheduler has it before each school day; they are kept for hours."""
    app = create_app(settings)
    with app.app_context(), all_schools(db.session):
        for school_id in db.session.scalars(select(School.id).where(School.is_active)).all():
            with use_school(db.session, school_id):
                enqueue_after_commit(db.session, "workers.jobs.warm_homes", queue="slow", requested_name="bench")
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    wait_for_jobs(settings)


def wait_for_jobs(settings: Settings) -> None:
    """Wait until nothing is at work, and say how much is left. NotStarted where that takes too long."""
    app, begin = create_app(settings), time.monotonic()
    quiet_since, said = begin, begin
    print("Waiting until no job is at work…", flush=True)
    with app.app_context(), all_schools(db.session):
        while (now := time.monotonic()) - quiet_since < QUIET_FOR_SECONDS:
            if now - begin > QUIET_WITHIN_SECONDS:
                raise NotStarted(f"Jobs are still at work after {QUIET_WITHIN_SECONDS} s; measure later.")
            if left := jobs_at_work():
                quiet_since = now
            if left and now - said > SAY_EVERY_SECONDS:
                said = now
                print(f"{left} jobs are left after {now - begin:.0f} s…", flush=True)
            time.sleep(1)
        db.session.remove()
        db.engine.dispose()


def jobs_at_work() -> int:
    """How many jobs wait or are carried out, as the database stands now."""
    waiting = select(func.count()).select_from(JobRun)
    found = db.session.scalar(waiting.where(JobRun.status.in_((JobStatus.QUEUED, JobStatus.RUNNING))))
    db.session.rollback()
    return int(found or 0)
