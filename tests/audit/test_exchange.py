"""Whole years by exchange of partitions: they arrive as they were, and a late row is never lost or given a used id."""

from __future__ import annotations

from datetime import timedelta

from school_app.audit.batches import ARCHIVE, STAGED
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
