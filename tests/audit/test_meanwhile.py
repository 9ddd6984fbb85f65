"""What others see and do while an archive run works: readers, late writers, a second run, one that slept too long."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from school_app.archiving import changing
from school_app.archiving.moving import NotMoved
from school_app.audit import archive, batches, queries
from school_app.audit.archive import ArchiveBusy, LeaseLost
from school_app.core.db import engines
from tests.audit.breaks import CUTOFF, Each, begin_anew, check_finished, count_points, watched_run
from tests.audit.cold.breaking import Points, forked
from tests.audit.places import ARCHIVE, HOT, NOW, STAGED, TABLES, YEAR, Key, Place, days_ago, in_year


def test_a_reader_sees_every_row_once_all_the_while(place: Place) -> None:
    before = begin_anew(place)
    filters = queries.Filters(since=NOW - timedelta(days=1500), until=NOW + timedelta(days=1))

    def read() -> None:
        with place.session() as session:
            seen = [(row.id, row.created_at) for row in queries.history(session, filters).rows]
        assert len(seen) == len(set(seen))
        assert set(seen) >= set(before)

    points = Each(read)
    watched_run(place, points)
    assert points.passed > 50


def test_rows_never_return_to_the_live_table(place: Place) -> None:
    begin_anew(place)
    gone: set[Key] = set()

    def look() -> None:
        live = set(place.rows(HOT))
        assert not live & gone
        gone.update(set(place.rows(STAGED, ARCHIVE)) - live)

    watched_run(place, Each(look))
    assert len(gone) == 9


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_late_rows_between_any_two_steps_are_kept_and_go_with_the_next_run(place: Place, isolation: str) -> None:
    before = begin_anew(place)
    late: list[int] = []

    def write() -> None:
        with place.writer(isolation) as connection, connection.begin():
            for moment in (*in_year(YEAR, 50), *days_ago(104)):
                values = {"created_at": moment, "actor_name": "late", "event": "x.late", "school_id": 1}
                late.append(connection.execute(HOT.insert().values(values)).inserted_primary_key[0])

    points = Each(write)
    watched_run(place, points)
    assert points.passed > 50
    rows = place.rows()
    assert rows.items() >= before.items()
    assert {row_id for row_id, _ in rows} >= set(late)
    place.run(cutoff=CUTOFF)
    assert place.rows().items() >= rows.items()
    assert not [moment for _, moment in place.rows(HOT) if moment < CUTOFF]
    assert {row_id for row_id, _ in place.rows(ARCHIVE)} >= set(late)


def test_no_table_is_changed_while_rows_are_on_their_way(place: Place) -> None:
    begin_anew(place)
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        said.append(statement.split()[0])

    with place.session() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        event.listen(engine, "commit", lambda connection: said.append("COMMIT"))
        event.listen(engine, "rollback", lambda connection: said.append("ROLLBACK"))
        for _ in archive.Run(session, archive.Limits(batch=4, exchange_from=1), "a test", cutoff=CUTOFF).steps():
            session.commit()
    changes = [place for place, word in enumerate(said) if word in ("ALTER", "CREATE", "DROP", "TRUNCATE")]
    assert len(changes) == 3
    assert said.count("DELETE") == 2
    for place_of_change in changes:
        # What was written before is committed: neither a copy nor a deletion waits behind it.
        ended = max(place for place, word in enumerate(said[:place_of_change]) if word in ("COMMIT", "ROLLBACK"))
        assert not {"INSERT", "DELETE"} & set(said[ended:place_of_change])


def test_two_runs_that_begin_at_once_do_not_both_work(place: Place) -> None:
    before = begin_anew(place)
    with place.session() as session:
        first = archive.Run(session, archive.Limits(batch=4), "the first", cutoff=CUTOFF).steps()
        next(first)
        session.commit()
        with pytest.raises(ArchiveBusy, match="the first"):
            place.run(by="the second", cutoff=CUTOFF)
        for _ in first:
            session.commit()
    check_finished(place, before)


def test_rows_that_another_took_between_the_look_and_the_copy_are_not_taken_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lease, as where an operator has mended the lease by hand: the numbers do not come out even."""
    before = begin_anew(place)
    looked = batches.next_batch

    def look(session: Any, eligible: Any, **options: Any) -> Any:
        found = looked(session, eligible, **options)
        monkeypatch.setattr(archive, "next_batch", looked)
        session.commit()
        place.pass_lease()
        place.run(by="the other", cutoff=CUTOFF)
        return found

    monkeypatch.setattr(archive, "next_batch", look)
    with pytest.raises((LeaseLost, NotMoved)):
        place.run(cutoff=CUTOFF)
    check_finished(place, before)


def stopped_at(place: Place, point: int) -> int:
    """A process that carries out a run and stops itself at one of its points, like an orphan; its number."""

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def work() -> None:
        # The server ends the silent connection of one that sleeps before the lease is over; here after two seconds.
        changing.SILENT_SECONDS = engines.SILENT_SECONDS = 2
        watched_run(place, Points(point, stop), by="the sleeper")

    child = forked(work)
    _, status = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(status), f"point {point}"
    return child


def sleep_at(place: Place, point: int) -> None:
    """Stop a run for so long that another takes over and finishes; go on with it, and see what it changes: nothing."""
    before = begin_anew(place)
    child = stopped_at(place, point)
    try:
        time.sleep(2.5)
        place.pass_lease()
        place.run(by="the successor", cutoff=CUTOFF)
        left = [place.rows(table) for table in TABLES]
        ended = place.runs()[-1]
    finally:
        os.kill(child, signal.SIGCONT)
        os.waitpid(child, 0)
    assert [place.rows(table) for table in TABLES] == left, f"point {point}"
    assert place.runs()[-1] == ended
    check_finished(place, before)


def test_who_slept_past_the_lease_changes_nothing_wherever_it_slept(place: Place) -> None:
    for point in range(23, count_points(place), 31):
        sleep_at(place, point)


@pytest.mark.soak
def test_who_slept_past_the_lease_changes_nothing_at_any_point(place: Place) -> None:
    for point in range(1, count_points(place)):
        sleep_at(place, point)
