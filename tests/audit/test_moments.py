"""What an archive run moves and what it leaves, to the microsecond and the last byte, whatever clock and tables say."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from school_app.archiving.columns import UnknownColumns
from school_app.audit import archive, partitions
from school_app.audit.archive import ClocksDiffer
from school_app.audit.models import RunStatus
from tests.audit.breaks import CUTOFF, begin_anew, check_finished, check_whole
from tests.audit.places import ARCHIVE, HOT, NOW, SMALL, YEAR, Place, days_ago, in_year

ALL = ("audit_log", "audit_log_staging", "audit_log_archive")
TICK = timedelta(microseconds=1)
LEAP_YEAR = YEAR - YEAR % 4
# The hours that clocks in Europe and America leave out or repeat, the leap day, and both sides of a new year.
ODD_MOMENTS = (
    datetime(YEAR, 3, 30, 1, 0, tzinfo=UTC) - TICK,
    datetime(YEAR, 3, 30, 1, 30, tzinfo=UTC),
    datetime(YEAR, 10, 26, 0, 30, tzinfo=UTC),
    datetime(YEAR, 10, 26, 1, 30, tzinfo=UTC),
    datetime(YEAR, 3, 9, 7, 30, tzinfo=UTC),
    datetime(YEAR, 11, 2, 6, 30, tzinfo=UTC),
    datetime(LEAP_YEAR, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(YEAR, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(YEAR + 1, 1, 1, tzinfo=UTC),
)


def change(place: Place, *statements: str) -> None:
    with place.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def home_of(zone: str) -> Iterator[None]:
    """This process's own time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def run_in(place: Place, zone: str) -> None:
    """A run on connections whose time zone is not UTC."""

    def set_zone(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION time_zone = '{zone}'")

    with place.session() as session:
        event.listen(session.get_bind(), "connect", set_zone)
        for _ in archive.Run(session, SMALL, "a test", cutoff=CUTOFF).steps():
            session.commit()


@pytest.mark.parametrize(
    ("home", "zone"), [("Europe/London", "+13:00"), ("America/New_York", "-12:59"), ("Pacific/Kiritimati", "+00:00")]
)
def test_the_same_rows_go_whatever_the_time_zone(place: Place, home: str, zone: str) -> None:
    place.write(CUTOFF - TICK, CUTOFF, CUTOFF + TICK, *ODD_MOMENTS)
    before = place.rows()
    with home_of(home):
        run_in(place, zone)
    check_finished(place, before)
    assert {moment for _, moment in place.rows(HOT)} >= {CUTOFF, CUTOFF + TICK}
    assert {moment for _, moment in place.rows(ARCHIVE)} == {CUTOFF - TICK, *ODD_MOMENTS}


@pytest.mark.parametrize("seconds", [-61, 61])
def test_nothing_moves_while_the_clocks_differ(place: Place, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    before = begin_anew(place)
    there = archive.clock.now
    monkeypatch.setattr(archive.clock, "now", lambda: there() + timedelta(seconds=seconds))
    with pytest.raises(ClocksDiffer, match="set its clock"):
        place.run(cutoff=CUTOFF)
    assert place.rows(HOT) == before


def test_without_a_partition_for_them_rows_stay_where_they_are(place: Place) -> None:
    before = begin_anew(place)
    dropped = [
        one
        for one in partitions.partitions(place.engine)
        if one.table == ARCHIVE.name and (one.until is None or one.until > days_ago(105)[0])
    ]
    change(place, f"ALTER TABLE {ARCHIVE.name} DROP PARTITION {', '.join(one.name for one in dropped)}")
    try:
        with pytest.raises(DBAPIError, match="1526"):
            place.run(cutoff=CUTOFF)
    finally:
        bounds = (f"'{one.until:%Y-%m-%d}'" if one.until else "MAXVALUE" for one in dropped)
        made = ", ".join(
            f"PARTITION {one.name} VALUES LESS THAN ({bound})" for one, bound in zip(dropped, bounds, strict=True)
        )
        change(place, f"ALTER TABLE {ARCHIVE.name} ADD PARTITION ({made})")
    check_whole(place, before)
    assert place.runs()[-1].status == RunStatus.FAILED
    assert "1526" in place.runs()[-1].error
    place.run(cutoff=CUTOFF)
    check_finished(place, before)


def test_rows_beyond_all_years_are_found_in_the_catch_all(place: Place) -> None:
    place.write(datetime(NOW.year + 40, 1, 1, tzinfo=UTC))
    assert [one.rows for one in partitions.strays(place.engine)] == [1]
    place.run()
    assert len(place.rows(HOT)) == 1


LONGEST = {
    "actor_name": "🙂" * 200,
    "event": "e" * 60,
    "entity_type": "t" * 60,
    "reason": "\\\t\n'\"%\0🙂" * 62,
    "ip": "f" * 45,
    "request_id": "r" * 40,
    "job_id": "j" * 60,
    "changes": {"text": "🙂" * 16_000, "": [None, 1.5, "\\\t\u2028"]},
    "entity_id": 2**62,
}
EMPTY = {"school_id": None, "reason": None, "actor_name": ""}


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_every_byte_of_a_row_arrives(place: Place, sealed: bool) -> None:
    moments = (*in_year(YEAR, 10, 11), *days_ago(101, 100))
    for values in (LONGEST, EMPTY):
        place.write(*moments, **values)
    before = place.rows()
    if sealed:
        place.seal()
    assert place.run(cutoff=CUTOFF).record.method == "exchange, batches"
    check_finished(place, before)


@pytest.mark.parametrize("tables", [ALL, ALL[:1], ALL[2:]])
def test_a_column_that_is_not_known_is_not_lost(place: Place, tables: tuple[str, ...]) -> None:
    before = begin_anew(place)
    change(place, *(f"ALTER TABLE {table} ADD COLUMN severity INT" for table in tables))
    try:
        with pytest.raises(UnknownColumns, match=f"{tables[0]} has columns .*: severity. Nothing more was moved"):
            place.run(cutoff=CUTOFF)
        assert place.rows(HOT).items() >= before.items()
        assert place.runs()[-1].status == RunStatus.FAILED
    finally:
        # MySQL exchanges no partition of a table with columns that were dropped without rewriting it.
        change(place, *(f"ALTER TABLE {table} DROP COLUMN severity, FORCE" for table in tables))
    place.run(cutoff=CUTOFF)
    check_finished(place, before)


def test_a_column_that_is_added_during_a_run_stops_it(place: Place) -> None:
    before = begin_anew(place)
    with place.session() as session:
        steps = archive.Run(session, SMALL, "a test", cutoff=CUTOFF).steps()
        while next(steps) == 0:
            session.commit()
        session.commit()
        try:
            change(place, f"ALTER TABLE {HOT.name} ADD COLUMN severity INT")
            with pytest.raises(UnknownColumns, match="severity"):
                next(steps)
            session.rollback()
        finally:
            change(place, f"ALTER TABLE {HOT.name} DROP COLUMN severity, FORCE")
    check_whole(place, before)


def test_a_value_that_does_not_fit_is_not_cut(place: Place) -> None:
    before = begin_anew(place)
    change(place, f"ALTER TABLE {ARCHIVE.name} MODIFY reason VARCHAR(4)")
    try:
        with pytest.raises(DBAPIError, match="1406"):
            place.run(cutoff=CUTOFF)
    finally:
        change(place, f"ALTER TABLE {ARCHIVE.name} MODIFY reason VARCHAR(500)")
    check_whole(place, before)
    place.run(cutoff=CUTOFF)
    check_finished(place, before)
