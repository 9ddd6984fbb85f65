"""Pages are read from a replica while it stands, lags, dies and returns, of the kind of server that tests run on."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from school_app import create_app
from school_app.audit.models import AuditRow
from school_app.config import Settings
from school_app.core.db import REPLICA as REPLICA_ENGINE
from school_app.core.db import db
from school_app.core.reading import WroteWhileReading, reading
from school_app.core.replicas import Replica, Replicas
from school_app.core.tenancy import TenancyError, use_school
from school_app.students.models import Student
from tests import worlds
from tests.factories import ListQueue, TwoSchools
from tests.replicating import PRIMARY, REPLICA, Servers, servers_like
from tests.visits import log_in, long_after_writing, token_on


@dataclass(frozen=True)
class Near:
    """An app with a replica, its two schools, and the servers."""

    app: Flask
    servers: Servers
    schools: TwoSchools

    @property
    def replicas(self) -> Replicas:
        found: Replicas = self.app.extensions["formroom.replicas"]
        return found

    @property
    def replica(self) -> Replica:
        return self.replicas._replicas[0]

    @contextmanager
    def counted(self) -> Iterator[dict[str, int]]:
        """How many statements reach each of the two from here on, those of the looks left out."""
        seen = {"primary": 0, "replica": 0}

        def listen(name: str, engine: Any) -> tuple[Any, str, Callable[..., None]]:
            def note(conn: Any, cursor: Any, statement: str, *rest: object) -> None:
                if "replica_beat" not in statement:
                    seen[name] += 1

            event.listen(engine, "before_cursor_execute", note)
            return engine, "before_cursor_execute", note

        with self.app.app_context():
            heard = [listen("primary", db.engine), listen("replica", self.replica.engine)]
        yield seen
        for one in heard:
            event.remove(*one)

    def is_used(self) -> bool:
        """Whether pages are read from the replica now."""
        return self.replicas.near(None) is not None

    def until_used(self, used: bool = True, seconds: float = 20.0) -> float:
        """Wait until the replica is used, or is not; returns for how long."""
        began = time.monotonic()
        while self.is_used() is not used:
            assert time.monotonic() - began < seconds, self.replicas.states()
            time.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def near(settings: Settings) -> Iterator[Near]:
    with servers_like(settings) as servers:
        servers.begin()
        own = replace(settings, database_url=servers.url(PRIMARY), read_urls=(servers.url(REPLICA),), pool_size=8)
        # On a machine that is busy with other things a look at the replica may come late.
        app = create_app(replace(own, replica_lag_seconds=5))
        app.extensions["formroom.queue"] = ListQueue()
        with app.app_context():
            upgrade()
            schools = worlds.keep_two_schools(db.session)
            db.session.remove()
        servers.caught_up()
        made = Near(app, servers, schools)
        yield made
        made.replicas.stop()
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def used(near: Near) -> Near:
    """The same, while the replica is used."""
    near.until_used()
    return near


def reader(near: Near, who: str = "form_master") -> Any:
    """Somebody's browser, long after they logged in."""
    client = log_in(near.app.test_client(), getattr(near.schools.ours, who))
    long_after_writing(client)
    return client


def noted(client: Any, student_id: int, body: str) -> None:
    """Write a note on a student, and go no further."""
    token = token_on(client, "/password")
    found = client.post(f"/students/{student_id}/notes", data={"body": body, "csrf_token": token})
    assert found.status_code == 303, found.text


PAGES = {
    "form_master": ("/students", "/cases", "/alerts", "/incidents", "/registers"),
    "admin": ("/students", "/cases"),
    "auditor": ("/audit",),
}


@pytest.mark.parametrize("who", PAGES)
def test_pages_are_read_from_the_replica_and_who_looks_is_asked_of_the_primary(used: Near, who: str) -> None:
    client = reader(used, who)
    for path in PAGES[who]:
        client.get(path)
        used.until_used()
        with used.counted() as seen:
            assert client.get(path).status_code == 200
        assert seen["replica"] > 0, path
        # Who it is; of some pages that somebody looked, or a form's master since when.
        assert 1 <= seen["primary"] <= 5, (path, seen)


@pytest.mark.parametrize("who", ["form_master", "admin"])
def test_a_first_page_that_is_kept_for_later_is_made_from_the_primary(used: Near, who: str) -> None:
    client = reader(used, who)
    client.get("/students")
    used.until_used()
    with used.counted() as seen:
        assert client.get("/").status_code == 200
    assert seen["replica"] == 0
    assert seen["primary"] > 0


def test_a_look_at_a_student_is_read_from_the_replica_and_recorded_on_the_primary(used: Near) -> None:
    student = used.schools.ours.students[0]
    client = reader(used)
    with used.counted() as seen:
        assert client.get(f"/students/{student.id}").status_code == 200
    assert seen["replica"] > seen["primary"]
    with used.app.app_context(), use_school(db.session, used.schools.ours.school.id):
        events = db.session.scalars(select(AuditRow.event).where(AuditRow.student_id == student.id)).all()
        db.session.remove()
    assert "student.viewed" in events


def test_one_sees_what_one_has_written_while_the_replica_stands_still(used: Near) -> None:
    student = used.schools.ours.students[1]
    client = reader(used)
    used.servers.stand()
    try:
        noted(client, student.id, "Seen at once by who wrote it.")
        assert "Seen at once by who wrote it." in client.get(f"/students/{student.id}").text
        used.until_used(False)
        # It is behind by more than it may be: everybody reads from the primary.
        assert "Seen at once by who wrote it." in reader(used, "head").get(f"/students/{student.id}").text
        with used.counted() as seen:
            assert client.get("/students").status_code == 200
        assert seen["replica"] == 0
    finally:
        used.servers.apply()
    used.until_used()
    time.sleep(0.1)
    with used.counted() as seen:
        assert "Seen at once by who wrote it." in client.get(f"/students/{student.id}").text
    assert seen["replica"] > 0


