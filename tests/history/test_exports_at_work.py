"""Exports where commits are real: asked for at once, and killed with their worker."""

from __future__ import annotations

import csv
import io
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from school_app.accounts.login import load_viewer
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.config import Settings
from school_app.core import claims, clock
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools, use_school
from school_app.history import exports
from school_app.history.export_routes import JOB
from school_app.history.filters import asked
from school_app.history.models import ExportFormat, ExportStatus, HistoryExport
from tests import worlds
from tests.audit.cold.breaking import in_a_child, kill
from tests.audit.places import Place, place_of_its_own
from workers import jobs


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

    def carry_out(self, job_run_id: int) -> None:
        """Do a job as a worker does."""
        with self.place.app.app_context():
            jobs.carry_out(job_run_id)


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


def killed_at(office: Office, piece: int) -> tuple[int, int]:
    """An export of a hundred rows, killed while it writes a piece; the ids of the export and its job."""
    with office.session() as session:
        start = clock.now() - timedelta(days=1)
        rows = [
            {"created_at": start - timedelta(minutes=number), "actor_name": "x", "event": "x.happened"}
            for number in range(100)
        ]
        session.execute(insert(AuditRow), rows)
        export = office.ask(session)
        job = enqueue_after_commit(session, JOB, queue="slow", export_id=export.id)
        found = (export.id, job.id)
        session.commit()
    finish_piece, pieces = exports._progress, []

    def progress(*args: Any) -> None:
        pieces.append(args)
        finish_piece(*args)
        if len(pieces) == piece:
            kill()

    def work() -> None:
        exports._progress = progress
        office.carry_out(found[1])

    with office.place.app.app_context():
        # A child must not speak on its parent's connections.
        db.engine.dispose()
    assert in_a_child(work) == -signal.SIGKILL
    return found


def test_an_export_whose_worker_is_killed_says_so_and_is_whole_when_it_is_begun_anew(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 30)
    export_id, job_run_id = killed_at(office, piece=3)
    with office.session() as session:
        export = session.get_one(HistoryExport, export_id)
        assert (export.status, export.rows) == (ExportStatus.RUNNING, 60)
        assert not exports.is_silent(export)
        monkeypatch.setattr(exports, "SILENT_AFTER", timedelta(0))
        assert exports.is_silent(export)
        assert [path.name for path in office.folder.iterdir()] == [f"{export.stored_as}.part"]
    office.carry_out(job_run_id)
    with office.session() as session:
        assert session.get_one(JobRun, job_run_id).status is JobStatus.RUNNING, "it might be at work still"
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(0))
    office.carry_out(job_run_id)
    with office.session() as session:
        job, export = session.get_one(JobRun, job_run_id), session.get_one(HistoryExport, export_id)
        assert (job.status, job.attempts) == (JobStatus.DONE, 2)
        assert (export.status, export.rows) == (ExportStatus.DONE, 100)
        assert not exports.is_silent(export)
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


def test_a_lost_export_is_sent_again_and_given_up_after_three_tries(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, job_run_id = killed_at(office, piece=1)

    def sent() -> int:
        with office.place.app.app_context(), all_schools(db.session):
            return int(jobs.resend_waiting()["sent"])

    assert sent() == 0
    monkeypatch.setattr(claims, "SILENT_AFTER", timedelta(0))
    assert sent() == 1
    with office.session() as session:
        session.get_one(JobRun, job_run_id).attempts = jobs.MOST_ATTEMPTS
        session.commit()
    office.carry_out(job_run_id)
    with office.session() as session:
        job = session.get_one(JobRun, job_run_id)
        assert job.status is JobStatus.FAILED
        assert "worker was lost" in str(job.error)
    assert sent() == 0


def test_a_try_that_was_taken_for_lost_stops_and_leaves_the_next_one_alone(office: Office) -> None:
    with office.session() as session:
        session.execute(
            insert(AuditRow),
            [{"created_at": clock.now() - timedelta(days=1), "actor_name": "x", "event": "x.happened"}],
        )
        export_id = office.ask(session).id
        session.commit()
    settings = office.place.app.config["FORMROOM"]
    with office.session() as session, office.session() as other:
        first = exports.write(session, settings, export_id)
        next(first)
        session.commit()
        for _ in exports.write(other, settings, export_id):
            other.commit()
        other.commit()
        with pytest.raises(exports.WrittenElsewhere) as stopped:
            list(first)
        session.rollback()
        exports.fail(session, export_id, stopped.value, is_tried_again=False)
        session.commit()
        export = other.get_one(HistoryExport, export_id, populate_existing=True)
        assert (export.status, export.rows) == (ExportStatus.DONE, 1)
        assert [path.name for path in office.folder.iterdir()] == [export.stored_as]
