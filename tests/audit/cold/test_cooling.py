"""Years go to cold storage whole and unchanged, and nothing is deleted that was not read back and proved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from school_app.archiving.models import ArchiveLease
from school_app.audit.archive import ArchiveBusy, LeaseLost
from school_app.audit.batches import HOT
from school_app.audit.cold import files
from school_app.audit.cold.cooling import Cooling, Limits, NotAllCooled
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.giving_up import GivenUpTooSoon, GivingUp
from school_app.audit.cold.models import ColdStatus
from school_app.audit.cold.rows import ARCHIVE, SchoolYear
from school_app.audit.cold.sealed import SealsDiffer
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import ColdUnavailable, Folder
from school_app.audit.differences import Kind
from school_app.audit.digests import COLUMNS, row_hash
from school_app.audit.events import Event
from school_app.audit.models import ArchiveRun, AuditRow, AuditSeal, RunStatus, SealRun
from school_app.audit.sources import Tables
from school_app.audit.verify import verify
from tests.audit.cold.kept import (
    FIRST_ID,
    SMALL,
    archive,
    cooled,
    everywhere,
    free,
    hashes_in_files,
    hashes_in_tables,
    listed,
    old_rows,
    row,
    years_ago,
)
from tests.factories import TwoSchools


@pytest.fixture
def filled(two_years: Any, owners: list[int | None]) -> Any:
    """Two years of two schools and the platform in the archive, and a year that is too young."""
    archive(two_years, old_rows(years_ago(2), owners, first_id=FIRST_ID + 2000))
    return two_years


def test_old_years_go_to_a_file_a_school_and_nothing_changes(filled: Any, place: Folder) -> None:
    before = everywhere(filled, place)
    run = cooled(filled, place, Limits(batch=3))
    assert run.moved == len(before) * 2 // 3
    assert everywhere(filled, place) == before
    assert len(hashes_in_files(filled, place)) == run.moved
    assert {(one.year, one.status) for one in listed(filled)} == {
        (years_ago(4), ColdStatus.KEPT),
        (years_ago(3), ColdStatus.KEPT),
    }
    assert len({(one.year, one.school_id) for one in listed(filled)}) == len(listed(filled)) == 6


def test_a_large_year_is_parted_at_the_end_of_a_day(filled: Any, place: Folder) -> None:
    before = everywhere(filled, place)
    cooled(filled, place, Limits(file_rows=3, group_rows=2, batch=1))
    assert everywhere(filled, place) == before
    spans = sorted((one.school_id or 0, one.first_at, one.last_at) for one in listed(filled))
    assert len(spans) > 6
    for earlier, later in pairwise(spans):
        assert earlier[0] != later[0] or earlier[2].date() < later[1].date()


def test_rows_of_a_file_stand_in_their_order_and_their_types(filled: Any, place: Folder) -> None:
    cooled(filled, place, Limits())
    found = listed(filled)[0]
    (group,) = files.groups(place, found.path)
    assert [(one["created_at"], one["id"]) for one in group] == sorted((one["created_at"], one["id"]) for one in group)
    assert {one["school_id"] for one in group} == {found.school_id}
    changes = [one["changes"] for one in group if one["changes"] is not None]
    assert changes
    assert all(isinstance(text, str) for text in changes)
    assert group[-1]["created_at"].microsecond == 999_999
    assert files.told(place, found.path)["year"] == found.year


def test_the_second_run_does_nothing_and_a_late_row_gets_a_file_of_its_own(filled: Any, place: Folder) -> None:
    cooled(filled, place)
    count = len(listed(filled))
    assert cooled(filled, place).moved == 0
    school_id = listed(filled)[0].school_id
    archive(filled, [row(FIRST_ID + 9000, datetime(years_ago(3), 5, 1, tzinfo=UTC), school_id)])
    before = everywhere(filled, place)
    assert cooled(filled, place).moved == 1
    assert everywhere(filled, place) == before
    assert len(listed(filled)) == count + 1


def test_a_row_that_comes_between_writing_and_deleting_stays(filled: Any, place: Folder) -> None:
    school_id = None
    steps = Cooling(filled, place, SMALL, "a test").steps()
    while not any(one.school_id is school_id for one in listed(filled)):
        next(steps)
    late = row(FIRST_ID + 9000, datetime(years_ago(4), 1, 1, 0, 0, 1, tzinfo=UTC), school_id)
    archive(filled, [late])
    before = everywhere(filled, place)
    for _ in steps:
        filled.flush()
    assert everywhere(filled, place) == before


def test_rows_that_are_not_sealed_yet_stay(filled: Any, place: Folder) -> None:
    late = row(FIRST_ID + 9000, datetime(years_ago(4), 5, 1, tzinfo=UTC), None)
    filled.execute(ARCHIVE.insert(), [late])
    before = everywhere(filled, place)
    assert cooled(filled, place).problems == []
    assert everywhere(filled, place) == before
    assert FIRST_ID + 9000 in {id_ for id_, _ in hashes_in_tables(filled)}
    for table in (AuditSeal, SealRun):
        filled.execute(delete(table))
    with pytest.raises(SealsDiffer, match="run flask audit seal first"):
        cooled(filled, place)


def test_rows_that_are_not_as_they_were_sealed_stay_and_other_schools_go(filled: Any, place: Folder) -> None:
    added = row(FIRST_ID + 900, datetime(years_ago(4), 5, 1, tzinfo=UTC), None)
    filled.execute(ARCHIVE.insert(), [added])
    with pytest.raises(NotAllCooled, match="no seal holds 1") as refused:
        cooled(filled, place)
    assert str(refused.value).count(f"{years_ago(4)} of the platform") == 1
    assert {(one.school_id is None, one.year) for one in listed(filled)} == {
        (False, years_ago(4)),
        (False, years_ago(3)),
        (True, years_ago(3)),
    }
    assert filled.scalars(select(ArchiveRun)).one().status is RunStatus.FAILED
    filled.execute(ARCHIVE.delete().where(ARCHIVE.c.id == FIRST_ID + 900))
    gone = filled.scalar(select(ARCHIVE.c.id).where(SchoolYear(None, years_ago(4)).where()).limit(1))
    filled.execute(ARCHIVE.delete().where(ARCHIVE.c.id == gone))
    with pytest.raises(NotAllCooled, match="not those that were sealed"):
        cooled(filled, place)
    assert sorted(place.paths()) == sorted(one.path for one in listed(filled))


def test_a_year_waits_for_its_rows_that_are_not_archived_yet(filled: Any, place: Folder) -> None:
    late = row(FIRST_ID + 9000, datetime(years_ago(4), 5, 1, tzinfo=UTC), None)
    del late["id"]
    filled.execute(insert(HOT), [late])
    run = Cooling(filled, place, SMALL, "a test")
    assert SchoolYear(None, years_ago(4)) not in run.waiting()
    assert SchoolYear(None, years_ago(3)) in run.waiting()


def test_nothing_is_deleted_where_the_database_holds_something_else(filled: Any, place: Folder) -> None:
    run = Cooling(filled, place, SMALL, "a test")
    steps = run.steps()
    while not listed(filled):
        next(steps)
    path = listed(filled)[0]
    first = filled.scalar(select(ARCHIVE.c.id).where(SchoolYear(path.school_id, path.year).where()).limit(1))
    filled.execute(update(ARCHIVE).where(ARCHIVE.c.id == first).values(actor_name="Somebody else"))
    before = len(hashes_in_tables(filled))
    with pytest.raises(NotAllCooled, match="not the same"):
        list(steps)
    of_the_file = SchoolYear(path.school_id, path.year).where()
    assert filled.scalar(select(func.count()).select_from(ARCHIVE).where(of_the_file)) == 8
    assert len(hashes_in_tables(filled)) < before
    assert filled.scalars(select(ArchiveRun)).one().status is RunStatus.FAILED


def begun(session: Any, place: Folder, steps: int) -> tuple[Any, list[Any]]:
    """A run that was broken off so many steps after it had listed its first file; that file, and what lies where."""
    run = Cooling(session, place, SMALL, "a test")
    going = run.steps()
    while not listed(session):
        next(going)
    for _ in range(steps):
        next(going)
    run.failed(DamagedFile("broken off"))
    return listed(session)[0], everywhere(session, place)


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_a_file_that_is_harmed_before_rows_were_let_go_is_written_anew(
    filled: Any, place: Folder, tmp_path: Path, harm: str
) -> None:
    found, before = begun(filled, place, 0)
    path = tmp_path / "cold" / found.path
    whole = path.read_bytes()
    path.unlink() if harm == "gone" else path.write_bytes(whole[:40] + b"?" + whole[41:])
    run = cooled(filled, place)
    assert (run.moved, run.problems) == (48, [])
    assert everywhere(filled, place) == before
    assert [one.status for one in listed(filled)].count(ColdStatus.LOST) == 1
    # Where it turns up again it does not count.
    path.write_bytes(whole)
    cooled(filled, place)
    assert not path.exists()


def test_a_file_that_is_lost_after_rows_were_let_go_stops_its_own_year_until_it_is_given_up(
    filled: Any, place: Folder, tmp_path: Path
) -> None:
    found, before = begun(filled, place, 2)
    path = tmp_path / "cold" / found.path
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(NotAllCooled, match=r"not there any more. Put it back .* give-up"):
        cooled(filled, place)
    assert len(listed(filled)) == 6
    path.write_bytes(whole)
    assert everywhere(filled, place) == before
    with pytest.raises(GivenUpTooSoon, match="is what was listed"):
        given_up(filled, place, found.path)
    free(filled)
    path.unlink()
    assert given_up(filled, place, found.path).lost == 4
    assert cooled(filled, place).problems == []
    lost = set(before) - set(everywhere(filled, place))
    assert len(lost) == 4
    differences = [one for step in verify(filled, [Tables(filled), Files(filled, place)]) for one in step.differences]
    first = date(years_ago(4), 1, 1)
    missing = [(one.day, one.school_id) for one in differences if one.kind is Kind.MISSING]
    assert missing == [(first, None), (first + timedelta(days=90), None)]


def given_up(session: Any, place: Folder, path: str) -> GivingUp:
    run = GivingUp(session, place, path, "a test")
    for _ in run.steps():
        session.flush()
    return run


def test_an_unmounted_directory_is_no_reason_to_strike_files(filled: Any, place: Folder, tmp_path: Path) -> None:
    begun(filled, place, 0)
    (tmp_path / "cold").rename(tmp_path / "elsewhere")
    with pytest.raises(ColdUnavailable, match="mounted"):
        cooled(filled, place)
    assert {one.status for one in listed(filled)} == {ColdStatus.PENDING}


def test_a_run_begins_in_no_other_place_than_where_the_files_lie(filled: Any, place: Folder, tmp_path: Path) -> None:
    cooled(filled, place)
    school_id = listed(filled)[0].school_id
    archive(filled, [row(FIRST_ID + 9000, datetime(years_ago(3), 5, 1, tzinfo=UTC), school_id)])
    before, other = listed(filled), Folder(tmp_path / "other")
    with pytest.raises(ColdUnavailable, match=r"None of the 6 files .* lies in the folder .*other.* copy them there"):
        cooled(filled, other)
    assert (listed(filled), list(other.paths())) == (before, [])
    (tmp_path / "cold").rename(tmp_path / "other")
    assert cooled(filled, other).moved == 1


def test_a_file_that_does_not_give_back_what_was_written_is_not_listed(
    filled: Any, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def altered(table: Any) -> list[dict[str, Any]]:
        return [{**one, "reason": "altered"} for one in table.to_pylist()]

    monkeypatch.setattr(files, "rows_of", altered)
    with pytest.raises(NotAllCooled, match="give back"):
        cooled(filled, place)
    assert (listed(filled), list(place.paths())) == ([], [])


def test_two_runs_never_work_at_once_and_one_that_slept_changes_nothing(filled: Any, place: Folder) -> None:
    before = everywhere(filled, place)
    slept = Cooling(filled, place, SMALL, "the first").steps()
    next(slept)
    next(slept)
    with pytest.raises(ArchiveBusy, match="the first"):
        next(Cooling(filled, place, SMALL, "the second").steps())
    lease = filled.scalars(select(ArchiveLease).where(ArchiveLease.name == "audit")).one()
    lease.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    filled.flush()
    cooled(filled, place)
    with pytest.raises(LeaseLost):
        list(slept)
    assert everywhere(filled, place) == before
    paths = [one.path for one in listed(filled)]
    assert len(set(paths)) == len(paths)


def test_each_school_is_told_with_the_digest(filled: Any, place: Folder, two_schools: TwoSchools) -> None:
    cooled(filled, place, Limits())
    told = filled.scalars(select(AuditRow).where(AuditRow.event == Event.ROWS_COOLED)).all()
    assert len(told) == len(listed(filled))
    ours = [one for one in told if one.school_id == two_schools.ours.school.id]
    assert [one.reason for one in ours] == [f"8 rows of {years_ago(4)}", f"8 rows of {years_ago(3)}"]
    assert ours[0].changes["digest"][1] in {one.digest for one in listed(filled)}


def test_without_the_library_the_run_says_what_to_install(
    filled: Any, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ColdUnavailable, match=r"requirements/cold\.txt"):
        cooled(filled, place)


def test_files_are_for_the_service_alone(filled: Any, place: Folder, tmp_path: Path) -> None:
    cooled(filled, place)
    for path in (tmp_path / "cold").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_the_query_of_the_documentation_reads_the_files(
    filled: Any, place: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    cooled(filled, place)
    text = Path("docs/operations.md").read_text().split("```sql\nSELECT strftime")[1].split("```")[0]
    query = f"SELECT strftime{text}".replace("2023", str(years_ago(3))).replace("4711", "3")
    expected = [row for row in old_rows(years_ago(3), [1, 2, 3], first_id=FIRST_ID + 1000) if row["student_id"] == 3]
    monkeypatch.chdir(tmp_path / "cold")
    found = duckdb.sql(query).fetchall()
    assert sum(rows for *_, rows in found) == len(expected) > 0
    assert {event for _, event, _ in found} == {"row.changed"}


def test_any_engine_reads_a_file(filled: Any, place: Folder, tmp_path: Path) -> None:
    import duckdb

    expected = sorted(hashes_in_tables(filled))
    cooled(filled, place)
    with duckdb.connect() as engine:
        read = f"read_parquet('{tmp_path}/cold/*/*.parquet')"
        described = engine.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
        chosen = ", ".join("epoch_us(created_at)" if name == "created_at" else name for name in COLUMNS)
        rows = engine.execute(f"SELECT {chosen} FROM {read} ORDER BY id").fetchall()
    types = {one[0]: one[1] for one in described}
    assert (types["id"], types["created_at"], types["changes"]) == ("BIGINT", "TIMESTAMP WITH TIME ZONE", "VARCHAR")
    found = [dict(zip(COLUMNS, one, strict=True)) for one in rows]
    for one in found:
        one["created_at"] = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=one["created_at"])
    assert [(one["id"], row_hash(one)) for one in found] == expected[: len(found)]
    assert len(found) == len(expected) * 2 // 3
