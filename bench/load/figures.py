"""The arithmetic of a load: when visits are due, what waiting comes to, and where the server gives in."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# A rate is held while nineteen of twenty answers come within this time, and as many visits end as begin.
PATIENCE_MS = 1_000.0
LEAST_DONE = 0.95


@dataclass(frozen=True, slots=True)
class Waits:
    """What some answers took, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Alone:
    """A page that was asked for again and again: answers a second, and the milliseconds that 19 of 20 took at most."""

    rate: float
    p95: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that is not exceeded by a share (0 to 1) of some values in ascending order."""
    if not ordered:
        raise ValueError("Nothing was measured, so there is no percentile of it.")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def waits(seconds: Iterable[float]) -> Waits:
    """What some answers took, given in seconds. ValueError where there were none."""
    ordered = sorted(1000 * one for one in seconds)
    p50, p95, p99 = (percentile(ordered, share) for share in (0.5, 0.95, 0.99))
    return Waits(len(ordered), p50, p95, p99, longest=ordered[-1])


def due_times(rate: float, seconds: float, dice: random.Random) -> Iterator[float]:
    """When visits are due, in seconds from the beginning: at random, so many a second on average.

    They are due whether or not those before them were answered, as people do not wait for each other.
    """
    at = dice.expovariate(rate)
    while at < seconds:
        yield at
        at += dice.expovariate(rate)


@dataclass(frozen=True, slots=True)
class Step:
    """Some seconds at one rate: visits a second that were due and that ended within them, p95 of all answers in ms.

    `failed` counts answers that did not come, or told of an error.
    """

    rate: float
    due: float
    done: float
    p95: float
    failed: int

    @property
    def is_held(self) -> bool:
        """Whether the server kept up."""
        return not self.failed and self.p95 <= PATIENCE_MS and self.done >= LEAST_DONE * self.due


def knee(steps: Sequence[Step]) -> Step | None:
    """The highest rate that was held before the first that was not; None where none was."""
    held = None
    for step in steps:
        if not step.is_held:
            break
        held = step
    return held
