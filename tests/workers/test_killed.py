"""A real worker on a real server, killed or stopped in the middle of an archive run: it is done in the end, once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import delete, event, select, update

from school_app.archiving import pace
from school_app.audit import archive
from school_app.audit.batches import ARCHIVE, HOT
from school_app.audit.events import Event
from school_app.audit.models import AuditRow, RunStatus
from school_app.config import Settings
from school_app.core import claims, clock
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.queues import RqQueue
from school_app.core.tenancy import all_schools
from tests.audit.cold.breaking import forked
from tests.audit.places import Place, days_ago, place_of_its_own
from workers import carrying, jobs, schedule
from workers.worker import make_worker

ROWS = 12
OLD = days_ago(*range(400, 400 + ROWS))


@pytest.fixture(scope="module")
def _place(settings: Settings) -> Iterator[Place]:
    with place_of_its_own(settings, "killed") as place:
        place.app.extensions["formroom.queue"] = RqQueue(Redis.from_url(str(settings.redis_url)))
        yield place


@pytest.fixture
def unhurried(_place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A log with old rows, which go in batches of four."""
    monkeypatch.setattr(archive, "Limits", partial(archive.Limits, batch=4))
    _place.empty()
    with _place.engine.begin() as connection:
        connection.execute(delete(JobRun))
    _place.write(*OLD)
    return _place


@pytest.fixture
def place(unhurried: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same; signs of life are awaited for three seconds."""
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(seconds=3))
    monkeypatch.setattr(claims, "SIGN_EVERY_SECONDS", 0.5)
    return unhurried


def sent_again(place: Place) -> int:
    """How many jobs the scheduler sends again now."""
    with place.app.app_context(), all_schools(db.session):
        return int(jobs.resend_waiting()["sent"])


def job(place: Place) -> Any:
    """The only job, as it stands."""
    with place.engine.connect() as connection:
        return connection.execute(select(JobRun.__table__)).one()


def until(true: Callable[[], Any], seconds: float = 60.0) -> float:
    """Wait until something is so; returns for how long."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not become so"
        time.sleep(0.1)
    return time.monotonic() - began


def worker(place: Place, between: Callable[[], None] | None = None) -> int:
    """Start a worker that does what waits, and ends; returns its number. `between` is called after its first batch."""

    def work() -> None:
        if between is not None:
            pace.time = type("Time", (), {"sleep": lambda seconds: between(), "monotonic": time.monotonic})
        make_worker(place.app, ["audit"]).work(burst=True, logging_level="ERROR")

    with place.app.app_context():
        db.engine.dispose()
    return forked(work)


@contextmanager
def broken_off(place: Place, path: Path, number: signal.Signals) -> Iterator[tuple[int, int]]:
    """An archive job whose process waits for its end after its first batch, and gets a signal: worker and process."""
    with place.app.app_context(), all_schools(db.session):
        enqueue_after_commit(db.session, "workers.jobs.archive_audit", queue="audit", requested_name="schedule")
        db.session.commit()

    def wait() -> None:
        path.with_suffix(".new").write_text(str(os.getpid()))
        path.with_suffix(".new").rename(path)
        while path.exists():
            time.sleep(0.1)

    parent = worker(place, wait)
    until(path.exists)
    horse = int(path.read_text())
    try:
        while time.time() < path.stat().st_mtime + 4:
            assert sent_again(place) == 0, "it gives signs of life, so nobody takes it for lost"
            time.sleep(0.2)
        os.kill(horse, number)
        yield parent, horse
    finally:
        for process in (parent, horse):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(parent, 0)


def finish(place: Place) -> None:
    """The scheduler finds the silent job, and another worker does it."""
    assert until(lambda: sent_again(place), 150.0) >= 1, "it was not taken for lost at once"
    os.waitpid(worker(place), 0)
    ended = job(place)
    assert (ended.status, ended.attempts, ended.error) == (JobStatus.DONE, 2, None)
    assert ended.counts["moved"] == ROWS - 4
    assert {moment for _, moment in place.rows(ARCHIVE)} == set(OLD)
    assert [run.status for run in place.runs()] == [RunStatus.STOPPED, RunStatus.DONE]


def test_a_job_whose_worker_is_killed_is_done_by_another_as_soon_as_it_is_silent(place: Place, tmp_path: Path) -> None:
    with broken_off(place, tmp_path / "horse", signal.SIGKILL) as (parent, _):
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        finish(place)
    assert len(place.rows(HOT)) == 2, "what each of the two runs has moved is told, and nothing else is left"


@pytest.mark.soak
def test_a_killed_job_is_done_within_three_minutes_with_the_times_as_they_are(unhurried: Place, tmp_path: Path) -> None:
    with broken_off(unhurried, tmp_path / "horse", signal.SIGKILL) as (parent, _):
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        began = time.monotonic()
        finish(unhurried)
        took = time.monotonic() - began
    print(f"done {took:.0f} s after the kill")
    assert took < 180 - schedule.LOOK_EVERY_SECONDS


def test_a_job_whose_process_was_stopped_changes_nothing_when_it_wakes(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "horse"
    with broken_off(place, path, signal.SIGSTOP) as (parent, horse):
        finish(place)
        before = (job(place), place.runs(), place.rows())
        path.unlink()
        os.kill(horse, signal.SIGCONT)
        # The worker ends when its process has ended, as there is nothing else for it to do.
        os.waitpid(parent, 0)
        assert (job(place), place.runs(), place.rows()) == before


def claimed(place: Place) -> int:
    """A job that is under way in its first attempt; its id."""
    with place.app.app_context(), all_schools(db.session):
        made = enqueue_after_commit(db.session, "workers.jobs.seal_audit", queue="slow")
        db.session.commit()
        carrying._claim(made.id)
        db.session.commit()
        return int(made.id)


def test_nothing_is_committed_under_a_claim_that_another_has_taken_over(place: Place) -> None:
    job_run_id = claimed(place)
    with place.session() as session:
        act_as(session, Acting(None, "a job", job_id=str(job_run_id), attempt=1))
        said: list[str] = []
        event.listen(
            session.get_bind(), "before_cursor_execute", lambda *args: said.append(" ".join(args[2].split()[:2]))
        )
        session.add(AuditRow(actor_name="in time", event=Event.ROWS_ARCHIVED))
        session.commit()
        assert said == ["INSERT INTO", "UPDATE job_run"], "the row is locked last, so that no sign waits for the rest"
        session.add(AuditRow(actor_name="too late", event=Event.ROWS_ARCHIVED))
        session.flush()
        with place.engine.begin() as connection:
            connection.execute(update(JobRun.__table__).values(attempts=2))
        with pytest.raises(claims.TakenOver, match="begun anew"):
            session.commit()
        session.rollback()
    with place.engine.connect() as connection:
        names = connection.execute(select(HOT.c.actor_name).where(HOT.c.event == Event.ROWS_ARCHIVED)).scalars().all()
    assert names == ["in time"]


def test_a_job_is_not_claimed_twice_while_signs_come(place: Place) -> None:
    job_run_id = claimed(place)
    with place.app.app_context(), all_schools(db.session):
        assert carrying._claim(job_run_id) is None
        db.session.execute(update(JobRun).values(alive_at=clock.now() - timedelta(seconds=5)))
        assert carrying._claim(job_run_id) is not None
        assert carrying._claim(job_run_id) is None, "the second claim has given its first sign"
        db.session.rollback()
