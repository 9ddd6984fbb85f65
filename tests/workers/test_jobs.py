"""Jobs: done once, in their school, with their counts or their error kept; sent again when they wait."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from school_app.accounts.models import Account, AccountStatus
from school_app.audit.archive import ArchiveBusy, SealsDiffer
from school_app.core.db.engines import SILENT_SECONDS
from school_app.core.jobs import QUEUES, JobRun, JobStatus, enqueue_after_commit, resolve
from school_app.core.queues import RqQueue
from school_app.core.tenancy import all_schools, current_school, enter_school
from school_app.schools.due import note_due
from school_app.summaries.models import FormDay
from tests.factories import ListQueue, TwoSchools
from workers import carrying, jobs, schedule
from workers.worker import make_worker


@pytest.fixture
def own_session(app: Any, two_schools: TwoSchools, session: Any) -> Any:
    """The session of an app context, as jobs use it, inside our school."""
    session.commit()
    with app.app_context():
        enter_school(jobs.db.session, two_schools.ours.school.id)
        yield jobs.db.session


def queued(session: Any, name: str, **arguments: Any) -> int:
    job_run_id = enqueue_after_commit(session, f"workers.jobs.{name}", **arguments).id
    session.commit()
    return job_run_id


def kept(session: Any, job_run_id: int) -> JobRun:
    with all_schools(session):
        session.expire_all()
        found: JobRun = session.scalars(select(JobRun).where(JobRun.id == job_run_id)).one()
        return found


def test_a_job_runs_in_its_school_and_keeps_its_counts(own_session: Any, two_schools: TwoSchools) -> None:
    job_run_id = queued(own_session, "evaluate_school")
    carrying.carry_out(job_run_id)
    done = kept(own_session, job_run_id)
    assert (done.status, done.attempts, done.counts["students"]) == (JobStatus.DONE, 1, 6)


def test_whoever_comes_second_does_nothing(own_session: Any, two_schools: TwoSchools) -> None:
    job_run_id = queued(own_session, "evaluate_school")
    carrying.carry_out(job_run_id)
    carrying.carry_out(job_run_id)
    assert kept(own_session, job_run_id).attempts == 1


def test_what_a_disabled_person_asked_for_is_not_done(own_session: Any, two_schools: TwoSchools) -> None:
    admin = two_schools.ours.admin.id
    for status, wanted in ((AccountStatus.ACTIVE, JobStatus.DONE), (AccountStatus.DISABLED, JobStatus.FAILED)):
        job_run_id = enqueue_after_commit(own_session, "workers.jobs.evaluate_school", requested_by=admin).id
        own_session.get(Account, admin).status = status
        own_session.commit()
        carrying.carry_out(job_run_id)
        assert kept(own_session, job_run_id).status is wanted
    assert "may no longer log in" in str(kept(own_session, job_run_id).error)


def test_a_fault_is_kept_with_its_words_and_a_passing_one_is_tried_again(
    own_session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("the reason")

    def pass_by() -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone away"))

    monkeypatch.setattr(jobs, "evaluate_school", fail)
    broken = queued(own_session, "evaluate_school")
    carrying.carry_out(broken)
    assert (kept(own_session, broken).status, kept(own_session, broken).error) == (
        JobStatus.FAILED,
        "ValueError: the reason",
    )
    monkeypatch.setattr(jobs, "evaluate_school", pass_by)
    again = queued(own_session, "evaluate_school")
    for _ in range(3):
        carrying.carry_out(again)
    assert (kept(own_session, again).status, kept(own_session, again).attempts) == (JobStatus.FAILED, 3)


def test_an_archive_run_that_met_another_is_tried_again_and_one_that_found_a_difference_is_not(
    own_session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, wanted in ((ArchiveBusy("busy"), JobStatus.QUEUED), (SealsDiffer("3 March"), JobStatus.FAILED)):

        def fail(error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(jobs, "archive_audit", fail)
        job_run_id = queued(own_session, "archive_audit")
        carrying.carry_out(job_run_id)
        assert kept(own_session, job_run_id).status is wanted


def test_the_school_is_left_after_a_job(own_session: Any, two_schools: TwoSchools) -> None:
    job_run_id = queued(own_session, "evaluate_school")
    enter_school(own_session, None)
    carrying.carry_out(job_run_id)
    assert current_school(own_session) is None


def test_only_public_functions_of_the_jobs_are_jobs() -> None:
    for name in ("os.system", "workers.jobs._today", "workers.schedule.main"):
        with pytest.raises(LookupError):
            resolve(name)


def test_every_scheduled_job_exists() -> None:
    for entry in schedule.TABLE:
        assert callable(resolve(entry.job))


def test_a_slot_is_the_latest_time_the_entry_was_due() -> None:
    entry = schedule.Entry("a", "workers.jobs.archive_audit", "02:15")
    assert entry.slot(datetime(2026, 3, 2, 2, 15, tzinfo=UTC)) == "2026-03-02"
    assert entry.slot(datetime(2026, 3, 2, 2, 14, tzinfo=UTC)) == "2026-03-01"


def test_two_schedulers_enqueue_once(app: Any, own_session: Any, settings: Any, two_schools: TwoSchools) -> None:
    from redis import Redis

    enter_school(own_session, None)
    monday = datetime(2026, 3, 2, 12, tzinfo=UTC)
    first = schedule.RedisSlots(Redis.from_url(settings.redis_url))
    second = schedule.RedisSlots(Redis.from_url(settings.redis_url))
    assert first.leads()
    assert not second.leads()
    assert len(list(schedule.due(first, monday))) == len(schedule.TABLE)
    assert list(schedule.due(second, monday)) == []
    assert len(list(schedule.due(second, monday + timedelta(days=1)))) == len(schedule.TABLE)


def test_jobs_that_wait_are_sent_again(app: Any, own_session: Any, two_schools: TwoSchools) -> None:
    job_run_id = queued(own_session, "evaluate_school")
    queue: ListQueue = app.extensions["formroom.queue"]
    queue.sent.clear()
    with all_schools(own_session):
        assert jobs.resend_waiting() == {"sent": 0}
        kept(own_session, job_run_id).queued_at = datetime.now(UTC) - timedelta(minutes=2)
        own_session.flush()
        assert jobs.resend_waiting() == {"sent": 1}
    assert queue.sent == [(job_run_id, "default")]


def test_a_job_that_failed_twice_waits_until_the_locks_of_a_lost_host_are_gone(
    own_session: Any, two_schools: TwoSchools
) -> None:
    job_run_id = queued(own_session, "evaluate_school")
    for minutes, sent in ((2, 0), (6, 1)):
        job = kept(own_session, job_run_id)
        with all_schools(own_session):
            job.attempts, job.queued_at = 2, datetime.now(UTC) - timedelta(minutes=minutes)
            own_session.flush()
            assert jobs.resend_waiting() == {"sent": sent}
    assert jobs.WAITS_LONGER.total_seconds() >= SILENT_SECONDS


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_takes_a_job_and_a_worker_may_serve_it_alone(app: Any, settings: Any, queue: str) -> None:
    from redis import Redis

    RqQueue(Redis.from_url(settings.redis_url)).put(1, queue=queue)
    served = make_worker(app, [queue]).queues
    assert [(one.name, one.count) for one in served] == [(queue, 1)]


def test_what_is_due_several_times_a_day_is_due_from_midnight_on() -> None:
    entry = schedule.Entry("often", "workers.jobs.refresh_all_summaries", every=15)
    slots = [entry.slot(datetime(2026, 3, 2, 9, minute, 59, tzinfo=UTC)) for minute in (0, 14, 15, 59)]
    assert slots == ["2026-03-02T09:00", "2026-03-02T09:00", "2026-03-02T09:15", "2026-03-02T09:45"]


def test_schools_of_which_something_is_due_are_counted_and_no_others(
    app: Any, own_session: Any, two_schools: TwoSchools
) -> None:
    def waiting() -> list[int | None]:
        gone = delete(JobRun).where(JobRun.name.like("%summaries"))
        with all_schools(own_session):
            own_session.execute(gone, execution_options={"synchronize_session": False})
            own_session.commit()
            jobs.refresh_all_summaries()
            own_session.commit()
            rows = own_session.execute(select(JobRun.id, JobRun.school_id).where(JobRun.name.like("%summaries")))
            found = {school_id: id_ for id_, school_id in rows}
        for id_ in found.values():
            carrying.carry_out(id_)
        return sorted(found)

    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    assert waiting() == sorted([ours, theirs])
    assert waiting() == []
    enter_school(own_session, ours)
    note_due(own_session, date(2026, 3, 2), None)
    own_session.flush()
    assert waiting() == [ours]


def test_summaries_that_are_wrong_fail_the_nightly_check_by_name(own_session: Any, two_schools: TwoSchools) -> None:
    carrying.carry_out(queued(own_session, "check_summaries"))
    enter_school(own_session, two_schools.ours.school.id)
    own_session.execute(update(FormDay).values(present=9), execution_options={"synchronize_session": False})
    wrong = queued(own_session, "check_summaries")
    carrying.carry_out(wrong)
    assert kept(own_session, wrong).status is JobStatus.FAILED
    assert f"{two_schools.ours.form.name}: present is 9, the rows say" in str(kept(own_session, wrong).error)
