"""A row whose moment lies on no day of the calendar is told by its id, and everything goes on with the other rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from school_app.audit import queries
from school_app.audit.batches import ARCHIVE, STAGED
from school_app.audit.cold import rows as cold_rows
from school_app.audit.differences import Difference, Kind
from school_app.audit.models import RunStatus
from school_app.audit.partitions import missing
from school_app.audit.queries import Filters
from school_app.audit.sources import Tables
from school_app.audit.verify import Asked, verify
from school_app.core.tenancy import use_school
from school_app.operations.measurements import archive_lag
from tests.audit.places import NOW, YEAR, Place, days_ago, in_year
from tests.audit.test_verify import run

# By the modes of a session the servers take all of these.
NO_DAYS = ("0000-00-00", "0000-05-05", f"{YEAR}-00-00", f"{YEAR}-11-00", f"{YEAR}-02-31")
# The first of an id that is said in words, so that other numbers are not taken for it.
FAR = 70_001


@pytest.fixture
def log(place: Place) -> Iterator[Place]:
    """The log of a database of its own, on a server: a moment of SQLite is text."""
    if place.engine.dialect.name == "sqlite":
        pytest.skip("SQLite keeps moments as text")
    yield place
    place.empty()


def put(place: Place, *moments: str, first_id: int | None = None, table: str = "audit_log", **values: object) -> None:
    """Rows whose moments are no moments, as a session writes them that has turned off what refuses them."""
    row = {"school_id": 1, "actor_name": "x", "event": "y", **values}
    with place.engine.connect() as connection:
        connection.execute(text("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'"))
        for number, moment in enumerate(moments):
            given = {**row, "created_at": moment, **({} if first_id is None else {"id": first_id + number})}
            names, places = ", ".join(given), ", ".join(f":{name}" for name in given)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), given)
        connection.commit()
        # The mode is that of the connection, which goes back to others otherwise.
        connection.invalidate()


def how_many(place: Place, table: str = "audit_log") -> int:
    """How many rows a table holds but for those that runs have written about themselves."""
    with place.engine.connect() as connection:
        statement = f"SELECT COUNT(*) FROM {table} WHERE event <> 'audit.rows_archived'"
        return int(connection.scalar(text(statement)))


def differences(place: Place, asked: Asked = Asked()) -> list[Difference]:  # noqa: B008 - it is frozen.
    with place.session() as session:
        steps = verify(session, [Tables(session)], asked)
        return [one for step in steps for one in step.differences if not one.is_warning]


def test_rows_on_no_day_are_told_by_their_ids_and_the_others_are_sealed_and_verified(log: Place) -> None:
    log.write(*days_ago(5, 4, 3))
    put(log, *NO_DAYS, first_id=FAR)
    log.write(*days_ago(2), id=FAR + len(NO_DAYS))
    code, said = run(log.app, "seal")
    assert (code, "4 rows sealed by 4 seals" in said) == (0, True), said
    (told,) = differences(log)
    ids = ", ".join(str(FAR + number) for number in range(len(NO_DAYS)))
    assert (told.kind, told.school_id, told.day) == (Kind.NO_DAY, 1, days_ago(5)[0].date())
    assert told.sentence.startswith(f"Rows {ids}: written with a date that is no day")
    code, said = run(log.app, "verify")
    assert (code, "4 rows compared with 4 seals" in said, ids in said) == (1, True, True), said
    assert f"the first day that differs is {days_ago(5)[0]:%Y-%m-%d}" in said
    assert differences(log, Asked(schools=(2,))) == []


def test_a_row_on_no_day_above_the_last_seal_is_told_by_today(log: Place) -> None:
    log.write(*days_ago(5))
    log.seal()
    put(log, "0000-00-00", school_id=None)
    (told,) = differences(log)
    assert (told.kind, told.school_id, told.day) == (Kind.NO_DAY, None, datetime.now(UTC).date())
    log.seal()
    assert [one.kind for one in differences(log)] == [Kind.NO_DAY]


def test_only_a_few_rows_on_no_day_are_named(log: Place) -> None:
    log.write(*days_ago(5))
    put(log, *["0000-00-00"] * 25, first_id=FAR)
    log.seal()
    (told,) = differences(log)
    assert (f", {FAR + 19} and more: " in told.sentence, str(FAR + 20) in told.sentence) == (True, False)


def test_a_sealed_row_that_lost_its_day_is_missing_and_told(log: Place) -> None:
    log.write(*days_ago(5, 5, 5))
    log.seal()
    with log.engine.connect() as connection:
        connection.execute(text("SET SESSION sql_mode = ''"))
        connection.execute(text("UPDATE audit_log SET created_at = '0000-00-00' ORDER BY id LIMIT 1"))
        connection.commit()
        connection.invalidate()
    day = days_ago(5)[0].date()
    assert sorted((one.kind, one.day) for one in differences(log)) == sorted([(Kind.MISSING, day), (Kind.NO_DAY, day)])


def test_the_archive_run_goes_on_and_leaves_rows_on_no_day_where_they_are(log: Place) -> None:
    log.write(*in_year(YEAR, *range(0, 300, 30)))
    put(log, *NO_DAYS)
    log.write(*days_ago(100, 1))
    log.seal()
    code, said = run(log.app, "archive", "--dry-run")
    assert (code, "11 rows from before" in said) == (0, True), said
    done = log.run()
    assert (done.moved, how_many(log), how_many(log, "audit_log_archive")) == (11, 1 + len(NO_DAYS), 11)
    assert f"p{YEAR} was not exchanged: “flask audit verify” tells" in log.runs()[-1].error
    assert log.runs()[-1].status == RunStatus.DONE
    # And again: what is left blocks nothing, and is not taken.
    assert log.run().moved == 0
    assert {one.kind for one in differences(log)} == {Kind.NO_DAY}


def test_a_row_on_no_day_that_was_exchanged_goes_on_with_its_year(log: Place) -> None:
    """As one does that is written in the instant before the exchange."""
    log.write(*in_year(YEAR, 10, 20, 30), table=STAGED)
    put(log, f"{YEAR}-11-00", table=STAGED.name, first_id=FAR)
    log.seal()
    done = log.run()
    assert (done.moved, how_many(log), how_many(log, STAGED.name), how_many(log, ARCHIVE.name)) == (3, 0, 0, 4)
    assert {one.kind for one in differences(log)} == {Kind.NO_DAY}


def test_pages_measurements_and_partitions_go_on(log: Place) -> None:
    yesterday = NOW - timedelta(days=1)
    log.write(*days_ago(4, 3, 2))
    put(log, f"{NOW.year}-{NOW.month:02}-00", f"{NOW.year + 1}-02-31", f"{NOW.year + 5}-02-31", "0000-00-00")
    with log.session() as session, use_school(session, 1):
        whole = Filters(NOW - timedelta(days=400), NOW + timedelta(days=4000))
        page = queries.history(session, whole, size=2)
        assert [row.created_at < yesterday for row in page.rows] == [True, True]
        assert len(queries.history(session, whole, cursor=page.next, size=2).rows) == 1
    with log.session() as session:
        assert archive_lag(session)[0].values == {"": 0.0}
    assert missing(log.engine) == []
    code, said = run(log.app, "partitions")
    assert code == 0, said


def test_cold_storage_passes_by_rows_on_no_day(log: Place) -> None:
    log.write(*in_year(YEAR, 10, 20), table=ARCHIVE)
    put(log, *NO_DAYS, table=ARCHIVE.name)
    with log.session() as session:
        (year,) = cold_rows.archived_years(session, NOW.year)
        assert (year.school_id, year.year, cold_rows.count(session, year)) == (1, YEAR, 2)
        whole = datetime(YEAR + 1, 1, 1, tzinfo=UTC)
        assert len(cold_rows.page(session, year, None, whole, up_to_id=10**9)) == 2


@pytest.mark.parametrize("year", [1, 999])
def test_a_row_of_a_year_of_fewer_than_four_digits_has_one_digest_here_and_there(log: Place, year: int) -> None:
    """The server's, by which it is sealed, and that of our own code, by which it goes to cold storage."""
    log.write(datetime(year, 1, 1, tzinfo=UTC), table=ARCHIVE)
    with log.session() as session:
        (found,) = cold_rows.archived_years(session, NOW.year)
        page = cold_rows.page(session, found, None, datetime(year + 1, 1, 1, tzinfo=UTC), up_to_id=10**9)
        cold_rows.prove(session, page)
    assert [row["created_at"].date() for row in page] == [date(year, 1, 1)]


@pytest.mark.parametrize(("table", "column"), [("audit_seal", "day"), ("audit_seal_run", "sealed_at")])
def test_seals_of_no_day_are_told_and_nothing_is_verified(log: Place, table: str, column: str) -> None:
    log.write(*days_ago(5, 4))
    log.seal()
    with log.engine.connect() as connection:
        connection.execute(text("SET SESSION sql_mode = ''"))
        id_ = connection.scalar(text(f"SELECT MIN(id) FROM {table}"))
        connection.execute(text(f"UPDATE {table} SET {column} = '0000-00-00' WHERE id = {id_}"))
        connection.commit()
        connection.invalidate()
    code, said = run(log.app, "verify")
    assert (code, f"{table}, id {id_}: one of" in said, "Nothing was verified" in said) == (1, True, True), said
