"""The archive run and the seals: only sealed rows move, and none of a day that is not as it was sealed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from school_app.audit import sealed, seals
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


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[sealed.Days]:
    """Few days are compared at once, and the next of them ahead however few rows they have; what was, in its order."""
    monkeypatch.setattr(sealed, "DAYS_AT_ONCE", 2)
    monkeypatch.setattr(sealed, "AHEAD_FROM", 1)
    found: list[sealed.Days] = []
    begin = sealed._Beside.begin

    def noted(self: Any, days: sealed.Days) -> Any:
        found.append(days)
        return begin(self, days)

    monkeypatch.setattr(sealed._Beside, "begin", noted)
    return found


def test_days_are_compared_ahead_while_others_move(place: Place, looked: list[sealed.Days]) -> None:
    place.write(*in_year(YEAR, *range(9)), *days_ago(*range(109, 100, -1)), *days_ago(1))
    place.seal()
    before = place.rows()
    run = place.run()
    assert (run.moved, run.record.method) == (18, "exchange, batches")
    assert sum(days.rows for days in looked) > 4
    assert place.rows().items() >= before.items()
    assert differences(place) == []


@pytest.mark.parametrize("row", range(12))
def test_a_day_compared_ahead_that_differs_is_not_let_go(place: Place, looked: list[sealed.Days], row: int) -> None:
    place.write(*days_ago(*range(112, 100, -1)))
    place.seal()
    changed = sorted(place.rows(HOT))[row]
    with place.engine.begin() as connection:
        connection.execute(text("UPDATE audit_log SET actor_name = 'another' WHERE id = :id"), {"id": changed[0]})
    before = place.rows()
    with pytest.raises(SealsDiffer, match=f"{changed[1]:%Y-%m-%d}, school 1: differs"):
        place.run()
    assert changed in place.rows(HOT)
    assert place.rows().items() >= before.items()
    assert place.lease().holder is None


def test_a_comparison_ahead_that_breaks_off_ends_the_run_and_loses_nothing(
    place: Place, looked: list[sealed.Days], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(*days_ago(*range(112, 100, -1)))
    place.seal()
    before, compare = place.rows(), sealed._Beside._compare

    def broken(self: Any, days: sealed.Days) -> None:
        if len(looked) == 2:
            raise OperationalError("a statement", {}, Exception(2013))
        compare(self, days)

    with monkeypatch.context() as patched:
        patched.setattr(sealed._Beside, "_compare", broken)
        with pytest.raises(OperationalError):
            place.run()
    assert place.rows().items() >= before.items()
    assert place.run().moved > 0
    assert len(place.rows(ARCHIVE)) == 12
