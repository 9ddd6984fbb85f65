"""Counting beside others, on connections of their own: changes meanwhile, a second count, and one broken off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from school_app.behaviour.models import IncidentKind
from school_app.behaviour.service import Report, record_incident
from school_app.config import Settings
from school_app.core.acting import By
from school_app.core.db import db
from school_app.core.tenancy import enter_school
from school_app.summaries import service
from school_app.summaries.rules import Key, Tally
from tests import worlds
from tests.databases import app_of_its_own, embedded_app
from tests.factories import school
from tests.summaries.keeping import TODAY, counted, due, kept, refresh


class Apart:
    """A school whose transactions really commit."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            ours = worlds.keep_two_schools(db.session).ours
            self.school_id, self.student_id = ours.school.id, ours.student.id
            self.master = By(ours.form_master.id, ours.form_master.name)

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A session inside the school, on a connection of its own."""
        with self.app.app_context():
            enter_school(db.session, self.school_id)
            yield db.session

    def record(self, words: str) -> None:
        """Record an incident of today, and commit it."""
        with self.session() as session:
            report = Report(IncidentKind.CONCERN, TODAY, words, severity=2, description=words)
            record_incident(session, self.student_id, report, by=self.master, today=TODAY)
            session.commit()

    def refresh(self) -> None:
        """Count everything that is due, and commit each piece."""
        with self.session() as session:
            for _ in service.refresh(session, today=TODAY):
                session.commit()

    def is_right(self) -> bool:
        """Whether nothing is due, and the summaries say what the rows say."""
        with self.session() as session:
            return due(session) == 0 and kept(session) == counted(session)


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Flask]:
    with app_of_its_own(settings, "summaries") as app:
        yield app


@pytest.fixture(scope="module")
def apart(server: Flask) -> Apart:
    """A school on the server, counted once."""
    made = Apart(server)
    made.refresh()
    assert made.is_right()
    return made


def test_what_is_changed_while_the_rows_are_counted_stays_due(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    read = service.counted_days

    def read_and_change(session: Any, first: date, last: date) -> dict[Key, Tally]:
        found = read(session, first, last)
        other = threading.Thread(target=apart.record, args=("meanwhile",))
        other.start()
        other.join(20)
        assert not other.is_alive(), "whoever records an incident should not wait for a count"
        return found

    apart.record("before")
    monkeypatch.setattr(service, "counted_days", read_and_change)
    with apart.session() as session:
        next(service.refresh(session, today=TODAY))
        session.commit()
    monkeypatch.undo()
    assert not apart.is_right()
    with apart.session() as session:
        assert due(session) == 1
    apart.refresh()
    assert apart.is_right()


def test_two_who_count_at_once_do_so_one_after_the_other(apart: Apart) -> None:
    apart.record("first")
    with apart.session() as session:
        next(service.refresh(session, today=TODAY))
        # What the second counts has changed since the first has read; the first must not write over it.
        other = threading.Thread(target=apart.record, args=("second",))
        other.start()
        other.join(20)
        beside = threading.Thread(target=apart.refresh)
        beside.start()
        beside.join(0.5)
        assert beside.is_alive(), "the second count should wait for the first"
        session.commit()
        beside.join(20)
        assert not beside.is_alive()
    assert apart.is_right()


def test_a_count_that_is_broken_off_loses_nothing(apart: Apart) -> None:
    apart.record("broken off")
    with apart.session() as session:
        next(service.refresh(session, today=TODAY))
        session.rollback()
    assert not apart.is_right()
    apart.refresh()
    assert apart.is_right()


def test_two_who_count_a_school_for_the_first_time_at_once(server: Flask) -> None:
    with server.app_context():
        enter_school(db.session, None)
        made = school(db.session, "fresh")
        db.session.commit()
        fresh_id = made.id
    ready, failures = threading.Barrier(2), list[BaseException]()

    def count() -> None:
        try:
            with server.app_context():
                enter_school(db.session, fresh_id)
                ready.wait(20)
                refresh(db.session)
                db.session.commit()
        except BaseException as error:
            failures.append(error)

    both = [threading.Thread(target=count) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert failures == []


def test_the_embedded_database_is_counted_alike(settings: Settings, tmp_path: Path) -> None:
    with embedded_app(settings, tmp_path) as app:
        embedded = Apart(app)
        embedded.refresh()
        assert embedded.is_right()
        embedded.record("once more")
        assert not embedded.is_right()
        embedded.refresh()
        assert embedded.is_right()
