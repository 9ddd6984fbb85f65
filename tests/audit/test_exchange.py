"""Whole years by exchange of partitions: they arrive as they were, and a late row is never lost or given a used id."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.exchange import IDS_AHEAD
from tests.audit.places import NOW, SMALL, YEAR, Place, days_ago, in_year


def test_whole_years_are_exchanged_and_the_year_of_the_cutoff_goes_in_batches(place: Place) -> None:
    place.write(*in_year(YEAR - 1, 3, 40, 364), *in_year(YEAR, 0, 100), *days_ago(101, 100, 99, 98, 97, 5, 1))
    before = place.rows()
    run = place.run()
    assert (run.moved, run.record.method, run.record.notes) == (10, "exchange, batches", [])
    assert place.rows().items() >= before.items()
    assert place.rows(STAGED) == {}
    assert {moment for _, moment in place.rows(ARCHIVE)} == {
        moment for _, moment in before if moment < NOW - timedelta(days=90)
    }
    assert place.run().moved == 0


def test_no_id_is_given_twice_though_the_newest_row_went(place: Place) -> None:
    place.write(*in_year(YEAR, 1, 2, 3))
    assert place.run().moved == 3
    place.write(*in_year(YEAR, 4), *days_ago(1))
    ids = [row_id for row_id, _ in place.rows()]
    assert len(set(ids)) == len(ids) >= 5


@pytest.mark.parametrize("lies", ["in the archive", "in a cold file"])
def test_no_id_is_given_twice_though_the_highest_lies_elsewhere(place: Place, lies: str) -> None:
    """A log that was emptied knows nothing of the numbers that it gave long ago."""
    place.write(*in_year(YEAR, 1, 2, 3))
    highest = max(row_id for row_id, _ in place.rows()) + 10 * IDS_AHEAD
    if lies == "in the archive":
        place.write(*in_year(YEAR - 1, 1), table=ARCHIVE, id=highest)
    else:
        list_file(place, highest)
    assert place.run().record.method == "exchange"
    place.write(*days_ago(1))
    assert max(row_id for row_id, _ in place.rows(HOT)) > highest


def list_file(place: Place, last_id: int) -> None:
    """A file of the platform that holds one row, as the manifest tells of it."""
    moment, day = in_year(YEAR - 1, 1)[0], date(YEAR, 1, 1)
    facts = {"path": "a file", "rows": 1, "bytes": 1, "digest": "", "sha256": "", "status": ColdStatus.KEPT}
    bounds = {"first_id": last_id, "last_id": last_id, "first_at": moment, "last_at": moment, "cold_before": day}
    with place.engine.begin() as connection:
        connection.execute(insert(ColdFile).values(year=YEAR - 1, **facts, **bounds))


def test_a_late_row_of_an_archived_year_goes_in_a_batch_of_the_next_run(place: Place) -> None:
    place.write(*in_year(YEAR, 1, 2, 3))
    place.run()
    place.write(*in_year(YEAR, 200))
    before = place.rows()
    run = place.run()
    assert (run.moved, run.record.method) == (1, "batches")
    assert place.rows(ARCHIVE).items() <= before.items() <= place.rows().items()


def test_few_rows_are_not_worth_a_change_of_the_table(place: Place) -> None:
    place.write(*in_year(YEAR, 1, 2, 3))
    run = place.run(type(SMALL)(batch=4, exchange_from=4))
    assert (run.moved, run.record.method) == (3, "batches")
