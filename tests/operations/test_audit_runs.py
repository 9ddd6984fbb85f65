"""What operators see of the archive of the audit log, and of what failed at night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from school_app.archiving.lease import LEASE
from school_app.archiving.models import ArchiveLease
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.tenancy import all_schools
from school_app.operations import queries
from tests.factories import TwoSchools
from tests.visits import log_in
from workers import schedule


def now() -> datetime:
    """Asked when a test runs, which may be long after this file was read."""
    return datetime.now(UTC)


def write_run(session: Any, minutes_ago: int, **values: Any) -> None:
    started = now() - timedelta(minutes=minutes_ago)
    kept = {"cutoff": now() - timedelta(days=90), "fencing_token": 1, "started_by": "a worker", "method": "batches"}
    session.add(ArchiveRun(**{**kept, "started_at": started, **values}))
    session.flush()


def write_job(session: Any, name: str, minutes_ago: int, status: JobStatus, error: str | None = None) -> JobRun:
    moment = now() - timedelta(minutes=minutes_ago)
    made = JobRun(
        name=f"workers.jobs.{name}", arguments={}, status=status, queued_at=moment, finished_at=moment, error=error
    )
    session.add(made)
    session.flush()
    return made


def hold_lease(session: Any, minutes: int) -> None:
    session.add(ArchiveLease(name=LEASE, token=1, holder="a worker", expires_at=now() + timedelta(minutes=minutes)))
    session.flush()


def test_a_run_under_way_says_how_far_it_is(client: Any, session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        write_run(session, 500, status=RunStatus.FAILED, finished_at=now(), error="SealsDiffer: 3 March differs")
        write_run(session, 5, expected=4_000, moved=1_000, waits_for="db2:3306, 7 s behind", waited=65)
        hold_lease(session, 5)
    log_in(client, two_schools.operator)
    page = client.get("/platform/audit-runs").text
    assert "25 % of 4,000" in page
    assert "waits for db2:3306, 7 s behind" in page
    assert "waited 1 min 05 s for replicas" in page
    assert 'http-equiv="refresh"' in page
    assert page.index("25 % of") < page.index("SealsDiffer: 3 March differs")


def test_a_run_whose_lease_is_over_was_broken_off(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        write_run(session, 60)
        hold_lease(session, -1)
        assert [run.state for run in queries.archive_runs(session).rows] == ["broken off"]


def test_runs_go_on_over_pages(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        for number in range(queries.RUNS_A_PAGE + 3):
            write_run(session, number, status=RunStatus.DONE, moved=number)
        first = queries.archive_runs(session)
        second = queries.archive_runs(session, cursor=first.next)
    assert [run.moved for run in (*first.rows, *second.rows)] == list(range(queries.RUNS_A_PAGE + 3))


def test_what_failed_at_night_stands_on_every_page_of_operators_until_it_is_done(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    with all_schools(session):
        write_job(session, "archive_audit", 50, JobStatus.DONE)
        write_job(session, "archive_audit", 40, JobStatus.FAILED, "UnknownColumns: audit_log has columns")
        write_job(session, "seal_audit", 40, JobStatus.FAILED, "an error of sealing")
        write_job(session, "seal_audit", 30, JobStatus.DONE)
    log_in(client, two_schools.operator)
    for address in ("/platform/schools", "/platform/jobs?status=done", "/platform/audit-runs"):
        page = client.get(address).text
        assert "UnknownColumns: audit_log has columns" in page
        assert "an error of sealing" not in page
    with all_schools(session):
        write_job(session, "archive_audit", 10, JobStatus.DONE)
    assert "UnknownColumns" not in client.get("/platform/audit-runs").text


@pytest.mark.parametrize(
    "name", ["keep_audit_partitions", "seal_audit", "archive_audit", "cool_audit", "destroy_audit"]
)
def test_a_failure_of_any_job_that_keeps_the_audit_log_is_seen(
    client: Any, session: Any, two_schools: TwoSchools, name: str
) -> None:
    with all_schools(session):
        write_job(session, name, 10, JobStatus.FAILED, f"what went wrong with {name}")
    log_in(client, two_schools.operator)
    assert f"what went wrong with {name}" in client.get("/platform/audit-runs").text


def test_every_job_of_the_schedule_that_works_on_the_audit_log_is_watched() -> None:
    assert {entry.job for entry in schedule.TABLE if "audit" in entry.job} == {
        job for job in queries.WATCHED if "audit" in job
    }


def test_a_job_that_failed_at_one_school_is_seen_though_another_school_has_done_it_since(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    with all_schools(session):
        failed = write_job(session, "check_summaries", 3, JobStatus.FAILED, "9A: present is 9, the rows say 2")
        done = write_job(session, "check_summaries", 2, JobStatus.DONE)
        failed.school_id, done.school_id = two_schools.ours.school.id, two_schools.theirs.school.id
        session.commit()
    log_in(client, two_schools.operator)
    assert "9A: present is 9, the rows say 2" in client.get("/platform/audit-runs").text


def test_only_operators_see_the_archive(client: Any, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.admin)
    assert client.get("/platform/audit-runs").status_code == 403
