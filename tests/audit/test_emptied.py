"""The room of archived years that have gone to cold storage is given back, and never with a row in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from school_app.audit.batches import ARCHIVE
from school_app.audit.changing import Patience, TableBusy
from school_app.audit.cold import emptied
from school_app.audit.cold.emptied import give_room_back
from school_app.audit.lease import Lease, LeaseLost
from tests.audit.places import NOW, YEAR, Place, in_year

OLD, YOUNG = YEAR - 1, YEAR


def given_back(place: Place, *, least_bytes: int = 0, lose: bool = False) -> list[str]:
    with place.session() as session:
        lease = Lease(session, "a test")
        lease.acquire()
        session.commit()
        lease.token -= lose
        given = give_room_back(session.get_bind(), lease, YOUNG, least_bytes=least_bytes)
        lease.token += lose
        lease.release()
        session.commit()
    return given


def room(place: Place) -> int:
    """Bytes on the disk of the partition of the old year, counted anew."""
    statement = text(
        "SELECT data_length + index_length + data_free FROM information_schema.partitions "
        f"WHERE table_schema = DATABASE() AND table_name = '{ARCHIVE.name}' AND partition_name = 'p{OLD}'"
    )
    with place.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ANALYZE TABLE {ARCHIVE.name}")).all()
        return int(connection.scalar(statement) or 0)


def fill_and_empty(place: Place) -> None:
    """Twenty thousand rows of the old year, deleted again."""
    place.write(*in_year(OLD, *range(20)), table=ARCHIVE, reason="x" * 400)
    copy = text(
        f"INSERT INTO {ARCHIVE.name} (created_at, actor_name, event, school_id, reason) "
        f"SELECT a.created_at, a.actor_name, a.event, a.school_id, a.reason FROM {ARCHIVE.name} a "
        f"JOIN {ARCHIVE.name} b JOIN {ARCHIVE.name} c LIMIT 20000"
    )
    with place.engine.begin() as connection:
        connection.execute(copy)
    with place.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {ARCHIVE.name}"))


def test_the_room_of_a_year_that_is_gone_is_given_back(place: Place) -> None:
    given_back(place)
    fill_and_empty(place)
    before = room(place)
    assert f"p{OLD}" in given_back(place, least_bytes=emptied.LEAST_BYTES)
    assert before > emptied.LEAST_BYTES > 2 * room(place)
    assert f"p{OLD}" not in given_back(place, least_bytes=emptied.LEAST_BYTES)


def test_a_year_with_one_row_and_younger_years_are_left_alone(place: Place) -> None:
    place.write(*in_year(OLD, 364), table=ARCHIVE)
    before = place.rows()
    given = given_back(place)
    assert given
    assert not {f"p{OLD}", f"p{YOUNG}", "pmax"} & set(given)
    assert place.rows() == before


def test_a_row_that_comes_between_the_look_and_the_lock_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(OLD, 5, 5, tzinfo=UTC)
    hold_on: Callable[[Lease, Connection], None] = Lease.hold_on

    def late(self: Lease, connection: Connection) -> None:
        if not place.rows():
            place.write(moment, table=ARCHIVE)
        hold_on(self, connection)

    monkeypatch.setattr(Lease, "hold_on", late)
    given_back(place)
    assert [key[1] for key in place.rows()] == [moment]


def test_nothing_is_changed_without_the_lease(place: Place) -> None:
    with pytest.raises(LeaseLost):
        given_back(place, lose=True)


def test_a_reader_of_the_archive_is_waited_for_and_then_left_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emptied, "USUAL", Patience(tries=2, pause=0.01))
    with place.engine.connect() as reader:
        reader.execute(text(f"SELECT COUNT(*) FROM {ARCHIVE.name}")).all()
        with pytest.raises(TableBusy):
            given_back(place)
        reader.rollback()
    place.pass_lease()
    place.write(NOW, table=ARCHIVE)
    assert given_back(place)
    assert len(place.rows()) == 1
