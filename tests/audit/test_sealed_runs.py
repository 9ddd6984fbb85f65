"""The archive run and the seals: only sealed rows move, and none of a day that is not as it was sealed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from school_app.audit import seals
from school_app.audit.archive import SealsDiffer
from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.models import RunStatus
from tests.audit.places import NOW, YEAR, Place, days_ago, in_year


def differences(place: Place) -> list[str]:
    with place.session() as session:
        found = seals.differences(session, (HOT, STAGED, ARCHIVE), (NOW - timedelta(days=1200)).date(), NOW.date())
        return [str(one) for one in found]


def test_the_seals_hold_wherever_the_run_has_brought_the_rows(place: Place) -> None:
    place.write(*in_year(YEAR - 1, 3, 40, 364), *in_year(YEAR, 0, 100), *days_ago(101, 100, 99, 98, 97, 5, 1))
    place.seal()
    run = place.run()
    assert (run.moved, run.record.method) == (10, "exchange, batches")
    assert differences(place) == []


def test_what_is_not_sealed_yet_stays_where_it_is(place: Place) -> None:
    place.write(*in_year(YEAR, 1, 2), *days_ago(100))
    place.seal()
    place.write(*in_year(YEAR, 3), *days_ago(99))
    run = place.run()
    assert (run.moved, run.record.method) == (3, "batches")
    assert run.record.notes == [f"p{YEAR} was not exchanged: not all of it is sealed"]
    place.seal()
    assert place.run().moved == 2
    assert differences(place) == []


@pytest.mark.parametrize("method", ["exchange", "batches"])
def test_rows_that_are_not_as_they_were_sealed_stop_the_run_before_they_are_let_go(place: Place, method: str) -> None:
    place.write(*(in_year(YEAR, 1, 2, 3) if method == "exchange" else days_ago(100, 99, 98)))
    place.seal()
    with place.engine.begin() as connection:
        connection.execute(text("UPDATE audit_log SET actor_name = 'another' ORDER BY id LIMIT 1"))
    before = place.rows(HOT)
    with pytest.raises(SealsDiffer, match="differs"):
        place.run()
    assert place.rows(HOT) == before
    assert place.runs()[-1].status == RunStatus.FAILED
    assert place.lease().holder is None
