"""Exports where commits are real: asked for at once, killed with their worker, or stopped with it and woken late."""

from __future__ import annotations

import csv
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError
from sqlalchemy import delete, insert, select

from school_app.accounts.login import load_viewer
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.config import Settings
from school_app.core import claims, clock
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.tenancy import all_schools, use_school
from school_app.history import exports
from school_app.history.exports import Stage
from school_app.history.filters import asked
from school_app.history.models import ExportFormat, HistoryExport
from tests import worlds
from tests.audit.cold.breaking import forked, in_a_child, kill
from tests.audit.places import Place, place_of_its_own
from workers import carrying, jobs


@dataclass(frozen=True)
class Office:
    """A school with an auditor in a database of its own, and the folder of its exports."""

    place: Place
    school_id: int
    session_key: str
    folder: Path

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A session inside the school."""
        with self.place.session() as session, use_school(session, self.school_id):
            yield session

    def ask(self, session: Any) -> HistoryExport:
        """Ask for an export of what happened under the name of these tests."""
        person = load_viewer(session, self.session_key)
        assert person is not None
        return exports.ask_for(session, asked({"event": "x.happened"}, "UTC"), ExportFormat.CSV, person=person)

    def stage(self) -> Stage:
        """How far the only export is."""
        with self.session() as session:
            person = load_viewer(session, self.session_key)
            assert person is not None
            [kept] = exports.exports_of(session, person)
            return kept.stage

    def sent_again(self) -> int:
        """How many jobs the scheduler sends again now."""
        with self.place.app.app_context(), all_schools(db.session):
            return int(jobs.resend_waiting()["sent"])

    def carry_out(self, job_run_id: int) -> None:
        """Do a job as a worker does."""
        with self.place.app.app_context():
            carrying.carry_out(job_run_id)


@pytest.fixture(scope="module")
def _office(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    data_dir = tmp_path_factory.mktemp("exports")
    with place_of_its_own(replace(settings, data_dir=data_dir), "exports") as place:
        with place.app.app_context():
            ours = worlds.two_schools(db.session).ours
            key = f"{ours.auditor.id}.{ours.auditor.session_version}"
            found = Office(place, ours.school.id, key, data_dir / exports.FOLDER)
            db.session.commit()
        yield found


@pytest.fixture
def office(_office: Office) -> Office:
    """The same, without exports and without a log."""
    with _office.place.session() as session:
        for model in (HistoryExport, JobRun, AuditRow):
            session.execute(delete(model), execution_options={"audit_reason": "a test"})
        session.commit()
    for path in _office.folder.iterdir() if _office.folder.is_dir() else ():
        path.unlink()
    return _office


def test_no_more_exports_are_kept_than_may_be_when_they_are_asked_for_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_KEPT", 3)
    people = 8
    begin = threading.Barrier(people)

    def ask(number: int) -> bool:
        with office.session() as session:
            begin.wait(10)
            try:
                office.ask(session)
            except exports.ExportRefused:
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(people) as pool:
        assert sum(pool.map(ask, range(people))) == 3
    with office.session() as session:
        assert len(session.scalars(select(HistoryExport)).all()) == 3


def ordered(office: Office) -> tuple[int, int]:
    """An export of a hundred rows that was asked for; the ids of the export and its job."""
    with office.session() as session:
        start = clock.now() - timedelta(days=1)
        rows = [
            {"created_at": start - timedelta(minutes=number), "actor_name": "x", "event": "x.happened"}
            for number in range(100)
        ]
        session.execute(insert(AuditRow), rows)
        export = office.ask(session)
        assert export.job_run_id is not None
        found = (export.id, export.job_run_id)
        session.commit()
    with office.place.app.app_context():
        # A child must not speak on its parent's connections.
        db.engine.dispose()
    return found


def killed_at(office: Office, piece: int) -> tuple[int, int]:
    """The same, killed while it writes a piece."""
    found = ordered(office)
    finish_piece, pieces = exports._progress, []

    def progress(*args: Any) -> None:
        pieces.append(args)
        finish_piece(*args)
        if len(pieces) == piece:
            kill()

    def work() -> None:
        exports._progress = progress
        office.carry_out(found[1])

    assert in_a_child(work) == -signal.SIGKILL
    return found


def assert_whole(office: Office, export_id: int) -> None:
    """It was made once, in the second try, and its file is the only one and holds each row once."""
    with office.session() as session:
        export = session.get_one(HistoryExport, export_id)
        job = session.get_one(JobRun, export.job_run_id)
        assert (job.status, job.attempts) == (JobStatus.DONE, 2)
        assert (office.stage(), export.rows) == (Stage.DONE, 100)
        [path] = office.folder.iterdir()
        assert path.name == export.stored_as
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
        wanted = session.scalars(
            select(AuditRow.id)
            .where(AuditRow.event == "x.happened")
            .order_by(AuditRow.created_at.desc(), AuditRow.id.desc())
        ).all()
        assert [int(row["id"]) for row in rows] == list(wanted)
        assert len(session.scalars(select(AuditRow.id).where(AuditRow.event == Event.EXPORTED)).all()) == 1


def test_an_export_whose_worker_is_killed_says_so_and_is_whole_when_it_is_begun_anew(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 30)
    export_id, job_run_id = killed_at(office, piece=3)
    with office.session() as session:
        export = session.get_one(HistoryExport, export_id)
        assert export.rows == 60
        assert [path.name for path in office.folder.iterdir()] == [f"{export.stored_as}.part"]
    office.carry_out(job_run_id)
    assert office.stage() is Stage.RUNNING, "it might be at work still"
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(0))
    assert office.stage() is Stage.LOST
    office.carry_out(job_run_id)
    assert_whole(office, export_id)


def test_a_lost_export_is_sent_again_and_given_up_after_three_tries(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, job_run_id = killed_at(office, piece=1)
    assert office.sent_again() == 0
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(0))
    assert office.sent_again() == 1
    with office.session() as session:
        session.get_one(JobRun, job_run_id).attempts = carrying.MOST_ATTEMPTS
        session.commit()
    office.carry_out(job_run_id)
    with office.session() as session:
        job = session.get_one(JobRun, job_run_id)
        assert job.status is JobStatus.FAILED
        assert "worker was lost" in str(job.error)
    assert office.sent_again() == 0
    assert office.stage() is Stage.FAILED


def test_a_lost_export_waits_for_its_queue_and_is_begun_anew_when_that_is_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id, job_run_id = killed_at(office, piece=1)
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(0))

    def refuse(job_run_id: int, *, queue: str) -> None:
        raise RedisError("the queue is away")

    with monkeypatch.context() as away:
        away.setattr(office.place.app.extensions["formroom.queue"], "put", refuse)
        assert office.sent_again() == 0
        assert office.stage() is Stage.LOST
    assert office.sent_again() == 1
    office.carry_out(job_run_id)
    assert_whole(office, export_id)


@pytest.mark.parametrize("at", ["_begin", "rows_before"])
def test_a_try_that_was_stopped_and_wakes_after_another_has_taken_its_job_over_leaves_that_one_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 30)
    export_id, job_run_id = ordered(office)

    def work() -> None:
        before(at, lambda: os.kill(os.getpid(), signal.SIGSTOP))
        office.carry_out(job_run_id)

    stopped = forked(work)
    assert os.WIFSTOPPED(os.waitpid(stopped, os.WUNTRACED)[1])
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(0))
    ended: list[int] = []

    def wake() -> None:
        os.kill(stopped, signal.SIGCONT)
        ended.append(os.waitpid(stopped, 0)[1])
        with office.session() as session:
            assert session.get_one(HistoryExport, export_id).rows == 0, "it has counted what it wrote too late"

    monkeypatch.setattr(exports, "_refuse_unless_allowed", exports._refuse_unless_allowed)
    before("_refuse_unless_allowed", wake)
    try:
        office.carry_out(job_run_id)
    finally:
        if not ended:
            os.kill(stopped, signal.SIGKILL)
            os.waitpid(stopped, 0)
    assert ended == [0], "it was told in the log that another had begun the job anew"
    assert_whole(office, export_id)


def before(name: str, act: Callable[[], None]) -> None:
    """Do something before the first call of a function of the exports, in this process."""
    function, done = getattr(exports, name), []

    def called(*args: Any, **kwargs: Any) -> Any:
        if not done:
            done.append(name)
            act()
        return function(*args, **kwargs)

    setattr(exports, name, called)
