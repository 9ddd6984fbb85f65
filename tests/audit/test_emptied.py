"""The room of archived years that have gone to cold storage is given back, and never with a row in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from school_app.archiving.changing import Patience, TableBusy
from school_app.archiving.lease import Lease, LeaseLost
from school_app.audit.batches import ARCHIVE
from school_app.audit.cold import emptied
from school_app.audit.cold.emptied import give_room_back
from school_app.audit.partitions import partitions
from tests.audit.places import NOW, YEAR, Place, in_year

OLD = YEAR - 1


def given_back(place: Place, *years: int, lose: bool = False) -> list[str]:
    with place.session() as session:
        lease = Lease(session, "a test")
        lease.acquire()
        session.commit()
        lease.token -= lose
        given = give_room_back(session.get_bind(), lease, years or (OLD,))
        lease.token += lose
        lease.release()
        session.commit()
    return given


def room(place: Place) -> int:
    """Bytes on the disk of the partition of the old year."""
    with place.engine.connect() as connection:
        view = "innodb_sys_tablespaces" if "mariadb" in place.version().lower() else "innodb_tablespaces"
        own = f"{place.engine.url.database}/{ARCHIVE.name}#p#p{OLD}"
        statement = text(f"SELECT file_size FROM information_schema.{view} WHERE LOWER(name) = LOWER(:own)")
        return int(connection.execute(statement, {"own": own}).scalar_one())


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
    fill_and_empty(place)
    before = room(place)
    assert given_back(place) == [f"p{OLD}"]
    assert before > 8 * 2**20 > 4 * room(place)


def test_a_year_with_one_row_and_years_that_are_not_asked_for_are_left_alone(place: Place) -> None:
    place.write(*in_year(OLD, 364), table=ARCHIVE)
    before = place.rows()
    assert given_back(place, OLD, OLD - 1) == [f"p{OLD - 1}"]
    assert place.rows() == before


def test_years_before_the_first_partition_lie_in_it(place: Place) -> None:
    first = next(one for one in partitions(place.engine) if one.table == ARCHIVE.name)
    assert given_back(place, 1999) == [first.name]


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