def test_a_page_that_is_not_on_the_replica_yet_is_asked_of_the_primary(used: Near) -> None:
    ours = used.schools.ours
    client = reader(used, "admin")
    used.servers.caught_up()
    used.servers.stand()
    try:
        with used.app.app_context(), use_school(db.session, ours.school.id):
            made = Student(given_name="New", family_name="Comer", form_id=ours.students[0].form_id)
            db.session.add(made)
            db.session.commit()
            made_id = made.id
            db.session.remove()
        with used.counted() as seen:
            assert client.get(f"/students/{made_id}").status_code == 200
        assert seen["replica"] > 0
    finally:
        used.servers.apply()


@contextmanager
def visitors(near: Near, count: int = 4) -> Iterator[list[tuple[int, float]]]:
    """People who look at pages and write notes all the time: status and seconds of every request of theirs."""
    told: list[tuple[int, float]] = []
    ended = threading.Event()
    clients = [reader(near) for _ in range(count)]
    ids = [one.id for one in near.schools.ours.students[:3]]

    def visit(client: Any, number: int) -> None:
        turn = 0
        while not ended.is_set():
            turn += 1
            began = time.monotonic()
            if turn % 8 == 0:
                body = f"Note {number} {turn}"
                noted(client, ids[0], body)
                found = client.get(f"/students/{ids[0]}")
                status = found.status_code if body in found.text else 599
            else:
                path = ("/", "/students", "/cases", f"/students/{ids[turn % 3]}")[turn % 4]
                status = client.get(path).status_code
            told.append((status, time.monotonic() - began))
            if turn % 8 == 3:
                long_after_writing(client)

    threads = [threading.Thread(target=visit, args=(client, number)) for number, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    yield told
    ended.set()
    for thread in threads:
        thread.join()


def stands(near: Near) -> None:
    near.servers.stand()
    near.until_used(False)
    near.servers.apply()


def silent(near: Near) -> None:
    near.servers.send(signal.SIGSTOP)
    try:
        near.until_used(False)
        time.sleep(1)
    finally:
        near.servers.send(signal.SIGCONT)


def killed(near: Near) -> None:
    near.servers.send(signal.SIGKILL)
    near.until_used(False)
    time.sleep(1)
    near.servers.start_replica()


@pytest.mark.parametrize("harm", [stands, silent, killed], ids=lambda one: one.__name__)
def test_nobody_meets_an_error_whatever_happens_to_the_replica_and_reads_return_to_it(
    used: Near, harm: Callable[[Near], None]
) -> None:
    with visitors(used) as told:
        time.sleep(1)
        harm(used)
        used.until_used(seconds=60)
        after = len(told)
        with used.counted() as seen:
            while len(told) < after + 40:
                time.sleep(0.1)
    assert {status for status, _ in told} == {200}
    assert len(told) > 40
    assert seen["replica"] > 0
    # A request that waits on a silent replica is answered by the primary when a statement may take no longer.
    assert max(seconds for _, seconds in told) < 10


def test_a_session_that_has_written_reads_from_the_primary_and_loses_nothing(used: Near) -> None:
    @reading
    def from_replica() -> bool:
        return REPLICA_ENGINE in db.session.info

    with used.app.test_request_context("/"), use_school(db.session, used.schools.ours.school.id):
        assert from_replica()
        student = db.session.get_one(Student, used.schools.ours.students[2].id)
        with db.session.begin_nested():
            student.middle_name = "Changed"
        assert not from_replica()
        db.session.commit()
        assert from_replica()
        assert db.session.get_one(Student, student.id).middle_name == "Changed"
        db.session.remove()


def test_nothing_can_be_written_to_a_replica(used: Near) -> None:
    with used.replica.engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text("DELETE FROM replica_beat"))
    assert refused.value.orig is not None
    assert refused.value.orig.args[0] == 1792


def test_a_database_that_is_read_only_is_read_from_itself(used: Near) -> None:
    client = reader(used)
    used.servers.tell(PRIMARY, "SET GLOBAL read_only = ON")
    try:
        assert client.get("/students").status_code == 200
    finally:
        used.servers.tell(PRIMARY, "SET GLOBAL read_only = OFF")


def test_a_function_that_only_reads_can_neither_add_nor_change_nor_delete(
    app: Flask, session: Any, two_schools: TwoSchools
) -> None:
    student_id = two_schools.ours.students[0].id

    @reading
    def renames() -> None:
        db.session.get_one(Student, student_id).given_name = "Other"
        db.session.flush()

    @reading
    def adds() -> None:
        db.session.add(Student(given_name="A", family_name="B"))
        db.session.flush()

    @reading
    def found() -> Student:
        return db.session.get_one(Student, student_id)

    for wrong in (renames, adds):
        with app.test_request_context("/"), use_school(db.session, two_schools.ours.school.id):
            with pytest.raises(WroteWhileReading, match="Student"):
                wrong()
            db.session.rollback()
    with app.test_request_context("/"), use_school(db.session, two_schools.ours.school.id):
        student = found()
        assert student.id == student_id
        with pytest.raises(TenancyError, match="only read"):
            student.given_name = "Other"
