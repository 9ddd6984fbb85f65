"""An even sample of rows as they go by, whatever their number.

trail.py keeps those of which the audit log is to tell.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator

from school_app.core.db.bulk import Row

# Keeps the logarithm below finite where the dice fall on their edge.
NEARLY_ALL = 1 - 1e-12


class Sample:
    """Keeps `size` of all rows that pass, each with the same chance (Li's algorithm L, which draws for few of them)."""

    def __init__(self, size: int, dice: random.Random) -> None:
        self.rows: list[Row] = []
        self._size, self._dice = size, dice
        self._seen, self._next, self._weight = 0, -1, 1.0

    def of(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, unchanged."""
        if not self._size:
            yield from rows
            return
        for row in rows:
            if self._seen < self._size:
                self.rows.append(row)
                if self._seen == self._size - 1:
                    self._skip()
            elif self._seen == self._next:
                self.rows[self._dice.randrange(self._size)] = row
                self._skip()
            self._seen += 1
            yield row

    def _skip(self) -> None:
        """Draw the number of the next row that is kept."""
        self._weight = min(NEARLY_ALL, self._weight * math.exp(math.log(1 - self._dice.random()) / self._size))
        self._next = self._seen + 1 + math.floor(math.log(1 - self._dice.random()) / math.log1p(-self._weight))
