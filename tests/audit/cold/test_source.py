"""Files and tables are one to whoever checks seals: digests are the same wherever a day's rows lie."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import Folder
from school_app.audit.seals import sealed_up_to
from school_app.audit.sources import Stretch, Tables
from tests.audit.cold.kept import FIRST_ID, SMALL, cooled, listed, years_ago
from tests.factories import TwoSchools


def stretches(session: Any, school_id: int) -> list[Stretch]:
    everything = Stretch(FIRST_ID - 1, sealed_up_to(session), last=date(years_ago(2), 1, 1))
    return [
        everything,
        replace(everything, above_id=FIRST_ID + 9),
        replace(everything, up_to_id=FIRST_ID + 1003),
        replace(everything, first=date(years_ago(3), 2, 1), last=date(years_ago(3), 6, 1)),
        replace(everything, schools=(school_id, None)),
        replace(everything, above_id=None, schools=(school_id,)),
    ]


def found(session: Any, place: Folder, stretch: Stretch) -> dict[Any, Any]:
    """What both sources hold; a day lies in one of them."""
    tables, files = Tables(session).digests(stretch), Files(session, place).digests(stretch)
    assert not tables.keys() & files.keys()
    return {**tables, **files}


def test_digests_are_the_same_at_every_step_of_a_run(two_years: Any, place: Folder, two_schools: TwoSchools) -> None:
    asked = stretches(two_years, two_schools.ours.school.id)
    before = [found(two_years, place, one) for one in asked]
    assert all(before)
    for _ in Cooling(two_years, place, SMALL, "a test").steps():
        two_years.flush()
        assert [found(two_years, place, one) for one in asked] == before
    assert Tables(two_years).digests(asked[0]) == {}


def test_a_file_is_hashed_once(two_years: Any, place: Folder, two_schools: TwoSchools) -> None:
    cooled(two_years, place)
    source = Files(two_years, place)
    asked = stretches(two_years, two_schools.ours.school.id)
    first = [source.digests(one) for one in asked]
    for one in listed(two_years):
        place.remove(one.path)
    assert [source.digests(one) for one in asked] == first


def test_a_file_that_is_gone_or_damaged_holds_nothing_and_is_named(
    two_years: Any, place: Folder, tmp_path: Path
) -> None:
    cooled(two_years, place)
    gone, damaged = listed(two_years)[:2]
    place.remove(gone.path)
    (tmp_path / "cold" / damaged.path).write_bytes(b"PAR1 and nothing PAR1")
    source = Files(two_years, place)
    groups = source.digests(Stretch(None, sealed_up_to(two_years)))
    assert groups
    assert not [
        one for one in groups if one[0] == gone.school_id and gone.first_at.date() <= one[1] <= gone.last_at.date()
    ]
    assert len(source.problems) == 2
    assert gone.path in source.problems[0]


def test_a_row_that_was_changed_in_a_file_changes_the_digest_of_its_day(
    two_years: Any, place: Folder, tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    cooled(two_years, place)
    stretch = Stretch(None, sealed_up_to(two_years))
    before = Files(two_years, place).digests(stretch)
    path = tmp_path / "cold" / listed(two_years)[0].path
    table = pq.read_table(path, partitioning=None)
    names = ["Somebody else", *table["actor_name"].to_pylist()[1:]]
    pq.write_table(table.set_column(table.schema.get_field_index("actor_name"), "actor_name", pa.array(names)), path)
    after = Files(two_years, place).digests(stretch)
    assert [group for group in before if before[group] != after.get(group)] == [
        (listed(two_years)[0].school_id, listed(two_years)[0].first_at.date())
    ]
