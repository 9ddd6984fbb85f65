"""Wherever a destruction is broken off, a file is there and listed, or goes with its record; the next run ends it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from school_app.archiving.at_work import step_through
from school_app.archiving.models import ArchiveLease
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import store
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.audit.retention import service
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.retention.destroying import Destroying, NotAllDestroyed
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DataClass
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from school_app.schools.models import School
from tests.audit.cold.breaking import NEVER, Points, count_points_of, full_disk, in_a_child, kill, server_error, watched
from tests.audit.cold.kept import listed, say_long_ago
from tests.audit.cold.test_crashes import WORK, begin_anew

# The school whose rows begin_anew() writes.
OURS = 11
KILLED = 12
LEAST_POINTS = 50
ERRORS = {"deadlock": server_error(1213), "connection lost": server_error(2013), "disk full": full_disk}


def begin(session: Any) -> None:
    """Two files in cold storage, a year of two owners, both past a time of one year."""
    begin_anew(session, WORK["restore"])
    for model in (RetentionRule, LegalHold):
        session.execute(delete(model), execution_options={"audit_reason": "a test"})
    session.merge(School(id=OURS, slug="ours", name="Ours"))
    for data_class in DataClass:
        say_long_ago(session, data_class, 1)
    session.commit()


def destroy(session: Any) -> None:
    step_through(session, Destroying(session, store(), "a test"))


def recorded(session: Any) -> list[str]:
    told = session.scalars(select(AuditRow.changes).where(AuditRow.event == Event.ROWS_DESTROYED)).all()
    return sorted(one["path"][1] for one in told)


def check(session: Any) -> None:
    """No file goes without its intention, none is on record that is there, and each is on record once."""
    session.rollback()
    there = set(store().paths())
    for one in listed(session):
        assert one.path in there or one.status in (ColdStatus.DESTROYING, ColdStatus.DESTROYED)
        assert one.path not in there or one.status is not ColdStatus.DESTROYED
    assert recorded(session) == sorted(one.path for one in listed(session) if one.status is ColdStatus.DESTROYED)


def go_on(session: Any) -> None:
    check(session)
    session.execute(update(ArchiveLease).values(holder=None))
    session.commit()
    destroy(session)
    check(session)
    assert {one.status for one in session.scalars(select(ColdFile))} == {ColdStatus.DESTROYED}
    assert list(store().paths()) == []
    believed = Destroyed(session)
    assert (believed.problems, len(believed.files)) == ([], 2)


def go_on_with_a_hold(session: Any) -> None:
    """A hold is set before the next run: it keeps what is there, and that run asks for what is gone unrecorded."""
    check(session)
    there = set(store().paths())
    gone = [one for one in listed(session) if one.status is ColdStatus.DESTROYING and one.path not in there]
    session.execute(update(ArchiveLease).values(holder=None))
    hold_id = service.set_hold(session, school_id=OURS, student_id=None, reason="A court has asked", by="Ada").id
    session.commit()
    if any(one.school_id == OURS for one in gone):
        with pytest.raises(NotAllDestroyed, match="not there any more, and held: hold"):
            destroy(session)
    else:
        destroy(session)
    check(session)
    ours = [one for one in listed(session) if one.school_id == OURS]
    assert {one.path for one in ours if one.path in there} == {path for path in store().paths()}
    assert all(one.status is ColdStatus.KEPT for one in ours if one.path in there)
    service.release_hold(session, hold_id, reason="The case is closed", by="Ada")
    session.commit()
    go_on(session)


def count_points(session: Any) -> int:
    def run(points: Points) -> None:
        begin(session)
        with watched(db.engine, points):
            destroy(session)

    return count_points_of(run, LEAST_POINTS)


def points_after_removals(session: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The points at which a file has just been removed, and nothing says so yet."""
    begin(session)
    found, points = [], Points(NEVER, kill)
    with watched(db.engine, points), monkeypatch.context() as patched:
        remove = os.unlink

        def noted(*args: Any, **kwargs: Any) -> None:
            remove(*args, **kwargs)
            found.append(points.passed)

        patched.setattr(os, "unlink", noted)
        destroy(session)
    assert len(found) >= 2, "no file was removed"
    return found


def kill_at(apart: Flask, session: Any, point: int, then: Callable[[Any], None] = go_on) -> None:
    begin(session)

    def run() -> None:
        with apart.app_context(), all_schools(db.session), watched(db.engine, Points(point, kill)):
            destroy(db.session)

    assert in_a_child(run) == -9, f"point {point}"
    then(session)


def fail_at(session: Any, point: int, act: Any) -> None:
    begin(session)
    with watched(db.engine, Points(point, act)), pytest.raises(OSError if act is full_disk else OperationalError):
        destroy(session)
    go_on(session)


def test_killed_at_some_points(apart: Flask, committed: Any) -> None:
    points = count_points(committed)
    for point in range(1, points + 1, points // KILLED):
        kill_at(apart, committed, point)


def test_a_hold_that_is_set_after_a_kill_keeps_what_is_there_and_asks_for_what_is_gone(
    apart: Flask, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    removals = points_after_removals(committed, monkeypatch)
    for point in sorted({removals[0] // 2, removals[0] - 2, *removals}):
        kill_at(apart, committed, point, go_on_with_a_hold)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_some_points(committed: Any, error: str) -> None:
    points = count_points(committed)
    for point in range(2 + list(ERRORS).index(error), points + 1, points // 4):
        fail_at(committed, point, ERRORS[error])


@pytest.mark.soak
def test_killed_at_every_point(apart: Flask, committed: Any) -> None:
    for point in range(1, count_points(committed) + 1):
        kill_at(apart, committed, point)
        kill_at(apart, committed, point, go_on_with_a_hold)


@pytest.mark.soak
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_every_point(committed: Any, error: str) -> None:
    for point in range(1, count_points(committed) + 1):
        fail_at(committed, point, ERRORS[error])
