"""Files and tables are one to whoever checks seals: digests are the same wherever a day's rows lie."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import Folder
from school_app.audit.seals import sealed_up_to
from school_app.audit.sources import Stretch, Tables
from school_app.core.tenancy import all_schools, enter_school
from tests.audit.cold.kept import FIRST_ID, SMALL, archive, cooled, listed, old_rows, years_ago
from tests.factories import TwoSchools


@pytest.fixture
def filled(session: Any, two_schools: TwoSchools) -> Any:
    schools = [two_schools.ours.school.id, two_schools.theirs.school.id, None]
    enter_school(session, None)
    with all_schools(session):
        archive(session, old_rows(years_ago(4), schools))
        archive(session, old_rows(years_ago(3), schools, first_id=FIRST_ID + 1000))
        yield session


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


def test_digests_are_the_same_at_every_step_of_a_run(filled: Any, place: Folder, two_schools: TwoSchools) -> None:
    asked = stretches(filled, two_schools.ours.school.id)
    before = [found(filled, place, one) for one in asked]
    assert all(before)
    for _ in Cooling(filled, place, SMALL, "a test").steps():
        filled.flush()
        assert [found(filled, place, one) for one in asked] == before
    assert Tables(filled).digests(asked[0]) == {}


def test_a_file_is_hashed_once(filled: Any, place: Folder, two_schools: TwoSchools) -> None:
    cooled(filled, place)
    source = Files(filled, place)
    asked = stretches(filled, two_schools.ours.school.id)
    first = [source.digests(one) for one in asked]
    for one in listed(filled):
        place.remove(one.path)
    assert [source.digests(one) for one in asked] == first


def test_a_file_that_is_gone_or_damaged_holds_nothing_and_is_named(filled: Any, place: Folder, tmp_path: Path) -> None:
    cooled(filled, place)
    gone, damaged = listed(filled)[:2]
    place.remove(gone.path)
    (tmp_path / "cold" / damaged.path).write_bytes(b"PAR1 and nothing PAR1")
    source = Files(filled, place)
    groups = source.digests(Stretch(None, sealed_up_to(filled)))
    assert groups
    assert not [
        one for one in groups if one[0] == gone.school_id and gone.first_at.date() <= one[1] <= gone.last_at.date()
    ]
    assert len(source.problems) == 2
    assert gone.path in source.problems[0]


def test_a_row_that_was_changed_in_a_file_changes_the_digest_of_its_day(
    filled: Any, place: Folder, tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    cooled(filled, place)
    stretch = Stretch(None, sealed_up_to(filled))
    before = Files(filled, place).digests(stretch)
    path = tmp_path / "cold" / listed(filled)[0].path
    table = pq.read_table(path, partitioning=None)
    names = ["Somebody else", *table["actor_name"].to_pylist()[1:]]
    pq.write_table(table.set_column(table.schema.get_field_index("actor_name"), "actor_name", pa.array(names)), path)
    after = Files(filled, place).digests(stretch)
    assert [group for group in before if before[group] != after.get(group)] == [
        (listed(filled)[0].school_id, listed(filled)[0].first_at.date())
    ]
