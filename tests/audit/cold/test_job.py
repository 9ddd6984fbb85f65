"""The nightly job that takes years to cold storage: what fails for a passing reason is tried again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from school_app.archiving.models import ArchiveLease
from school_app.audit.cold.models import ColdStatus
from school_app.audit.cold.store import store
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools
from tests.audit.cold.kept import begin_with, everywhere, listed, old_rows, years_ago
from workers.carrying import carry_out
from workers.schedule import TABLE


@pytest.fixture
def waiting(apart: Flask, committed: Any) -> Any:
    """Old rows in the archive of a database of its own."""
    begin_with(committed, old_rows(years_ago(3), [11, None]))
    return committed


def job(session: Any, name: str = "cool_audit") -> int:
    enqueue_after_commit(session, f"workers.jobs.{name}", queue="slow")
    session.commit()
    return int(session.scalars(select(JobRun.id).order_by(JobRun.id.desc())).first())


def test_the_job_is_on_the_schedule_after_the_archive_run() -> None:
    at = {entry.job: entry.at for entry in TABLE}
    assert at["workers.jobs.seal_audit"] < at["workers.jobs.archive_audit"] < at["workers.jobs.cool_audit"]


def test_the_job_takes_what_is_past_its_time(apart: Flask, waiting: Any) -> None:
    before, number = everywhere(waiting, store()), job(waiting)  # type: ignore[arg-type]
    carry_out(number)
    waiting.rollback()
    with all_schools(waiting):
        done = waiting.get_one(JobRun, number)
        assert (done.status, done.counts) == (JobStatus.DONE, {"moved": 16, "files": 2})
        assert {one.status for one in listed(waiting)} == {ColdStatus.KEPT}
        assert everywhere(waiting, store()) == before  # type: ignore[arg-type]


def test_a_run_that_fails_for_a_passing_reason_is_tried_again_and_the_next_goes_on(
    apart: Flask, waiting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = job(waiting)
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", _full)
        carry_out(number)
    waiting.rollback()
    with all_schools(db.session):
        assert waiting.get_one(JobRun, number).status is JobStatus.QUEUED
        run = waiting.scalars(select(ArchiveRun)).one()
        assert (run.status, run.method) == (RunStatus.FAILED, "cold")
        assert waiting.scalar(select(ArchiveLease.holder).where(ArchiveLease.name == "audit")) is None
        waiting.commit()
        carry_out(number)
        waiting.rollback()
        assert waiting.get_one(JobRun, number).status is JobStatus.DONE
        assert sorted(store().paths()) == sorted(one.path for one in listed(waiting))


def test_what_a_job_did_says_which_job_it_was(apart: Flask, committed: Any) -> None:
    begin_with(committed, old_rows(years_ago(12), [11, None]))
    numbers = {}
    for method, name in {"cold": "cool_audit", "destruction": "destroy_audit"}.items():
        numbers[method] = job(committed, name)
        carry_out(numbers[method])
        committed.rollback()
    with all_schools(committed):
        found = committed.execute(select(ArchiveRun.method, ArchiveRun.job_id, ArchiveRun.moved)).all()
    assert {tuple(one) for one in found} == {(method, str(number), 16) for method, number in numbers.items()}


def _full(descriptor: int) -> None:
    raise OSError(28, "No space left on device", str(Path("cold")))
