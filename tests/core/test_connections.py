"""Budgets of connections: their sum, what a full pool does to a page, and that nothing of it is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.pool import Pool as AnyPool

from school_app.config import Settings
from school_app.core import claims
from school_app.core.connections import (
    BESIDE_POOL,
    SHARE,
    Processes,
    parts_of_primary,
    parts_of_replica,
    shortage,
)
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools
from school_app.operations.commands import connections
from tests import databases, worlds
from tests.audit.places import YEAR, Place, days_ago, in_year, place_of_its_own
from tests.visits import log_in
from workers import carrying, schedule


def test_the_web_of_one_host_opens_thirty_connections_at_most(settings: Settings) -> None:
    usual = Settings(**{**_fields(settings), "pool_size": 10, "pool_overflow": 5})
    assert parts_of_primary(usual, Processes())[0].most == 30


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_the_sum_is_compared_with_what_the_server_takes(settings: Settings) -> None:
    parts = parts_of_primary(settings, Processes(web=4, workers=3))
    together = sum(part.most for part in parts)
    enough = -int(-together // SHARE)
    assert shortage(parts, enough) is None
    assert f"set max_connections to {enough} or more" in str(shortage(parts, enough - 2))


def test_replicas_have_budgets_of_their_own(settings: Settings) -> None:
    two = replace(settings, read_urls=("mysql+pymysql://a@b/c", "mysql+pymysql://a@d/c"))
    web, with_two = (parts_of_primary(one, Processes())[0] for one in (settings, two))
    assert with_two.each - web.each == 2
    assert {part.name for part in parts_of_replica(two, Processes())} == {"web processes", "audit workers"}


def test_the_command_says_whether_the_server_has_enough(app: Flask) -> None:
    with app.app_context():
        fine = app.test_cli_runner().invoke(connections)
        many = app.test_cli_runner().invoke(connections, ["--web-processes", "5000"])
    assert (fine.exit_code, "the server takes" in fine.output) == (0, True), fine.output
    assert (many.exit_code, "set max_connections to" in many.output) == (1, True), many.output


@pytest.fixture(scope="module")
def narrow(settings: Settings) -> Iterator[tuple[Flask, Any]]:
    """An app that may open two connections, and its two schools."""
    with databases.app_of_its_own(settings, "narrow", pool_size=1, pool_overflow=1, pool_timeout_seconds=1.0) as app:
        with app.app_context():
            schools = worlds.keep_two_schools(db.session)
            db.session.remove()
        yield app, schools


def test_a_full_pool_gives_a_503_after_one_wait_and_pages_are_back_at_once(
    narrow: tuple[Flask, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, schools = narrow
    client = log_in(app.test_client(), schools.ours.form_master)
    with app.app_context():
        engine = db.engine
        held = [engine.connect(), engine.connect()]
    asked: list[int] = []
    with monkeypatch.context() as patched:
        connect = engine.pool.connect
        patched.setattr(engine.pool, "connect", lambda: (asked.append(1), connect())[1])
        found = client.get("/students")
    assert (found.status_code, found.headers["Retry-After"]) == (503, "10")
    assert len(asked) == 1, "one wait for the pool, not one more for the page that says so"
    for one in held:
        one.close()
    assert client.get("/students").status_code == 200
    assert engine.pool.checkedout() == 0


def test_more_people_at_once_than_connections_leave_none_in_use(narrow: tuple[Flask, Any]) -> None:
    app, schools = narrow
    clients = [log_in(app.test_client(), schools.ours.form_master) for _ in range(6)]
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: seen.extend(one.get("/students").status_code for _ in range(5)))
        for one in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) <= {200, 503}
    assert 200 in seen
    with app.app_context():
        pool: Any = db.engine.pool
    # Of two that were open at most, one beyond the pool was closed when it was given back.
    assert (pool.checkedout(), pool.checkedin()) == (0, 1)


@pytest.fixture
def peak() -> Iterator[list[int]]:
    """The highest number of connections that were open at once from here on, of all engines of this process."""
    now, most, lock = [0], [0], threading.Lock()

    def count(by: int) -> None:
        with lock:
            now[0] += by
            most[0] = max(most[0], now[0])

    def opened(*_: object) -> None:
        count(1)

    def closed(*_: object) -> None:
        count(-1)

    event.listen(AnyPool, "connect", opened)
    event.listen(AnyPool, "close", closed)
    yield most
    event.remove(AnyPool, "connect", opened)
    event.remove(AnyPool, "close", closed)


@pytest.fixture(scope="module")
def old_log(settings: Settings) -> Iterator[Place]:
    """A log with whole years and single days to move, and years to take to cold storage; nothing is sealed yet."""
    with place_of_its_own(settings, "budget") as place:
        place.write(*in_year(YEAR, 1, 2, 3), *in_year(YEAR - 3, 1, 2), *days_ago(100, 99))
        yield place


@pytest.mark.parametrize("entry", schedule.TABLE, ids=lambda one: one.name)
def test_a_scheduled_job_stays_within_the_budget_of_its_worker(
    old_log: Place, entry: schedule.Entry, peak: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "SIGN_EVERY_SECONDS", 0.01)
    with old_log.app.app_context(), all_schools(db.session):
        db.engine.dispose()
        job = enqueue_after_commit(db.session, entry.job, queue=entry.queue)
        job_id = job.id
        db.session.commit()
        carrying.carry_out(job_id)
        assert db.session.get_one(JobRun, job_id, populate_existing=True).status is JobStatus.DONE
        db.session.remove()
        db.engine.dispose()
    own = old_log.app.config["FORMROOM"].one_by_one()
    assert 1 <= peak[0] <= own.pool_size + own.pool_overflow + BESIDE_POOL
