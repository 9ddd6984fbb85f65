"""The yearly partitions: there are two years ahead in each table; rows in the catch-all are told, and brought home."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from school_app.archiving import years as years_of_tables
from school_app.archiving.lease import Lease
from school_app.audit import partitions
from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.exchange import Exchange
from school_app.config import Settings
from school_app.core import clock
from tests.audit.places import Place, place_of_its_own
from workers import jobs

THIS_YEAR = datetime.now(UTC).year
COMING = (THIS_YEAR, THIS_YEAR + 1, THIS_YEAR + 2)


@pytest.fixture(scope="module")
def years(settings: Settings) -> Iterator[Place]:
    with place_of_its_own(settings, "years") as place:
        yield place


@pytest.fixture
def place(years: Place) -> Place:
    """An empty log that has the partitions of a new installation and no others."""
    years.empty()
    for table in partitions.TABLES:
        for one in partitions.partitions(years.engine):
            if one.table == table and one.until and one.until.year - 1 > THIS_YEAR + 2:
                ddl(years, f"ALTER TABLE {table} DROP PARTITION {one.name}")
    partitions.keep(years.engine)
    return years


def ddl(place: Place, statement: str) -> None:
    with place.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def names(place: Place, table: str) -> list[str]:
    return [one.name for one in partitions.partitions(place.engine) if one.table == table]


def on(year: int) -> datetime:
    return datetime(year, 6, 1, tzinfo=UTC)


def test_this_year_and_the_next_two_have_partitions_of_their_own_in_both_tables(place: Place) -> None:
    for table in partitions.TABLES:
        assert {f"p{year}" for year in COMING} | {"pmax"} <= set(names(place, table))
    assert partitions.missing(place.engine) == []
    assert partitions.keep(place.engine) == 0


def test_a_year_can_pass_through_the_staging_table(place: Place) -> None:
    """The staging table has no partitions; it has to have the form that a year is exchanged with."""
    place.write(on(THIS_YEAR - 2))
    with place.session() as session:
        lease = Lease(session, "a test")
        lease.acquire()
        session.commit()
        exchange = Exchange(session.get_bind(), lease)
        year = next(one for one in exchange.over(clock.now()) if one.name == f"p{THIS_YEAR - 2}")
        exchange.take_out(year)
        assert len(place.rows(STAGED)) == 1
        contents = exchange.contents(STAGED)
        assert contents is not None
        exchange.bring_in(contents)
    assert len(place.rows(ARCHIVE)) == 1


@pytest.mark.parametrize("table", [STAGED, ARCHIVE], ids=str)
def test_a_table_that_no_year_could_pass_through_is_told(place: Place, table: object) -> None:
    ddl(place, f"ALTER TABLE {table} DROP INDEX ix_audit_log_thing")
    told = partitions.missing(place.engine)
    ddl(place, f"ALTER TABLE {table} ADD INDEX ix_audit_log_thing (entity_type, entity_id, created_at, id)")
    assert told[0].startswith(f"{table} has not the columns and indexes of audit_log")
    assert partitions.missing(place.engine) == []


@pytest.mark.parametrize("table", partitions.TABLES)
def test_a_missing_year_is_told_and_made(place: Place, table: str) -> None:
    ddl(place, f"ALTER TABLE {table} DROP PARTITION p{COMING[-1]}")
    told = partitions.missing(place.engine)
    assert told == [f"{table} has no partition of {COMING[-1]}: run “flask audit partitions --keep”."]
    assert partitions.keep(place.engine) == 1
    assert partitions.missing(place.engine) == []


def test_a_year_between_two_others_is_made_too(place: Place) -> None:
    table, year = HOT.name, COMING[1]
    ddl(place, f"ALTER TABLE {table} DROP PARTITION p{year}")
    place.write(on(year))
    before = place.rows()
    assert partitions.keep(place.engine) == 1
    assert names(place, table)[-4:] == [*(f"p{one}" for one in COMING), "pmax"]
    assert place.rows() == before
    assert rows_of(place, table, f"p{year}") == 1


def rows_of(place: Place, table: str, name: str) -> int:
    with place.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table} PARTITION ({name})")).scalar_one())


@pytest.mark.parametrize("table", [HOT, ARCHIVE], ids=str)
def test_rows_in_the_catch_all_are_told_and_brought_to_their_years_unchanged(place: Place, table: object) -> None:
    far = THIS_YEAR + 5
    place.write(on(far), on(far), on(far - 1), on(THIS_YEAR), table=table)  # type: ignore[arg-type]
    before = place.rows()
    (told,) = partitions.missing(place.engine)
    assert told.startswith(f"3 rows of {table}, dated {far - 1} to {far}, in the catch-all")
    assert partitions.keep(place.engine) == 0
    assert partitions.mend(place.engine) == 3
    assert place.rows() == before
    assert [rows_of(place, str(table), name) for name in (f"p{far - 1}", f"p{far}", "pmax")] == [1, 2, 0]
    assert partitions.missing(place.engine) == []
    assert partitions.mend(place.engine) == 0


def test_a_date_so_far_ahead_that_it_is_a_mistake_gets_no_partition(place: Place) -> None:
    place.write(on(THIS_YEAR + 60))
    with pytest.raises(years_of_tables.TooFar, match=f"dated up to {THIS_YEAR + 60}"):
        partitions.mend(place.engine)
    assert len(place.rows()) == 1
    assert f"p{THIS_YEAR + 3}" not in names(place, HOT.name)


def test_a_row_far_ahead_keeps_no_other_row_from_its_year_and_is_named(place: Place) -> None:
    place.write(on(THIS_YEAR + 60), on(THIS_YEAR + 5))
    before = place.rows()
    with place.engine.connect() as connection:
        far = connection.scalar(text(f"SELECT id FROM {HOT.name} WHERE YEAR(created_at) = {THIS_YEAR + 60}"))
    with pytest.raises(years_of_tables.TooFar, match=f"^1 row brought to their years. 1 row of {HOT.name} .*id {far}"):
        partitions.mend(place.engine)
    assert place.rows() == before
    assert [rows_of(place, HOT.name, name) for name in (f"p{THIS_YEAR + 5}", "pmax")] == [1, 1]
    (told,) = partitions.missing(place.engine)
    assert ("no partition is made" in told, "--mend" in told) == (True, False)


def test_a_catch_all_that_holds_much_is_not_written_anew_at_night(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(years_of_tables, "MOST_MOVED", 1)
    ddl(place, f"ALTER TABLE {HOT.name} DROP PARTITION p{COMING[-1]}")
    place.write(on(COMING[-1]), on(COMING[-1]))
    assert partitions.keep(place.engine) == 0
    assert len(partitions.missing(place.engine)) == 2
    assert partitions.mend(place.engine) == 2
    assert partitions.missing(place.engine) == []


def test_the_nightly_job_makes_what_is_missing_and_fails_where_a_person_has_to_look(place: Place) -> None:
    ddl(place, f"ALTER TABLE {ARCHIVE.name} DROP PARTITION p{COMING[-1]}")
    with place.app.app_context():
        assert jobs.keep_audit_partitions() == {"made": 1}
        place.write(on(THIS_YEAR + 60))
        with pytest.raises(years_of_tables.PartitionsMissing, match="1 row of audit_log, dated"):
            jobs.keep_audit_partitions()
