"""Draws that people's lives follow: how often, how long, how much; all from one random.Random of a school.

Everything in this package that leaves something to chance uses it.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


def often(dice: random.Random, expected: float) -> int:
    """How often something happened that is expected so often (Poisson)."""
    if expected <= 0:
        return 0
    if expected > 30:
        return max(0, round(dice.gauss(expected, math.sqrt(expected))))
    floor, product, count = math.exp(-expected), dice.random(), 0
    while product > floor:
        product *= dice.random()
        count += 1
    return count


class Weighted(Generic[Thing]):
    """A choice among things by weights, drawn with one number and one search."""

    def __init__(self, *weighted: tuple[Thing, float]) -> None:
        self._things = [thing for thing, _ in weighted]
        self._sums = list(accumulate(weight for _, weight in weighted))

    def draw(self, dice: random.Random) -> Thing:
        """One of the things."""
        return self._things[bisect(self._sums, dice.random() * self._sums[-1])]


class Lengths:
    """Lengths in days, by the weights of 1, 2, 3 … days."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._sums = list(accumulate(weights))
        self.mean = sum((place + 1) * weight for place, weight in enumerate(weights)) / self._sums[-1]

    def draw(self, dice: random.Random) -> int:
        """A length."""
        return bisect(self._sums, dice.random() * self._sums[-1]) + 1
