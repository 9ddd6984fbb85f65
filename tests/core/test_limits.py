"""A statement of a page that takes too long, or waits too long for a locked row, is broken off by the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from school_app.config import Settings
from school_app.core.db import db
from school_app.students import routes
from school_app.students.models import Student
from tests import databases, worlds
from tests.factories import TwoSchools
from tests.visits import log_in

LIMIT = 1
# Left to itself the server waits 50 s for a locked row, and for ever for a statement; nothing finer is told by a clock.
BROKEN_OFF_WITHIN = 25


@pytest.fixture(scope="module")
def quick(settings: Settings) -> Iterator[tuple[Flask, TwoSchools]]:
    """An app whose statements may take a second, and its two schools."""
    with databases.app_of_its_own(settings, "limits", statement_seconds=LIMIT) as app:
        with app.app_context():
            schools = worlds.keep_two_schools(db.session)
            db.session.remove()
        yield app, schools


# Every twelve of six students, of which the server has to look at each.
FIRST, *OTHERS = (aliased(Student) for _ in range(12))
SLOW = {
    "takes long": reduce(
        lambda found, one: found.join(one, one.id + FIRST.id > 0),
        OTHERS,
        select(func.sum(func.length(func.concat(*(one.family_name for one in (FIRST, *OTHERS)))))).select_from(FIRST),
    ),
    "waits for a row": select(Student.id).with_for_update(),
}


@pytest.mark.filterwarnings("ignore:SELECT statement has a cartesian product")
@pytest.mark.parametrize("why", SLOW)
def test_a_slow_statement_is_a_503_after_its_time_and_is_named_in_the_log(
    quick: tuple[Flask, TwoSchools], why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app, schools = quick
    client = log_in(app.test_client(), schools.ours.form_master)
    with monkeypatch.context() as patched, app.app_context():
        engine = db.engine
        patched.setattr(routes, "reach_of", lambda session, *_, **__: session.execute(SLOW[why]))
        with engine.begin() as other:
            other.execute(select(Student.__table__).with_for_update())
            began = time.monotonic()
            found: Any = client.get("/students")
            took = time.monotonic() - began
    assert (found.status_code, found.headers["Retry-After"]) == (503, "10")
    assert took < BROKEN_OFF_WITHIN
    logged = capsys.readouterr().err
    assert '"event": "slow_statement"' in logged
    assert client.get("/students").status_code == 200
    assert engine.pool.checkedout() == 0
