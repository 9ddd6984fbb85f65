"""The jobs of the schedule in the embedded default, whose database has one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools
from workers import jobs, schedule


@pytest.fixture(scope="module")
def embedded(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app over SQLite."""
    path: Path = tmp_path_factory.mktemp("embedded") / "embedded.sqlite3"
    app = create_app(replace(settings, database_url=f"sqlite:///{path}"))
    with app.app_context():
        upgrade()
        yield app
        db.engine.dispose()


@pytest.mark.parametrize("name", sorted({entry.job for entry in schedule.TABLE}))
def test_every_job_of_the_schedule_is_done_on_sqlite(embedded: Flask, name: str) -> None:
    with embedded.app_context(), all_schools(db.session):
        job_run_id = enqueue_after_commit(db.session, name).id
        db.session.commit()
    with embedded.app_context():
        jobs.carry_out(job_run_id)
    with embedded.app_context(), all_schools(db.session):
        job = db.session.scalars(select(JobRun).where(JobRun.id == job_run_id)).one()
        assert (job.status, job.error) == (JobStatus.DONE, None)
