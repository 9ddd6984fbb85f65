"""The jobs of the schedule in the embedded default, whose database has one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, insert, inspect, select, text

from school_app import create_app
from school_app.audit.models import READ_BY, ArchivedAuditRow, AuditRow, reading_index
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools
from tests.databases import embedded_app
from workers import carrying, jobs, schedule


@pytest.fixture(scope="module")
def embedded(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app over SQLite."""
    with embedded_app(settings, tmp_path_factory.mktemp("embedded")) as app:
        yield app


@pytest.mark.parametrize("name", sorted({entry.job for entry in schedule.TABLE}))
def test_every_job_of_the_schedule_is_done_on_sqlite(embedded: Flask, name: str) -> None:
    with embedded.app_context(), all_schools(db.session):
        job_run_id = enqueue_after_commit(db.session, name).id
        db.session.commit()
    with embedded.app_context():
        carrying.carry_out(job_run_id)
    with embedded.app_context(), all_schools(db.session):
        job = db.session.scalars(select(JobRun).where(JobRun.id == job_run_id)).one()
        assert (job.status, job.error) == (JobStatus.DONE, None)


def test_no_number_of_an_archived_audit_row_is_given_again(embedded: Flask) -> None:
    long_ago = clock.now() - timedelta(days=400)
    with embedded.app_context(), all_schools(db.session):
        db.session.execute(insert(AuditRow).values(created_at=long_ago, actor_name="the last before", event="deletion"))
        highest = db.session.scalar(select(func.max(AuditRow.id)))
        db.session.commit()
        jobs.archive_audit()
        assert db.session.scalar(select(func.max(ArchivedAuditRow.id))) == highest
        db.session.execute(insert(AuditRow).values(created_at=long_ago, actor_name="the next", event="deletion"))
        assert (db.session.scalar(select(func.max(AuditRow.id))) or 0) > (highest or 0)
        db.session.commit()


def test_numbers_go_on_above_those_of_a_database_that_did_not_remember_them(settings: Settings, tmp_path: Path) -> None:
    app = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'before.sqlite3'}"))
    columns, values = "id, created_at, actor_name, event", "'2026-01-01', 'somebody', 'deletion'"
    with app.app_context():
        upgrade(revision="0021")
        with db.engine.begin() as connection:
            connection.execute(text(f"INSERT INTO audit_log ({columns}) VALUES (3, {values})"))
            connection.execute(text(f"INSERT INTO audit_log_archive ({columns}) VALUES (70, {values})"))
        upgrade()
        with db.engine.begin() as connection:
            connection.execute(text(f"INSERT INTO audit_log ({columns[4:]}) VALUES ({values})"))
            assert connection.execute(text("SELECT id FROM audit_log ORDER BY id")).scalars().all() == [3, 71]
        indexes = {one["name"] for one in inspect(db.engine).get_indexes("audit_log")}
        assert indexes == {reading_index(way) for way in READ_BY}
        db.engine.dispose()
