"""What is past its time is destroyed on record, a hold stops it at every step, and only that passes verification."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from school_app.audit.batches import HOT
from school_app.audit.cold.giving_up import GivingUp
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.reading import readable
from school_app.audit.cold.restoring import Restoring
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.differences import Kind
from school_app.audit.events import Event
from school_app.audit.models import ArchiveRun, AuditRow, RunStatus
from school_app.audit.retention import queries, service
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.retention.destroying import Destroying, NotAllDestroyed
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DataClass, InvalidRetention, in_force, is_past
from school_app.audit.sources import Tables
from school_app.audit.verify import verify
from school_app.core import clock
from tests.audit.cold.kept import FIRST_ID, archive, cooled, free, listed, old_rows, say_long_ago, years_ago
from tests.factories import TwoSchools

WHY = "A court has asked for the records"


@pytest.fixture
def cold(app: Any, at_work: Any, owners: list[int | None], place: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two years of two schools and the platform in cold storage; the older one is past its time."""
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    with app.app_context():
        at_work.execute(delete(HOT))
        archive(at_work, old_rows(years_ago(12), owners))
        archive(at_work, old_rows(years_ago(5), owners, first_id=FIRST_ID + 1000))
        cooled(at_work, place)
        yield at_work


def run(session: Any, place: Folder) -> Destroying:
    found = Destroying(session, place, "a test")
    for _ in found.steps():
        session.flush()
    return found


def missing(session: Any, place: Folder) -> set[tuple[int | None, int]]:
    """The school years of which the verification finds rows missing or other."""
    steps = verify(session, [Tables(session), Files(session, place), Destroyed(session)])
    kinds = (Kind.MISSING, Kind.DIFFERS, Kind.BROKEN)
    return {(one.school_id, one.day.year) for step in steps for one in step.differences if one.kind in kinds}


def gone(session: Any) -> list[ColdFile]:
    return [one for one in listed(session) if one.status is ColdStatus.DESTROYED]


def test_what_is_past_its_time_is_destroyed_on_record_and_verifies(cold: Any, place: Folder) -> None:
    assert missing(cold, place) == set()
    found = run(cold, place)
    assert (found.rows, found.held, {one.year for one in gone(cold)}) == (24, [], {years_ago(12)})
    assert found.files == len(gone(cold))
    (told_of,) = [one for one in cold.scalars(select(ArchiveRun)) if one.method == "destruction"]
    assert (told_of.status, told_of.expected, told_of.moved, told_of.batches) == (RunStatus.DONE, 24, 24, found.files)
    assert set(place.paths()) == {one.path for one in listed(cold) if one.status is ColdStatus.KEPT}
    told = cold.scalars(select(AuditRow).where(AuditRow.event == Event.ROWS_DESTROYED)).all()
    assert sorted((one.school_id or 0, one.changes["digest"][1]) for one in told) == sorted(
        (one.school_id or 0, one.digest) for one in gone(cold)
    )
    assert all("kept for 10 years: " in one.reason and one.changes["years"] == [None, 10] for one in told)
    assert missing(cold, place) == set()
    assert run(cold, place).rows == 0


