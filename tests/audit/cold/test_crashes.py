"""Wherever a run to cold storage is broken off, every row is in one place, unchanged, and the next run finishes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update

from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.rows import ARCHIVE
from school_app.audit.cold.store import store
from school_app.audit.models import ArchiveLease, ArchiveRun, AuditRow, AuditSeal, SealRun
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from tests.audit.cold.breaking import NEVER, Points, full_disk, in_a_child, kill, server_error, watched
from tests.audit.cold.kept import SMALL, archive, everywhere, hashes_in_tables, listed, old_rows, years_ago

ERRORS: dict[str, Callable[[], None]] = {
    "lock wait": server_error(1205),
    "deadlock": server_error(1213),
    "connection lost": server_error(2013),
    "time limit": server_error(1969),
    "disk full": full_disk,
}
# Quick tests look at every so many points, from another one on for each kind of error.
EVERY = 13


def begin_anew(session: Any) -> list[tuple[int, str]]:
    """Empty tables and folder, old rows in the archive; returns what must be everywhere ever after."""
    session.rollback()
    for model in (ColdFile, ArchiveRun, ArchiveLease, AuditRow, AuditSeal, SealRun):
        session.execute(delete(model))
    session.execute(delete(ARCHIVE))
    archive(session, old_rows(years_ago(3), [11, None]))
    session.commit()
    folder = Path(str(store()._root))  # type: ignore[attr-defined]
    shutil.rmtree(folder, ignore_errors=True)
    return everywhere(session, store())  # type: ignore[arg-type]


def run(session: Any) -> None:
    cooling = Cooling(session, store(), SMALL, "a test")
    try:
        for _ in cooling.steps():
            session.commit()
    except BaseException as error:
        session.rollback()
        cooling.failed(error)  # type: ignore[arg-type]
        session.commit()
        raise


def run_again(session: Any) -> None:
    """What the next night does: the lease of whoever was killed has run out by then."""
    session.rollback()
    session.execute(update(ArchiveLease).values(holder=None))
    session.commit()
    run(session)


def check_whole(session: Any, before: list[tuple[int, str]]) -> None:
    session.rollback()
    assert everywhere(session, store()) == before  # type: ignore[arg-type]


def check_finished(session: Any, before: list[tuple[int, str]]) -> None:
    check_whole(session, before)
    assert {one.status for one in listed(session)} == {ColdStatus.KEPT}
    assert hashes_in_tables(session) == []
    assert sorted(store().paths()) == sorted(one.path for one in listed(session))


def count_points(session: Any) -> int:
    begin_anew(session)
    points = Points(NEVER, kill)
    with watched(db.engine, points):
        run(session)
    return points.passed


def kill_at(apart: Flask, session: Any, point: int) -> None:
    before = begin_anew(session)

    def work() -> None:
        with apart.app_context(), all_schools(db.session), watched(db.engine, Points(point, kill)):
            run(db.session)

    assert in_a_child(work) == -9, f"point {point}"
    check_whole(session, before)
    run_again(session)
    check_finished(session, before)


def fail_at(session: Any, point: int, act: Callable[[], None]) -> None:
    before = begin_anew(session)
    with watched(db.engine, Points(point, act)), pytest.raises(Exception):  # noqa: B017, PT011
        run(session)
    check_whole(session, before)
    run_again(session)
    check_finished(session, before)


def test_killed_at_some_points(apart: Flask, committed: Any) -> None:
    for point in range(1, count_points(committed) + 1, EVERY):
        kill_at(apart, committed, point)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_some_points(committed: Any, error: str) -> None:
    offset = 2 + list(ERRORS).index(error)
    for point in range(offset, count_points(committed) + 1, EVERY * 3):
        fail_at(committed, point, ERRORS[error])


@pytest.mark.soak
def test_killed_at_every_point(apart: Flask, committed: Any) -> None:
    for point in range(1, count_points(committed) + 1):
        kill_at(apart, committed, point)


@pytest.mark.soak
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_every_point(committed: Any, error: str) -> None:
    for point in range(1, count_points(committed) + 1):
        fail_at(committed, point, ERRORS[error])
