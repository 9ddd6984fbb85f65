"""The arithmetic of a load: percentiles, when visits are due, and where the knee is."""

from __future__ import annotations

import random

import pytest

from bench.load.figures import Step, due_times, knee, percentile, waits
from bench.load.run import steady_rate


def step(rate: float, *, done: float | None = None, p95: float = 100.0, failed: int = 0) -> Step:
    return Step(rate, due=rate, done=rate if done is None else done, p95=p95, failed=failed)


def test_a_percentile_is_a_value_that_was_measured_and_that_the_share_does_not_exceed() -> None:
    ordered = [float(number) for number in range(1, 101)]
    assert percentile(ordered, 0.5) == 50
    assert percentile(ordered, 0.95) == 95
    assert percentile(ordered, 0.99) == 99
    assert percentile(ordered, 1) == 100
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="Nothing was measured"):
        percentile([], 0.5)


def test_waits_are_told_in_milliseconds_and_in_any_order_given() -> None:
    found = waits([0.3, 0.1, 0.2])
    assert (found.count, found.p50, found.longest) == (3, pytest.approx(200), pytest.approx(300))
    assert found.p95 == found.p99 == found.longest


def test_visits_are_due_in_order_within_the_time_and_as_many_a_second_as_asked() -> None:
    due = list(due_times(50, 100, random.Random(1)))
    assert due == sorted(due)
    assert due[0] > 0
    assert due[-1] < 100
    # Five thousand on average, with a deviation of seventy.
    assert 4_700 < len(due) < 5_300


def test_the_same_dice_make_visits_due_at_the_same_times() -> None:
    assert list(due_times(5, 10, random.Random(3))) == list(due_times(5, 10, random.Random(3)))


def test_the_knee_is_the_last_rate_that_was_held_before_one_that_was_not() -> None:
    steps = [step(10), step(20), step(40, p95=1_200), step(80)]
    assert knee(steps) == steps[1]


@pytest.mark.parametrize("broken", [step(20, p95=1_001), step(20, done=18), step(20, failed=1)])
def test_a_rate_is_not_held_where_answers_are_late_or_fewer_or_wrong(broken: Step) -> None:
    assert not broken.is_held
    assert knee([step(10), broken]) == step(10)


def test_waits_are_told_at_half_of_what_was_held_and_never_beyond_what_was_wished() -> None:
    assert steady_rate([step(10), step(60), step(80, failed=1)], 20) == 20
    assert steady_rate([step(10), step(15), step(22, failed=1)], 20) == 7.5
    assert steady_rate([step(10, failed=1)], 20) == 5


def test_there_is_no_knee_where_the_first_rate_was_not_held() -> None:
    assert knee([step(10, failed=3), step(20)]) is None
    assert knee([]) is None