def test_a_hold_on_a_school_keeps_its_files_and_no_others(cold: Any, place: Folder, two_schools: TwoSchools) -> None:
    ours = two_schools.ours.school.id
    hold = service.set_hold(cold, school_id=ours, student_id=None, reason=WHY, by="Ada")
    found = run(cold, place)
    assert (found.rows, len(found.held)) == (16, len([one for one in listed(cold) if one.school_id == ours]) // 2)
    assert ours not in {one.school_id for one in gone(cold)}
    assert WHY in found.held[0]
    service.release_hold(cold, hold.id, reason="The case is closed", by="Ada")
    assert run(cold, place).rows == 8
    assert missing(cold, place) == set()


def test_a_hold_on_a_student_keeps_the_files_that_name_the_student(
    cold: Any, place: Folder, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = two_schools.ours
    named: dict[str, set[int]] = {}
    monkeypatch.setattr(
        "school_app.audit.cold.files.students_in", lambda where, path: named.get(path, {ours.student.id + 1000})
    )
    mine = [one for one in listed(cold) if one.school_id == ours.school.id and one.year == years_ago(12)]
    named[mine[0].path] = {ours.student.id}
    service.set_hold(cold, school_id=ours.school.id, student_id=ours.student.id, reason=WHY, by="Ada")
    found = run(cold, place)
    assert [one.split(":")[0] for one in found.held] == [mine[0].path]
    assert found.rows == 24 - mine[0].rows


def test_the_students_of_a_file_are_read_from_it(cold: Any, place: Folder) -> None:
    from school_app.audit.cold.files import students_in

    assert set().union(*(students_in(place, one.path) for one in listed(cold))) == {1, 2, 3, 4}


def steps_of_a_run() -> list[int]:
    """A run over six files or more has so many steps at least: two for each, one before and one after."""
    return list(range(0, 15))


@pytest.mark.parametrize("step", steps_of_a_run())
def test_a_hold_that_is_set_during_a_run_wins(cold: Any, place: Folder, two_schools: TwoSchools, step: int) -> None:
    ours = two_schools.ours.school.id
    going = Destroying(cold, place, "a test").steps()
    for _ in range(step):
        next(going, None)
    there = {one.path for one in listed(cold) if place.has(one.path) and one.school_id == ours}
    service.set_hold(cold, school_id=ours, student_id=None, reason=WHY, by="Ada")
    for _ in going:
        cold.flush()
    assert {path for path in there if place.has(path)} == there
    assert {one.status for one in listed(cold) if one.path in there} == {ColdStatus.KEPT}
    assert {one.school_id for one in gone(cold)} >= {two_schools.theirs.school.id, None}
    assert missing(cold, place) == set()


def test_a_removal_that_was_broken_off_is_put_on_record_by_the_next_run(cold: Any, place: Folder) -> None:
    going = Destroying(cold, place, "a test").steps()
    while not (begun := [one for one in listed(cold) if one.status is ColdStatus.DESTROYING]):
        next(going)
    going.close()  # type: ignore[attr-defined]
    place.remove(begun[0].path)
    assert missing(cold, place) == {(begun[0].school_id, begun[0].year)}
    free(cold)
    assert run(cold, place).problems == []
    assert begun[0].path in {one.path for one in gone(cold)}
    assert missing(cold, place) == set()


def begun(session: Any, place: Folder) -> ColdFile:
    """A school's file whose destruction was intended, and broken off before the file was removed."""
    going = Destroying(session, place, "a test").steps()
    while not (found := [one for one in listed(session) if one.status is ColdStatus.DESTROYING and one.school_id]):
        next(going)
    going.close()  # type: ignore[attr-defined]
    free(session)
    return found[0]


def test_a_file_that_is_to_be_destroyed_is_read_while_it_is_there(cold: Any, place: Folder) -> None:
    one = begun(cold, place)
    assert one.path in {found.path for found in readable(cold, one.first_at, one.last_at + timedelta(days=1))}
    place.remove(one.path)
    assert one.path not in {found.path for found in readable(cold, one.first_at, one.last_at + timedelta(days=1))}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_hold_after_a_run_was_broken_off_keeps_the_file_or_asks_for_it(
    cold: Any, place: Folder, is_there: bool
) -> None:
    one = begun(cold, place)
    hold = service.set_hold(cold, school_id=one.school_id or 0, student_id=None, reason=WHY, by="Ada")
    if is_there:
        assert one.path in " ".join(run(cold, place).held)
        assert (place.has(one.path), one.status) == (True, ColdStatus.KEPT)
        return
    place.remove(one.path)
    with pytest.raises(NotAllDestroyed, match=r"not there any more, and held: hold .* give-up"):
        run(cold, place)
    assert one.status is ColdStatus.DESTROYING
    service.release_hold(cold, hold.id, reason="The case is closed", by="Ada")
    free(cold)
    run(cold, place)
    assert (one.status, missing(cold, place)) == (ColdStatus.DESTROYED, set())


def test_a_damaged_file_that_is_to_be_destroyed_can_be_given_up(cold: Any, place: Folder, tmp_path: Path) -> None:
    one = begun(cold, place)
    (tmp_path / "cold" / one.path).write_bytes(b"PAR1 and nothing PAR1")
    with pytest.raises(NotAllDestroyed, match="give-up"):
        run(cold, place)
    free(cold)
    giving_up = GivingUp(cold, place, one.path, "a test")
    for _ in giving_up.steps():
        cold.flush()
    assert (one.status, giving_up.lost) == (ColdStatus.LOST, one.rows)
    assert run(cold, place).problems == []


def test_a_file_that_is_to_be_destroyed_can_be_restored(cold: Any, place: Folder) -> None:
    one = begun(cold, place)
    restoring = Restoring(cold, place, one.year, "a test", school_id=one.school_id)
    for _ in restoring.steps():
        cold.flush()
    assert (one.status, restoring.moved >= one.rows, missing(cold, place)) == (ColdStatus.RESTORED, True, set())


def test_the_days_of_a_file_of_an_earlier_version_are_read_from_it(cold: Any, place: Folder) -> None:
    one = next(one for one in listed(cold) if one.year == years_ago(12))
    facts = select(ColdDay.day, ColdDay.up_to_id, ColdDay.rows, ColdDay.digest).where(ColdDay.file_id == one.id)
    before = set(cold.execute(facts).all())
    cold.execute(delete(ColdDay).where(ColdDay.file_id == one.id))
    with pytest.raises(NotAllDestroyed, match="flask audit cool lists the days"):
        run(cold, place)
    assert place.has(one.path)
    free(cold)
    cooled(cold, place)
    assert set(cold.execute(facts).all()) == before != set()
    run(cold, place)
    assert (place.has(one.path), missing(cold, place)) == (False, set())


UNLAWFUL = ("no record", "another file", "not past", "a hold stood", "days added", "file gone", "no rule says so")


@pytest.mark.parametrize("how", UNLAWFUL)
def test_an_unlawful_destruction_is_found(cold: Any, place: Folder, two_schools: TwoSchools, how: str) -> None:
    young = next(one for one in listed(cold) if one.year == years_ago(5) and one.school_id is not None)
    place.remove(young.path)
    at = clock.now()
    if how != "file gone":
        young.status, young.destroyed_at = ColdStatus.DESTROYED, at
    facts = {name: [None, getattr(young, name)] for name in ("path", "rows", "digest", "sha256", "year")}
    facts["years"] = [None, 2]
    if how == "another file":
        facts["digest"] = [None, "0" * 64]
    if how == "not past":
        facts["years"] = [None, 5]
    if how == "no rule says so":
        facts["years"] = [None, -5]
    if how == "days added":
        facts["rows"] = [None, 9]
        young.rows = 9
    if how == "a hold stood":
        hold = service.set_hold(cold, school_id=young.school_id, student_id=None, reason=WHY, by="Ada")
        hold.set_at = at - timedelta(days=2)
    if how not in ("no record", "file gone"):
        values = {"actor_name": "-", "event": str(Event.ROWS_DESTROYED), "school_id": young.school_id}
        cold.add(AuditRow(created_at=at, changes=facts, **values))
    cold.flush()
    assert (young.school_id, young.year) in missing(cold, place)
    assert bool(Destroyed(cold).problems) == (how != "file gone")


def test_a_damaged_file_is_not_destroyed(cold: Any, place: Folder, tmp_path: Path) -> None:
    one = next(one for one in listed(cold) if one.year == years_ago(12))
    (tmp_path / "cold" / one.path).write_bytes(b"PAR1 and nothing PAR1")
    with pytest.raises(NotAllDestroyed, match="nobody can say what it held"):
        run(cold, place)
    assert place.has(one.path)
    assert len(gone(cold)) == len([one for one in listed(cold) if one.year == years_ago(12)]) - 1


def test_a_shorter_time_holds_after_a_notice_and_a_longer_one_at_once(cold: Any, two_schools: TwoSchools) -> None:
    ours, now = two_schools.ours.school.id, clock.now()

    def years() -> int:
        return queries.period_of(cold, DataClass.SCHOOL_LOG, ours).years

    def ask(number: int) -> None:
        service.set_period(
            cold, DataClass.SCHOOL_LOG, school_id=ours, years=number, source="The school’s own rule", by="Ada"
        )

    assert years() == 10
    ask(10)
    say_long_ago(cold, DataClass.SCHOOL_LOG, 2)
    ask(3)
    line = queries.table(cold, ours)[0]
    assert (line.years, line.next_years, line.next_on and line.next_on > now + timedelta(days=29)) == (10, 3, True)
    ask(4)
    assert years() == 10
    ask(20)
    assert years() == 20
    assert queries.period_of(cold, DataClass.SCHOOL_LOG, two_schools.theirs.school.id).years == 2
    changed = cold.scalars(select(AuditRow).where(AuditRow.entity_type == "retention_rule")).all()
    assert [one.event for one in changed if one.school_id == ours] == [Event.ROW_ADDED] + 3 * [Event.ROW_CHANGED]
    cold.execute(
        update(RetentionRule)
        .where(RetentionRule.school_id == ours)
        .values(years=2, years_before=20, changed_at=now - timedelta(days=31)),
        execution_options={"audit_reason": "a test", "synchronize_session": False},
    )
    assert years() == 2


def test_what_makes_no_sense_is_refused(cold: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    for years, source in ((0, "A law of some length"), (101, "A law of some length"), (5, "short")):
        with pytest.raises(InvalidRetention):
            service.set_period(cold, DataClass.SCHOOL_LOG, school_id=None, years=years, source=source, by="Ada")
    with pytest.raises(InvalidRetention, match="the platform says"):
        service.set_period(
            cold, DataClass.PLATFORM_LOG, school_id=ours.school.id, years=5, source="A law of some length", by="Ada"
        )
    with pytest.raises(InvalidRetention, match="no student"):
        service.set_hold(cold, school_id=ours.school.id, student_id=theirs.student.id, reason=WHY, by="Ada")
    assert cold.scalars(select(LegalHold)).all() == []


def test_years_are_counted_whole_and_a_change_counts_from_its_moment() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert [is_past(year, 10, at) for year in (2014, 2015, 2016, 2017)] == [True, True, False, False]
    assert not is_past(2015, 10, datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    for days, expected in ((0, 10), (29, 10), (30, 3)):
        assert in_force(3, 10, at, at + timedelta(days=days)) == expected
    assert in_force(10, 3, at, at) == 10
