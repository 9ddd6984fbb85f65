"""What is told of a replica under load: errors and own writings that were not seen are never passed over."""

from __future__ import annotations

from bench.load.driver import Tally
from bench.load.replica import Stood, report


def stood(*, written: int = 3, seen: int = 3) -> Stood:
    visits = Tally(due=20, done=20)
    visits.took["Student"] += [0.1] * 20
    return Stood("killed", visits, {"replica": 5, "primary": 1_200}, written=written, seen=seen)


def test_a_state_without_errors_in_which_own_writings_are_seen_is_right() -> None:
    assert not stood().is_wrong
    text = report([stood()])
    assert "| killed | 20 | 0 | 0 | 100 | 100 | 5 | 1,200 | 3 | 3 |" in text
    assert {line.count("|") for line in text.splitlines() if line} == {11}


def test_an_error_an_answer_that_never_came_and_an_own_note_that_is_not_seen_are_wrong() -> None:
    failed, silent = stood(), stood()
    failed.visits.wrong["503 from Alerts"] += 2
    silent.visits.unanswered = 1
    assert all(one.is_wrong for one in (failed, silent, stood(seen=2)))
    text = report([failed, silent])
    assert "| killed | 20 | 2 | 0 |" in text
    assert "| killed | 20 | 0 | 1 |" in text
    assert "- killed: 503 from Alerts: 2" in text
