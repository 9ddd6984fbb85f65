"""A late row, dated in a day that is in cold storage, goes the way of all others and stops nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from school_app.archiving.clocks import ClocksDiffer
from school_app.audit import archive as archiving
from school_app.audit.batches import ARCHIVE, HOT
from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.models import ColdDay, ColdStatus
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import Folder
from school_app.audit.differences import Kind
from school_app.audit.sealed import SealsDiffer
from school_app.audit.seals import seal
from school_app.audit.sources import Tables
from school_app.audit.verify import verify
from school_app.core import clock
from tests.audit.cold.kept import (
    SMALL,
    archive,
    cooled,
    hashes_in_files,
    hashes_in_tables,
    listed,
    old_rows,
    row,
    years_ago,
)
from tests.factories import TwoSchools


@pytest.fixture
def cold(at_work: Any, two_schools: TwoSchools, place: Folder) -> Any:
    """A year of our school and the platform in cold storage, and a row that was written later, dated in it."""
    at_work.execute(delete(HOT))
    archive(at_work, old_rows(years_ago(3), [two_schools.ours.school.id, None], first_id=_ids_ahead(at_work)))
    cooled(at_work, place)
    late = row(0, datetime(years_ago(3), 1, 1, 12, tzinfo=UTC), two_schools.ours.school.id)
    del late["id"]
    at_work.execute(insert(HOT), [late])
    # What the run has recorded today is not what this is about.
    at_work.execute(delete(HOT).where(HOT.c.event != late["event"]))
    for _ in seal(at_work):
        at_work.flush()
    return at_work


def _ids_ahead(session: Any) -> int:
    """The first of a hundred ids that the log has passed by, so that what is written next is sealed after them."""
    row_ids = [{"created_at": clock.now(), "actor_name": "-", "event": "-"}]
    first = int(session.execute(insert(HOT).values(row_ids[0])).inserted_primary_key[0])
    session.execute(insert(HOT), [{**row_ids[0], "id": first + 100}])
    session.execute(delete(HOT))
    return first + 1


def lying(session: Any, place: Folder) -> list[tuple[int, str]]:
    return sorted(hashes_in_tables(session, 0) + hashes_in_files(session, place))


def archived(session: Any) -> int:
    run = archiving.Run(session, archiving.Limits(), "a test")
    for _ in run.steps():
        session.flush()
    return run.moved


def found(session: Any, place: Folder) -> set[tuple[Kind, Any]]:
    steps = verify(session, [Tables(session), Files(session, place)])
    return {(one.kind, one.day) for step in steps for one in step.differences}


def test_a_late_row_goes_the_way_of_all_rows_and_stops_no_run(cold: Any, place: Folder) -> None:
    late = (Kind.LATE, datetime(years_ago(3), 1, 1).date())
    assert found(cold, place) == {late}
    before = set(lying(cold, place))
    assert archived(cold) == 1
    assert found(cold, place) == {late}
    assert cooled(cold, place).moved == 1
    assert found(cold, place) == {late}
    after = lying(cold, place)
    assert before <= set(after)
    assert len(after) == len({id_ for id_, _ in after})
    assert [one.rows for one in listed(cold)] == [8, 8, 1]


def test_a_day_that_is_neither_in_the_tables_nor_listed_stops_the_run(cold: Any, place: Folder) -> None:
    cold.execute(update(ColdDay).values(digest="0" * 64))
    with pytest.raises(SealsDiffer, match="differs"):
        archived(cold)


def test_a_day_in_the_tables_and_in_cold_storage_stops_the_run(cold: Any, place: Folder) -> None:
    again = [one for one in old_rows(years_ago(3), [None]) if one["created_at"].month == 1]
    for number, one in enumerate(again):
        one["id"] = listed(cold)[0].first_id + 2 * number
    cold.execute(insert(ARCHIVE), again)
    with pytest.raises(SealsDiffer):
        archived(cold)


def test_a_changed_row_in_a_file_is_found_by_the_verification(cold: Any, place: Folder, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "cold" / listed(cold)[0].path
    table = pq.read_table(path, partitioning=None)
    names = ["Somebody else", *table["actor_name"].to_pylist()[1:]]
    pq.write_table(table.set_column(table.schema.get_field_index("actor_name"), "actor_name", pa.array(names)), path)
    assert (Kind.DIFFERS, datetime(years_ago(3), 1, 1).date()) in found(cold, place)


def test_rows_that_travel_while_the_verification_reads_are_no_difference(at_work: Any, place: Folder) -> None:
    at_work.execute(delete(HOT))
    archive(at_work, old_rows(years_ago(3), [None]))

    class Travelling(Tables):
        def digests(self, stretch: Any) -> Any:
            found = super().digests(stretch)
            if not listed(at_work):
                cooled(at_work, place)
            return found

    steps = verify(at_work, [Travelling(at_work), Files(at_work, place)])
    differences = [one for step in steps for one in step.differences]
    assert [one for one in differences if one.day.year == years_ago(3)] == []
    assert listed(at_work)[0].status is ColdStatus.KEPT


def test_nothing_goes_while_the_clocks_differ(cold: Any, place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    run = Cooling(cold, place, SMALL, "a test")
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    if cold.get_bind().dialect.name != "sqlite":
        with pytest.raises(ClocksDiffer):
            next(run.steps())
