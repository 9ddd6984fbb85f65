"""An emptied log is not taken for none: cold files and jobs say that there was more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from school_app.audit.batches import ARCHIVE, HOT
from school_app.audit.cold.models import ColdDay, ColdStatus
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import Folder
from school_app.audit.differences import Difference, Kind
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.sources import Tables
from school_app.audit.traces import SEALING_JOB
from school_app.audit.verify import EVERYTHING, Asked, verify
from school_app.core import clock
from school_app.core.jobs import JobRun
from tests.audit.cold.kept import FIRST_ID, archive, cooled, listed, old_rows, row, years_ago
from workers.schedule import TABLE


@pytest.fixture
def cold(at_work: Any, owners: list[int | None], place: Folder) -> Any:
    """A year in cold storage, and one row of today in the log."""
    at_work.execute(delete(HOT))
    archive(at_work, old_rows(years_ago(3), owners))
    cooled(at_work, place)
    at_work.execute(delete(HOT))
    at_work.execute(ARCHIVE.insert(), [row(2 * FIRST_ID, clock.now(), None)])
    return at_work


def found(session: Any, place: Folder, asked: Asked = EVERYTHING) -> list[Difference]:
    steps = verify(session, [Tables(session), Files(session, place)], asked)
    return [one for step in steps for one in step.differences]


def remove_seals(session: Any, *tables: Any) -> None:
    for table in (*tables, AuditSeal, SealRun):
        session.execute(delete(table))


@pytest.mark.parametrize("status", [ColdStatus.KEPT, ColdStatus.DESTROYED, ColdStatus.LOST])
def test_every_listed_day_of_a_cold_file_whose_seal_is_gone_is_named(
    cold: Any, place: Folder, owners: list[int | None], status: ColdStatus
) -> None:
    assert found(cold, place) == []
    days = {(one.school_id, one.day) for one in cold.scalars(select(ColdDay))}
    files = listed(cold)
    for one in files:
        one.status = status
    remove_seals(cold)
    wrong = found(cold, place)
    assert {(one.school_id, one.day) for one in wrong} == days
    assert {(one.kind, one.is_warning) for one in wrong} == {(Kind.BROKEN, False)}
    assert {one.within for one in wrong} == {one.path for one in files}
    assert {one.school_id for one in found(cold, place, Asked(schools=(owners[0],)))} == {owners[0]}
    assert found(cold, place, Asked(last=min(day for _, day in days) - timedelta(1))) == []


def test_a_listed_file_without_listed_days_has_to_lie_below_the_last_seal(cold: Any, place: Folder) -> None:
    remove_seals(cold, ColdDay)
    wrong = found(cold, place)
    assert {one.kind for one in wrong} == {Kind.BROKEN}
    assert len(wrong) == len(listed(cold))
    assert f"{listed(cold)[0].path} is listed with rows up to" in wrong[0].sentence


def test_the_hash_that_the_last_job_of_sealing_left_has_to_be_there(cold: Any, place: Folder) -> None:
    assert SEALING_JOB in {one.job for one in TABLE}
    newest = cold.scalars(select(SealRun).order_by(SealRun.up_to_id.desc())).first()
    for counts in ({"hash": "f" * 64}, {"runs": 1, "hash": newest.hash}, {"runs": 0, "rows": 0, "seals": 0}, None):
        cold.add(JobRun(name=SEALING_JOB, arguments={}, counts=counts, queued_at=clock.now()))
        cold.flush()
    assert found(cold, place) == []
    cold.add(JobRun(name=SEALING_JOB, arguments={}, counts={"hash": "e" * 64}, finished_at=clock.now()))
    cold.flush()
    (wrong,) = found(cold, place)
    assert (wrong.kind, wrong.day) == (Kind.BROKEN, clock.now().date())
    assert "has sealed up to the hash eeeeeeeeeeeeeeee…" in wrong.sentence
