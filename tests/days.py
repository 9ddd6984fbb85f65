"""The day on which the run of the tests began: one day for all of them, also when midnight passes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time

import time_machine

TODAY = datetime.now(UTC).date()
# A test that holds TODAY is over within a minute.
LAST_MINUTE = datetime.combine(TODAY, time(23, 59), UTC)


@contextmanager
def kept() -> Iterator[None]:
    """Time goes on as it is, and in the last minute of TODAY where the day is over or about to be.

    The clock of this process alone is set back: the servers and other processes have theirs.
    """
    if datetime.now(UTC) < LAST_MINUTE:
        yield
        return
    with time_machine.travel(LAST_MINUTE, tick=True):
        yield
