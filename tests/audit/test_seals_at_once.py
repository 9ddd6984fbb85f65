"""Sealing beside others, on connections of their own: what they have not committed, and a second run."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError

from school_app.audit.models import AuditRow
from school_app.audit.seals import seal
from tests.audit.places import Place, days_ago

(MOMENT,) = days_ago(9)
ROW = {"created_at": MOMENT, "actor_name": "x", "event": "x"}


def seals(place: Place) -> list[tuple[int, int]]:
    """Rows and seals of every run that one sealing made."""
    made = []
    with place.session() as session:
        for run in seal(session):
            made.append((run.rows, run.seals))
            session.commit()
    return made


def test_a_row_that_is_being_written_is_waited_for(place: Place) -> None:
    with place.engine.connect() as writer:
        writer.execute(insert(AuditRow), [ROW])
        place.write(MOMENT)
        with place.session() as session:
            session.execute(text("SET SESSION innodb_lock_wait_timeout = 1"))
            with pytest.raises(OperationalError, match="ock wait"):
                next(seal(session))
        writer.commit()
    assert [rows for rows, _ in seals(place)] == [2]


def test_two_runs_at_once_make_one(place: Place) -> None:
    place.write(MOMENT, MOMENT, MOMENT)
    second: list[list[tuple[int, int]]] = []
    with place.session() as session:
        first = next(seal(session))
        beside = threading.Thread(target=lambda: second.append(seals(place)))
        beside.start()
        beside.join(0.5)
        assert beside.is_alive(), "the second run should wait for the first"
        assert (first.rows, first.seals) == (3, 1)
        session.commit()
        beside.join(10)
    assert second == [[]]
    assert seals(place) == []
