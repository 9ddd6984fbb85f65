"""What is looked at beside the load: connections of the database, and the driver's and machine's own work.

The samples come from a thread of their own, twice a second.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine

EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Watched:
    """The most connections to the database at once, without the watcher's own; the driver's share of one core (0 to 1);
    the load average of the last minute at the end. Connections are not counted while it `is_paused`.
    """

    connections: int = 0
    is_paused: bool = False
    driver_share: float = 0.0
    load_average: float = 0.0


@contextmanager
def watching(database_url: str) -> Iterator[Watched]:
    """Watch for as long as the block runs; the figures are whole after it."""
    engine, found, over = create_engine(database_url), Watched(), threading.Event()
    thread = threading.Thread(target=_sample, args=(engine, found, over), daemon=True)
    cpu, started = _cpu_seconds(), time.monotonic()
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
        engine.dispose()
        found.driver_share = (_cpu_seconds() - cpu) / (time.monotonic() - started)
        found.load_average = os.getloadavg()[0]


@contextmanager
def unwatched(found: Watched) -> Iterator[None]:
    """Something that opens connections which the stack by itself does not have, as a second server does."""
    found.is_paused = True
    try:
        yield
    finally:
        # A sample that was begun meanwhile is over by then, and so are the connections.
        time.sleep(2 * EVERY_SECONDS)
        found.is_paused = False


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _sample(engine: Engine, found: Watched, over: threading.Event) -> None:
    with engine.connect() as connection:
        while True:
            row = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Threads_connected'").one()
            if not found.is_paused:
                found.connections = max(found.connections, int(row[1]) - 1)
            if over.wait(EVERY_SECONDS):
                return
