"""Audit rows written at a steady rate while something else is measured, each in a transaction of its own.

    with Inserts(url) as inserts: …
    inserts.waits

Run as a program it is the process that writes: `python -m bench.audit.inserts URL`, until it is asked to end.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import pymysql
from sqlalchemy.engine import make_url

RATE, WRITERS = 150, 4
STATEMENT = (
    "INSERT INTO audit_log (created_at, school_id, actor_id, actor_name, event, entity_type, entity_id, student_id, "
    "changes, ip, request_id) VALUES (UTC_TIMESTAMP(6), %s, %s, 'A person of the school', 'row.changed', 'student', "
    """%s, %s, '{"given_name":["Before","After"]}', '10.0.0.1', %s)"""
)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long writers waited, in ms, counted from when each row was due, so that a queue of them counts too."""

    number: int
    p99: float
    longest: float


class Inserts:
    """A process that writes audit rows for as long as the block lasts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.waits = Waits(0, 0.0, 0.0)

    def __enter__(self) -> Inserts:
        command = [sys.executable, "-m", "bench.audit.inserts", self._url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is None or self._process.stdout.readline().strip() != "ready":
            raise SystemExit("The process that writes audit rows beside the measurement has not begun.")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        said, _nothing = self._process.communicate()
        self.waits = Waits(**json.loads(said))


def write(url: str, over: threading.Event, waits: list[float], writer: int) -> None:
    """Be one of the writers: its rows are due at even distances, whether the one before has been written or not."""
    place = make_url(url)
    where: dict[str, Any] = {"host": place.host, "port": place.port, "user": place.username, "charset": "utf8mb4"}
    connection = pymysql.connect(**where, password=place.password or "", database=place.database, autocommit=True)
    cursor, number = connection.cursor(), 0
    begun = time.perf_counter() + writer / RATE
    while not over.is_set():
        due = begun + number * WRITERS / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        numbered = number * WRITERS + writer
        cursor.execute(STATEMENT, (1 + numbered % 8, numbered % 3000, numbered, numbered % 48_000, f"{numbered:x}"))
        waits.append(1000 * (time.perf_counter() - due))
        number += 1
    connection.close()


def main() -> int:
    """Write until the process is asked to end, then print how long the writers waited."""
    over, waits = threading.Event(), list[float]()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    writers = [threading.Thread(target=write, args=(sys.argv[1], over, waits, number)) for number in range(WRITERS)]
    for one in writers:
        one.start()
    print("ready", flush=True)
    for one in writers:
        one.join()
    # The first half second holds the connecting.
    counted = waits[RATE // 2 :]
    if len(counted) < RATE:
        raise SystemExit("The measurement was over before a second of writing was: give it more rows.")
    p99 = statistics.quantiles(counted, n=100)[-1]
    print(json.dumps({"number": len(counted), "p99": p99, "longest": max(counted)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
