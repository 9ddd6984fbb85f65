"""Random kills of an archive run, with writers and a reader at work beside it: kills, rows checked, violations.

test_soak.py runs it, as `make soak` does. The seed decides what is written and when a run is killed; the servers' own
timing is not in its hands.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, text

from school_app.audit import queries, sealed
from school_app.audit.archive import Limits, Run
from tests.audit.breaks import CUTOFF
from tests.audit.cold.breaking import forked
from tests.audit.places import HOT, NOW, STAGED, YEAR, Key, Place

LIMITS = Limits(batch=20, exchange_from=1)
ROWS_A_ROUND = 120
DAY = timedelta(days=1)
YEARS = (YEAR - 2, YEAR - 1, YEAR)
SINCE = datetime(YEARS[0], 1, 1, tzinfo=UTC)


@dataclass
class Soak:
    """What has been done and found so far."""

    place: Place
    seed: int
    chosen: random.Random = field(init=False)
    kills: int = 0
    finished: int = 0
    failed: int = 0
    checked: int = 0
    reads: int = 0
    written: int = 0
    slowest_write: float = 0.0
    violations: list[str] = field(default_factory=list)
    known: dict[Key, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chosen = random.Random(self.seed)

    def told(self) -> str:
        """The figures in a line."""
        return (
            f"seed {self.seed}: {self.kills} kills, {self.finished} runs that came to their end before, "
            f"{self.failed} that failed of themselves, "
            f"{self.checked:,} rows checked, {self.reads:,} rows read meanwhile, {self.written} rows written meanwhile "
            f"(slowest {self.slowest_write * 1000:.0f} ms), {len(self.violations)} violations"
        )

    def round(self) -> None:
        """Write old rows, kill a run at a moment beside readers and writers, and look; now and then finish one."""
        self._write(ROWS_A_ROUND)
        if self.chosen.random() < 0.3:
            self.place.seal()
        self._kill_one()
        self.place.pass_lease()
        self._check()
        if self.chosen.random() < 0.2:
            self.finish()

    def finish(self) -> None:
        """A run that nobody kills: nothing old stays behind but what no seal holds yet."""
        self.place.seal()
        self.place.run(LIMITS, cutoff=CUTOFF)
        self._check()
        if self.place.rows(STAGED) or any(moment < CUTOFF for _, moment in self.place.rows(HOT)):
            self.violations.append("a run that came to its end left old rows behind")

    def _kill_one(self) -> None:
        # Between the first statement and a little longer than a run takes.
        ends = time.monotonic() + self.chosen.uniform(0.01, 0.6)
        child = forked(self._run)
        while time.monotonic() < ends:
            self._write(1)
            self._read()
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        self.kills += os.WIFSIGNALED(status)
        self.finished += status == 0
        # A page of the history would have failed as well, where it met the run in a deadlock.
        self.failed += os.WIFEXITED(status) and status != 0

    def _run(self) -> None:
        # In this process alone: days are compared ahead though they are few.
        sealed.DAYS_AT_ONCE, sealed.AHEAD_FROM = 2, 1
        with self.place.session() as session:
            for _ in Run(session, LIMITS, "a run", cutoff=CUTOFF).steps():
                session.commit()

    def _moment(self) -> datetime:
        """Mostly past the cutoff: in years to exchange or just before the cutoff, and now and then of these days."""
        first = self.chosen.choice(
            (*(datetime(year, 3, 3, tzinfo=UTC) for year in YEARS), CUTOFF - 5 * DAY, CUTOFF - 3 * DAY, NOW - 4 * DAY)
        )
        return first + timedelta(microseconds=self.chosen.randrange(3 * DAY // timedelta(microseconds=1)))

    def _write(self, number: int) -> None:
        began = time.monotonic()
        rows = [
            {
                "created_at": self._moment(),
                "school_id": self.chosen.choice((1, 2, None)),
                "actor_name": self.chosen.choice(("Ängström 🙂", "tab\there \\ back", "")),
                "event": "x.happened",
                "changes": self.chosen.choice((None, {"name": [None, "ß"]})),
            }
            for _ in range(number)
        ]
        with self.place.writer() as connection, connection.begin():
            for row in rows:
                connection.execute(insert(HOT).values(row))
        if number == 1:
            self.written += 1
            self.slowest_write = max(self.slowest_write, time.monotonic() - began)

    def _read(self) -> None:
        """A page of the history, while rows travel: each row once, in order, none missing that was there."""
        until = self._moment()
        filters = queries.Filters(since=SINCE, until=until + timedelta(days=200))
        with self.place.session() as session:
            rows = queries.rows_before(session, filters, None, limit=200)
        keys = [(row.id, row.created_at) for row in rows]
        if len(set(keys)) != len(keys):
            self.violations.append("a reader saw a row twice")
        if keys:
            # Rows known before the run that lie between the page's first and last.
            oldest = (keys[-1][1], keys[-1][0])
            due = {key for key in self.known if key[1] < filters.until and (key[1], key[0]) >= oldest}
            if missing := due - set(keys):
                self.violations.append(f"a reader missed {len(missing)} rows")
        self.reads += len(keys)

    def _check(self) -> None:
        """Every row that was ever seen is somewhere, once and unchanged."""
        # A child that was killed in the middle of a statement leaves it to the server, which may not have ended it yet.
        wait_until(lambda: _connections(self.place) == 0)
        try:
            now = self.place.rows()
        except AssertionError as error:
            self.violations.append(str(error))
            return
        changed = [key for key, found in self.known.items() if now.get(key) != found]
        if changed:
            self.violations.append(f"{len(changed)} rows are missing or changed")
        self.known = now
        self.checked += len(now)


def _connections(place: Place) -> int:
    others = text("SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
    with place.engine.connect() as connection:
        return int(connection.scalar(others) or 0)


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something; raises TimeoutError."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError(f"It did not come true within {seconds:.0f} s.")
        time.sleep(0.01)
