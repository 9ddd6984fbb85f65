"""How much a run does, and how fast: its limits, the pause between batches, and the wait for replicas that lag.

The archive run of the audit log and the run over a school year go by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from school_app.archiving.lease import Lease
from school_app.archiving.replicas import Beat, Replicas
from school_app.core import clock


@dataclass(frozen=True, slots=True)
class Measure:
    """How many rows and seconds a run may take, None for any number; `pause` is seconds between batches."""

    max_rows: int | None = None
    max_seconds: float | None = None
    pause: float = 0.0


class Pace:
    """The pace of one run; `moved` says how many rows it has moved so far."""

    def __init__(self, lease: Lease, replicas: Replicas, measure: Measure, *, moved: Callable[[], int]) -> None:
        self._lease, self._replicas, self._measure, self._moved = lease, replicas, measure, moved
        self._started = 0.0

    def begin(self) -> None:
        """Count the seconds from here on."""
        self._started = time.monotonic()

    def is_over(self) -> bool:
        """Whether the run has done as much as it may."""
        limits = self._measure
        if limits.max_rows is not None and self._moved() >= limits.max_rows:
            return True
        return limits.max_seconds is not None and time.monotonic() - self._started >= limits.max_seconds

    def allowed(self, rows: int) -> int:
        """How many of some rows the run may still move."""
        return rows if self._measure.max_rows is None else min(rows, self._measure.max_rows - self._moved())

    def rest(self) -> None:
        """Pause between two batches."""
        time.sleep(self._measure.pause)

    def heard(self) -> Iterator[tuple[str | None, float]]:
        """Wait until no replica is far behind what was committed last: now and then who lags, as Replicas.waits().

        The caller holds the lease and commits. Raises ReplicasLag.
        """
        beat = Beat(self._lease.token, self._lease.expires_at or clock.now(), self._lease.name)
        yield from self._replicas.waits(beat, self.is_over)
