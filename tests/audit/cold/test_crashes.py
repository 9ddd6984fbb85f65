"""Wherever rows on their way to cold storage or back are stopped, each is in one place, and the next run goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from school_app.archiving.at_work import step_through
from school_app.archiving.models import ArchiveLease
from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.models import ColdStatus
from school_app.audit.cold.restoring import Restoring
from school_app.audit.cold.store import store
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from tests.audit.cold.breaking import Points, count_points_of, full_disk, in_a_child, kill, server_error, watched
from tests.audit.cold.kept import SMALL, begin_with, everywhere, hashes_in_tables, listed, old_rows, years_ago

ERRORS: dict[str, Callable[[], None]] = {
    "lock wait": server_error(1205),
    "deadlock": server_error(1213),
    "connection lost": server_error(2013),
    "time limit": server_error(1969),
    "disk full": full_disk,
}
# Quick tests look at so many points, others for each kind of error.
KILLED, FAILED = 18, 4
LEAST_POINTS = 100


@dataclass(frozen=True)
class Work:
    """A way that rows go: what is done before, what is broken off, and what is true once it was done."""

    before: Callable[[Any], None]
    run: Callable[[Any], None]
    in_tables: bool
    status: ColdStatus


def cool(session: Any) -> None:
    step_through(session, Cooling(session, store(), SMALL, "a test"))


def restore(session: Any) -> None:
    step_through(session, Restoring(session, store(), years_ago(3), "a test", batch=3))


WORK = {
    "cool": Work(lambda session: None, cool, in_tables=False, status=ColdStatus.KEPT),
    "restore": Work(cool, restore, in_tables=True, status=ColdStatus.RESTORED),
}


COUNTED: dict[Work, int] = {}


def begin_anew(session: Any, work: Work) -> list[tuple[int, str]]:
    """Empty tables and folder, old rows in the archive; returns what must be everywhere ever after."""
    begin_with(session, old_rows(years_ago(3), [11, None]))
    work.before(session)
    return everywhere(session, store())  # type: ignore[arg-type]


def check_whole(session: Any, before: list[tuple[int, str]]) -> None:
    session.rollback()
    assert everywhere(session, store()) == before  # type: ignore[arg-type]


def go_on(session: Any, work: Work, before: list[tuple[int, str]]) -> None:
    """What is done again later: the lease of whoever was killed has run out by then."""
    session.rollback()
    session.execute(update(ArchiveLease).values(holder=None))
    session.commit()
    work.run(session)
    check_whole(session, before)
    assert {one.status for one in listed(session)} == {work.status}
    assert bool(hashes_in_tables(session)) == work.in_tables
    assert sorted(store().paths()) == sorted(one.path for one in listed(session))


def count_points(session: Any, work: Work) -> int:
    """How many points there are on a way; they are counted once."""

    def run(points: Points) -> None:
        begin_anew(session, work)
        with watched(db.engine, points):
            work.run(session)

    if work not in COUNTED:
        COUNTED[work] = count_points_of(run, LEAST_POINTS)
    return COUNTED[work]


def kill_at(apart: Flask, session: Any, work: Work, point: int) -> None:
    before = begin_anew(session, work)

    def run() -> None:
        with apart.app_context(), all_schools(db.session), watched(db.engine, Points(point, kill)):
            work.run(db.session)

    assert in_a_child(run) == -9, f"point {point}"
    check_whole(session, before)
    go_on(session, work, before)


def fail_at(session: Any, work: Work, point: int, act: Callable[[], None]) -> None:
    before = begin_anew(session, work)
    told = OSError if act is full_disk else OperationalError
    with watched(db.engine, Points(point, act)) as points, suppress(told):
        work.run(session)
        # Who changes a table and has to wait for somebody tries again; nothing else goes by without being told.
        assert act is ERRORS["lock wait"], f"point {point} passed unnoticed"
        assert points.passed > point
    check_whole(session, before)
    go_on(session, work, before)


@pytest.mark.parametrize("name", WORK)
def test_killed_at_some_points(apart: Flask, committed: Any, name: str) -> None:
    points = count_points(committed, WORK[name])
    for point in range(1, points + 1, points // KILLED):
        kill_at(apart, committed, WORK[name], point)


@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_some_points(committed: Any, name: str, error: str) -> None:
    offset = 2 + list(ERRORS).index(error)
    points = count_points(committed, WORK[name])
    for point in range(offset, points + 1, points // FAILED):
        fail_at(committed, WORK[name], point, ERRORS[error])


@pytest.mark.soak
@pytest.mark.parametrize("name", WORK)
def test_killed_at_every_point(apart: Flask, committed: Any, name: str) -> None:
    for point in range(1, count_points(committed, WORK[name]) + 1):
        kill_at(apart, committed, WORK[name], point)


@pytest.mark.soak
@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_every_point(committed: Any, name: str, error: str) -> None:
    for point in range(1, count_points(committed, WORK[name]) + 1):
        fail_at(committed, WORK[name], point, ERRORS[error])
