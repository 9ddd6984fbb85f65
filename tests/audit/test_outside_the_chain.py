"""Sealing runs and seals that no walk from the first to the last meets are told, and their hashes count for nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from school_app.audit.differences import Kind
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.traces import SEALING_JOB
from school_app.audit.verify import Asked
from school_app.core import clock
from school_app.core.jobs import JobRun, JobStatus
from tests.audit.sealing import FIRST, LAST, everywhere, sealed
from tests.audit.test_verify import change, found, nightly
from tests.factories import TwoSchools

__all__ = ["everywhere"]


def columns(model: type[Any], row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.__table__.c.keys() if name != "id"}  # noqa: SIM118


def sentences(session: Any, asked: Asked) -> list[str]:
    return [one.sentence for one in found(session, asked) if not one.is_warning]


@pytest.fixture
def forged(everywhere: Any, two_schools: TwoSchools) -> tuple[str, str]:
    """A log that was changed and sealed anew; the hashes that were kept of its last run and of a school's last seal."""
    ours = two_schools.ours.school.id
    nightly(everywhere, two_schools)
    run = everywhere.scalars(select(SealRun).order_by(SealRun.up_to_id.desc())).first()
    seal = everywhere.scalars(select(AuditSeal).where(AuditSeal.school_id == ours, AuditSeal.day == LAST)).one()
    of_run, of_seal = columns(SealRun, run), columns(AuditSeal, seal)
    change(everywhere, ours, FIRST)
    everywhere.execute(delete(AuditSeal))
    everywhere.execute(delete(SealRun))
    for back in range(3):
        sealed(everywhere, FIRST + timedelta(back + 1))
    assert of_run["hash"] not in everywhere.scalars(select(SealRun.hash)).all()
    assert sentences(everywhere, Asked()) == []
    for model, values in ((SealRun, of_run), (AuditSeal, of_seal)):
        everywhere.execute(insert(model).values({**values, "above_id": -10, "up_to_id": -9}))
    return of_run["hash"], of_seal["hash"]


def test_a_run_and_a_seal_outside_the_chain_are_told_and_their_hashes_do_not_count(
    everywhere: Any, two_schools: TwoSchools, forged: tuple[str, str]
) -> None:
    ours, (of_run, of_seal) = two_schools.ours.school.id, forged
    gone = "No seal has the hash that was kept: the newest ones were cut off, or all were made anew."
    for asked in (Asked(kept=of_run), Asked(kept=of_seal), Asked(schools=(ours,), kept=of_seal)):
        assert gone in sentences(everywhere, asked), asked
    told = sentences(everywhere, Asked())
    assert gone not in told
    assert any("up to row -9 lies outside the chain" in one for one in told), told
    assert "The seal belongs to no sealing run." in told


def test_the_hash_of_a_job_is_not_found_outside_the_chain(everywhere: Any, forged: tuple[str, str]) -> None:
    now = clock.now()
    job = JobRun(name=SEALING_JOB, arguments={}, status=JobStatus.DONE, counts={"hash": forged[0]}, finished_at=now)
    everywhere.add(job)
    everywhere.flush()
    said = f"Job {job.id} has sealed up to the hash {forged[0][:16]}…, which no sealing run has any more."
    assert said in sentences(everywhere, Asked())
    job.counts = {"hash": everywhere.scalars(select(SealRun.hash).where(SealRun.up_to_id > 0)).first()}
    everywhere.flush()
    assert not any(one.startswith(f"Job {job.id}") for one in sentences(everywhere, Asked()))


def test_a_second_seal_of_a_day_in_one_run_is_told(everywhere: Any, two_schools: TwoSchools) -> None:
    nightly(everywhere, two_schools)
    seal = everywhere.scalars(select(AuditSeal).where(AuditSeal.school_id.is_(None), AuditSeal.day == LAST)).one()
    # The key of a seal does not hold for the platform, whose school is NULL.
    everywhere.execute(insert(AuditSeal).values(columns(AuditSeal, seal)))
    differences = found(everywhere)
    assert (Kind.BROKEN, None, LAST, "The sealing run has more than one seal of this day.") in [
        (one.kind, one.school_id, one.day, one.sentence) for one in differences
    ]
