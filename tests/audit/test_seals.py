"""Seals: every finished day of every school is sealed once, in a chain, and what differs from its seal is found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from school_app.audit import seals
from school_app.audit.models import ArchivedAuditRow, AuditRow, AuditSeal, SealRun
from school_app.audit.seal_texts import NOTHING_BEFORE, seal_text, text_hash
from school_app.audit.seals import Kind, differences, newest, seal, sealed_up_to
from school_app.audit.sources import TABLES
from school_app.core.tenancy import all_schools
from tests.audit.sealing import FIRST, LAST, everywhere, sealed, write, write_days
from tests.factories import TwoSchools

__all__ = ["everywhere"]


def kinds(session: Any, first: date = FIRST, last: date = LAST) -> list[tuple[Kind, date]]:
    return [(one.kind, one.day) for one in differences(session, TABLES, first, last)]


def test_every_school_and_day_has_a_seal_and_the_platform_too(everywhere: Any, two_schools: TwoSchools) -> None:
    ids = write_days(everywhere, two_schools)
    (run,) = sealed(everywhere)
    found = everywhere.scalars(select(AuditSeal)).all()
    assert (run.rows, run.seals, run.above_id, run.up_to_id, run.complete_before) == (
        27,
        9,
        0,
        ids[-1],
        date(2025, 3, 4),
    )
    assert {(one.school_id, one.day, one.rows) for one in found} == {
        (school_id, FIRST + timedelta(back), 3)
        for back in range(3)
        for school_id in (two_schools.ours.school.id, two_schools.theirs.school.id, None)
    }
    assert sealed_up_to(everywhere) == ids[-1]
    assert kinds(everywhere) == []


def test_the_second_run_changes_nothing_and_what_is_empty_keeps_its_place(
    everywhere: Any, two_schools: TwoSchools
) -> None:
    assert sealed(everywhere) == []
    assert sealed_up_to(everywhere) == 0
    write_days(everywhere, two_schools)
    sealed(everywhere)
    before = sealed_up_to(everywhere)
    assert sealed(everywhere) == []
    assert sealed(everywhere, LAST + timedelta(9)) == []
    assert sealed_up_to(everywhere) == before


def test_the_present_day_is_not_sealed(everywhere: Any, two_schools: TwoSchools) -> None:
    ids = write(everywhere, two_schools.ours.school.id, LAST)
    write(everywhere, two_schools.ours.school.id, datetime.now(UTC).date())
    assert [run.up_to_id for run in seal(everywhere)] == [ids[-1]]


def test_a_day_that_has_just_ended_waits_for_its_last_transactions(
    everywhere: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(everywhere, two_schools.ours.school.id, LAST)
    for minutes, expected in ((29, 0), (31, 1)):
        now = datetime(2025, 3, 4, 0, minutes, tzinfo=UTC)
        monkeypatch.setattr(seals.clock, "now", lambda now=now: now)
        assert len(list(seal(everywhere))) == expected


def test_a_schools_seals_form_a_chain(everywhere: Any, two_schools: TwoSchools) -> None:
    for back in range(3):
        write(everywhere, two_schools.ours.school.id, FIRST + timedelta(back))
        write(everywhere, None, FIRST + timedelta(back))
        sealed(everywhere, FIRST + timedelta(back + 1))
    for school_id in (two_schools.ours.school.id, None):
        chain = everywhere.scalars(
            select(AuditSeal).where(AuditSeal.school_id.is_not_distinct_from(school_id)).order_by(AuditSeal.up_to_id)
        ).all()
        assert [one.previous for one in chain] == [NOTHING_BEFORE, chain[0].hash, chain[1].hash]
        assert all(one.hash == text_hash(seal_text(one)) for one in chain)
    runs = everywhere.scalars(select(SealRun).order_by(SealRun.up_to_id)).all()
    assert [run.above_id for run in runs] == [0, runs[0].up_to_id, runs[1].up_to_id]
    assert [run.previous for run in runs] == [NOTHING_BEFORE, runs[0].hash, runs[1].hash]


def test_an_old_log_is_sealed_in_pieces_its_archive_included(
    everywhere: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = write_days(everywhere, two_schools)
    everywhere.execute(text(f"INSERT INTO audit_log_archive SELECT * FROM audit_log WHERE id < {ids[12]}"))
    everywhere.execute(text(f"DELETE FROM audit_log WHERE id < {ids[12]}"))
    monkeypatch.setattr(seals, "MOST_ROWS", 5)
    runs = sealed(everywhere)
    assert [run.up_to_id for run in runs] == [ids[4], ids[9], ids[16], ids[21], ids[26]]
    assert [run.complete_before for run in runs] == [*[None] * 4, date(2025, 3, 4)]
    assert sum(run.rows for run in runs) == 27
    assert kinds(everywhere) == []


def test_a_late_row_gets_a_seal_of_its_own(everywhere: Any, two_schools: TwoSchools) -> None:
    school_id = two_schools.ours.school.id
    write(everywhere, school_id, FIRST)
    sealed(everywhere)
    late = write(everywhere, school_id, FIRST, 1)
    write(everywhere, school_id, LAST + timedelta(1))
    sealed(everywhere, LAST + timedelta(2))
    found = everywhere.scalars(select(AuditSeal).where(AuditSeal.day == FIRST).order_by(AuditSeal.up_to_id)).all()
    assert [(one.rows, one.first_id) for one in found[1:]] == [(1, late[0])]
    assert kinds(everywhere) == []


def test_where_a_sealed_row_lies_makes_no_difference(everywhere: Any, two_schools: TwoSchools) -> None:
    ids = write_days(everywhere, two_schools)
    sealed(everywhere)
    everywhere.execute(text(f"INSERT INTO audit_log_archive SELECT * FROM audit_log WHERE id < {ids[12]}"))
    assert {kind for kind, _ in kinds(everywhere)} == {Kind.EXTRA}
    everywhere.execute(text(f"DELETE FROM audit_log WHERE id < {ids[12]}"))
    assert kinds(everywhere) == []
    archive = [ArchivedAuditRow.__table__]
    assert differences(everywhere, archive, FIRST, FIRST) == []  # type: ignore[arg-type]
    assert {one.kind for one in differences(everywhere, archive, FIRST, LAST)} == {Kind.MISSING}  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [FIRST, FIRST + timedelta(1)])
def test_what_differs_is_named_with_its_day(everywhere: Any, two_schools: TwoSchools, first: date) -> None:
    ids = write_days(everywhere, two_schools)
    sealed(everywhere)
    second = FIRST + timedelta(1)
    everywhere.execute(update(AuditRow).where(AuditRow.id == ids[9]).values(actor_name="angstrom"))
    assert kinds(everywhere, first, second) == [(Kind.DIFFERS, second)]
    everywhere.execute(delete(AuditRow).where(AuditRow.id == ids[10]))
    assert kinds(everywhere, first, second) == [(Kind.MISSING, second)]


def test_a_row_put_among_sealed_ones_is_found(everywhere: Any, two_schools: TwoSchools) -> None:
    ids = write_days(everywhere, two_schools)
    sealed(everywhere)
    everywhere.execute(delete(AuditRow).where(AuditRow.id == ids[13]))
    moment = datetime(2025, 2, 27, 9, tzinfo=UTC)
    values = {"school_id": two_schools.ours.school.id, "actor_name": "x", "event": "x", "created_at": moment}
    everywhere.add(AuditRow(id=ids[13], **values))
    everywhere.flush()
    assert kinds(everywhere, moment.date(), moment.date()) == [(Kind.EXTRA, moment.date())]
    assert kinds(everywhere) == [(Kind.MISSING, FIRST + timedelta(1))]


@pytest.mark.parametrize("name", ["rows", "last_id", "digest", "previous", "sealed_at"])
def test_a_seal_that_was_edited_is_found(everywhere: Any, two_schools: TwoSchools, name: str) -> None:
    write_days(everywhere, two_schools)
    sealed(everywhere)
    one = everywhere.scalars(select(AuditSeal).where(AuditSeal.day == FIRST)).first()
    before = getattr(one, name)
    other = before[::-1] if isinstance(before, str) else before + (timedelta(1) if name == "sealed_at" else 1)
    if name == "previous":
        other = "1" + before[1:]
    everywhere.execute(update(AuditSeal).where(AuditSeal.id == one.id).values({name: other}))
    assert (Kind.BROKEN, FIRST) in kinds(everywhere, FIRST, FIRST)


def test_a_school_sees_its_own_newest_seal(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        session.execute(delete(AuditRow))
        write_days(session, two_schools)
        sealed(session)
    found = newest(session)
    assert found is not None
    assert (found.school_id, found.day) == (two_schools.ours.school.id, LAST)
