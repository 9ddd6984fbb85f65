"""A log without partitions gets them while it is written to: no row is lost, doubled or changed, wherever it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, insert, text, update
from sqlalchemy.exc import OperationalError

from school_app.archiving.columns import UnknownColumns
from school_app.archiving.lease import ArchiveBusy, Lease
from school_app.archiving.years import is_partitioned
from school_app.audit import partitioning
from school_app.audit.batches import ARCHIVE, HOT
from school_app.audit.commands import audit
from school_app.audit.digests import COLUMNS
from school_app.audit.partitioning import NotPartitioned, Partitioning
from school_app.audit.partitions import keep, missing, partitions
from school_app.config import Settings
from tests.audit.cold.breaking import Points, count_points_of, in_a_child, kill, server_error, watched
from tests.audit.places import NOW, YEAR, Place, days_ago, in_year, place_of_its_own

BATCH = 7
# Quick tests look at every so many points.
EVERY = 17
LEAST_POINTS = 100
LATE_SECONDS = 0.3


@pytest.fixture(scope="module")
def parted(settings: Settings) -> Iterator[Place]:
    with place_of_its_own(settings, "parted") as place:
        yield place


@pytest.fixture
def log(parted: Place) -> Place:
    """A log without partitions, over four years, with an archive beside it."""
    return filled(parted)


def filled(place: Place, table: Table = HOT) -> Place:
    for name in (f"{HOT.name}_new", f"{HOT.name}_before", f"{ARCHIVE.name}_new", f"{ARCHIVE.name}_before"):
        ddl(place, f"DROP TABLE IF EXISTS {name}")
    place.empty()
    if is_partitioned(place.engine, table.name):
        ddl(place, f"ALTER TABLE {table.name} REMOVE PARTITIONING")
    years = (*in_year(YEAR - 2, *range(0, 360, 20)), *in_year(YEAR - 3, 9), *in_year(YEAR, *range(0, 360, 30)))
    place.write(*years, *days_ago(9, 5, 1))
    # What was archived before lies among the ids of the others.
    old = f"FROM {HOT.name} WHERE created_at < '{YEAR - 2 if table is HOT else YEAR}-01-01'"
    ddl(place, f"INSERT INTO {ARCHIVE.name} ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} {old}")
    ddl(place, f"DELETE {old}")
    return place


def ddl(place: Place, statement: str) -> None:
    with place.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def carried_out(place: Place, table: Table = HOT) -> None:
    with place.session() as session:
        for _ in Partitioning(session, table, "a test", batch=BATCH).steps():
            session.commit()


def dropped(place: Place, table: Table = HOT) -> None:
    with place.session() as session:
        for _ in Partitioning(session, table, "a test").drop_before():
            session.commit()


def before(table: Table = HOT) -> Any:
    return partitioning._named(table, partitioning.BEFORE)


def test_a_filled_log_gets_its_years_and_every_row_is_the_same(log: Place) -> None:
    rows, archived = log.rows(HOT), log.rows(ARCHIVE)
    carried_out(log)
    assert (log.rows(HOT), log.rows(ARCHIVE), log.rows(before())) == (rows, archived, rows)
    assert missing(log.engine) == []
    here = {one.table: [] for one in partitions(log.engine)}
    for one in partitions(log.engine):
        here[one.table].append((one.name, one.since, one.until))
    assert here[HOT.name] == here[ARCHIVE.name]
    log.write(NOW)
    assert max(log.rows(HOT).keys() - rows.keys()) > max(rows | archived)
    assert log.run().moved == 30
    dropped(log)
    assert log.rows().keys() >= rows.keys()
    with pytest.raises(NotPartitioned, match="There is no audit_log_before"):
        dropped(log)


def test_no_id_of_the_archive_is_given_again_though_the_log_is_almost_empty(log: Place) -> None:
    log.write(NOW, table=ARCHIVE, id=7_000_000)
    carried_out(log)
    log.write(NOW)
    assert max(log.rows(HOT))[0] > 7_000_000


def test_doing_it_again_changes_nothing(log: Place) -> None:
    carried_out(log)
    rows = log.rows(HOT)
    carried_out(log)
    assert log.rows(HOT) == rows


def test_the_archive_can_be_given_its_years_too(parted: Place) -> None:
    if not is_partitioned(parted.engine, HOT.name):
        carried_out(filled(parted))
    place = filled(parted, ARCHIVE)
    rows = place.rows(ARCHIVE)
    carried_out(place, ARCHIVE)
    assert place.rows(ARCHIVE) == rows
    assert missing(place.engine) == []
    dropped(place, ARCHIVE)


class Writers:
    """Some who write rows all the time, one of whom ends each of his transactions late."""

    def __init__(self, place: Place) -> None:
        self.place, self.ids, self._stop = place, set[int](), threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(late,)) for late in (0.0, 0.0, LATE_SECONDS)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, late: float) -> None:
        with self.place.writer() as connection:
            while not self._stop.is_set():
                row = {"created_at": NOW, "actor_name": "A writer", "event": "x.happened", "school_id": 2}
                written = connection.execute(insert(HOT).values(row)).lastrowid
                time.sleep(late)
                connection.commit()
                self.ids.add(int(written))
                time.sleep(0.005)


def test_rows_that_are_written_meanwhile_are_all_there_and_nobody_waits_too_long_for_a_lock(log: Place) -> None:
    log.write(*in_year(YEAR, *[day % 360 for day in range(2000)]))
    rows = log.rows(HOT)
    with Writers(log) as writers:
        with log.session() as session:
            for _ in Partitioning(session, HOT, "a test", batch=200).steps():
                session.commit()
        time.sleep(0.2)
    there = log.rows(HOT)
    assert there.items() >= rows.items()
    written = {row_id for row_id, _ in there.keys() - rows.keys()}
    assert written == writers.ids
    dropped(log)


def everywhere(place: Place) -> dict[Any, str]:
    """Every row of the log: in the table that has its name, or in the one that had it."""
    tables = [HOT]
    with place.engine.connect() as connection:
        if connection.dialect.has_table(connection, before().name):
            tables.append(before())
    found: dict[Any, str] = {}
    for table in tables:
        for key, row_hash in place.rows(table).items():
            assert found.setdefault(key, row_hash) == row_hash
    return found


def count_points(place: Place) -> int:
    def run(points: Points) -> None:
        filled(place)
        with place.session() as session, watched(session.get_bind(), points):
            for _ in Partitioning(session, HOT, "a test", batch=BATCH).steps():
                session.commit()

    return count_points_of(run, LEAST_POINTS)


def break_at(place: Place, point: int, *, killed: bool) -> None:
    rows = filled(place).rows(HOT)

    def work() -> None:
        act = kill if killed else server_error(2013)
        with place.session() as session, watched(session.get_bind(), Points(point, act)):
            for _ in Partitioning(session, HOT, "a test", batch=BATCH).steps():
                session.commit()

    if killed:
        assert in_a_child(work) == -9, f"point {point}"
    else:
        with pytest.raises(OperationalError):
            work()
    assert everywhere(place) == rows, f"point {point}"
    place.write(NOW)
    rows = everywhere(place)
    place.pass_lease()
    carried_out(place)
    assert place.rows(HOT) == rows, f"point {point}"
    dropped(place)


def test_killed_at_some_points(parted: Place) -> None:
    for point in range(1, count_points(parted) + 1, EVERY):
        break_at(parted, point, killed=True)


def test_a_lost_connection_at_some_points(parted: Place) -> None:
    for point in range(5, count_points(parted) + 1, EVERY * 2):
        break_at(parted, point, killed=False)


@pytest.mark.soak
@pytest.mark.parametrize("killed", [True, False])
def test_broken_off_at_every_point(parted: Place, killed: bool) -> None:
    points = count_points(parted)
    for point in range(1, points + 1):
        break_at(parted, point, killed=killed)
    print(f"{points} points")


def test_a_copy_that_is_not_the_same_takes_no_place(log: Place) -> None:
    with log.session() as session:
        steps = Partitioning(session, HOT, "a test").steps()
        while next(steps) == 0:
            session.commit()
        session.commit()
        with log.engine.begin() as connection:
            changed = partitioning._named(HOT, partitioning.NEW)
            connection.execute(update(changed).where(changed.c.created_at < NOW).values(reason="another"))
        with pytest.raises(NotPartitioned, match="not the same"):
            all(session.commit() is None for _ in steps)
    assert not is_partitioned(log.engine, HOT.name)


def test_the_comparison_before_the_drop_counts_every_row_once(log: Place) -> None:
    carried_out(log)
    with log.session() as session:
        work = Partitioning(session, HOT, "a test")
        rows = work.plan().rows
        session.rollback()
        compared = []
        for step in work.drop_before():
            session.commit()
            compared.append(step)
    assert (rows, sum(compared)) == (33, 33)


@pytest.mark.parametrize("change", ["DELETE FROM audit_log LIMIT 1", "UPDATE audit_log SET event = 'x' LIMIT 1"])
def test_the_old_table_is_not_dropped_where_a_row_is_missing_or_another(log: Place, change: str) -> None:
    carried_out(log)
    ddl(log, change)
    with pytest.raises(NotPartitioned, match="Nothing was dropped"):
        dropped(log)
    assert len(log.rows(before())) == 33


def test_a_log_with_unknown_columns_is_left_as_it_is(log: Place) -> None:
    ddl(log, "ALTER TABLE audit_log ADD COLUMN colour VARCHAR(10)")
    try:
        with pytest.raises(UnknownColumns, match="colour"):
            carried_out(log)
    finally:
        ddl(log, "ALTER TABLE audit_log DROP COLUMN colour")
    assert not is_partitioned(log.engine, HOT.name)


def test_it_does_not_work_beside_an_archive_run(log: Place) -> None:
    with log.session() as session:
        Lease(session, "another").acquire()
        session.commit()
    with pytest.raises(ArchiveBusy):
        carried_out(log)


def test_the_command_says_what_it_would_do_and_does_it(log: Place) -> None:
    def said(*words: str) -> str:
        with log.app.app_context():
            found = log.app.test_cli_runner().invoke(audit, words)
        return f"{found.exit_code}: {found.output}"

    assert "audit_log: 33 rows, 0 of them copied" in said("partition-table", "--dry-run")
    assert "run “flask audit partition-table" in said("partitions")
    assert not is_partitioned(log.engine, HOT.name)
    assert "audit_log_before is kept until --drop-old." in said("partition-table")
    assert said("partitions").startswith("0: ")
    assert "audit_log_before was dropped." in said("partition-table", "--drop-old")
    assert said("partition-table", "--drop-old").startswith("1: Error: There is no audit_log_before")
    assert "audit_log has its years. No table is kept of what it was." in said("partition-table")
    assert keep(log.engine) == 0
