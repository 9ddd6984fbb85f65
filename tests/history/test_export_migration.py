"""Exports that were asked for before they named their jobs: how far they were stays known, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from school_app.config import Settings
from school_app.core.db import db
from tests.migrating import WHERE, put, release_at

NOON = datetime(2026, 11, 20, 12)
# The state of an export with that of its job, and what comes back for it: what is not given up is begun anew.
STATES = {
    "waiting": ("queued", "waiting"),
    "running": ("running", "waiting"),
    "done": ("done", "done"),
    "failed": ("failed", "failed"),
}


@pytest.fixture(params=WHERE)
def before(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    """An app over a database of the release before."""
    with release_at("0030", settings, tmp_path, where=request.param) as app:
        yield app


def kept(what: str) -> list[Any]:
    """Some columns of all exports, in the order in which they were asked for."""
    with db.engine.connect() as connection:
        return list(connection.execute(sa.text(f"SELECT {what} FROM history_export ORDER BY id")))


def broken_off_before_it_was_noted(revision: str) -> None:
    """What a migration leaves that did its work, and was killed before its number was noted."""
    with db.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_exports_find_their_jobs_and_are_as_far_as_these_there_and_back_as_often_as_it_takes(before: Flask) -> None:
    with db.engine.begin() as connection:
        school = put(connection, "school", slug="s", name="S", timezone="UTC", session_scheme="day", created_at=NOON)
        put(connection, "job_run", name="workers.jobs.seal_audit", arguments="{}", queued_at=NOON, status="done")
        common = {"school_id": school, "created_at": NOON, "format": "csv", "chosen": "{}"}
        jobs = []
        for status, (of_job, _) in STATES.items():
            ended = NOON if status in ("done", "failed") else None
            export = put(connection, "history_export", **common, status=status, finished_at=ended)
            job = {"name": "workers.jobs.export_history", "arguments": f'{{"export_id":{export}}}', "status": of_job}
            jobs.append(put(connection, "job_run", **job, queue="slow", queued_at=NOON))
    upgrade(revision="0031")
    found = kept("job_run_id, finished_at IS NOT NULL")
    assert found == [(job, status == "done") for job, status in zip(jobs, STATES, strict=True)]
    broken_off_before_it_was_noted("0030")
    upgrade(revision="0031")
    assert kept("job_run_id, finished_at IS NOT NULL") == found
    downgrade(revision="0030")
    broken_off_before_it_was_noted("0031")
    downgrade(revision="0030")
    assert [row.status for row in kept("status")] == [back for _, back in STATES.values()]
    upgrade(revision="0031")
    assert kept("job_run_id, finished_at IS NOT NULL") == found
