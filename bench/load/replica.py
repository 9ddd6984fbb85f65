"""`make bench-replica`: a replica lags, stops, falls silent, is killed and comes back while people visit.

Two private MariaDB servers, two small schools, the web server as in production. Each state begins while people visit.
It prints what visitors met, from which server pages were read, and whether a person who has written a note finds it on
the next page; it ends with 1 where somebody met an error or did not find their own note.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade

from bench.apps import NoQueue, settings_of
from bench.load import mix
from bench.load.driver import Driver, Tally, Visit
from bench.load.figures import waits
from bench.load.hottest import APPLICATION, VARIABLE, WRITTEN_EVERY_SECONDS, read
from bench.load.mix import Odd, Written
from bench.load.people import crowd, people
from bench.load.processes import ROOT, web_server
from bench.load.report import table
from bench.load.wire import Answer, Dropped
from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.permissions import Role
from tests.replicating import PRIMARY, REPLICA, Servers, mariadb_pair

SESSIONS, RATE, SECONDS = 200, 5.0, 12.0
# The state begins so many seconds after the load, and after each a replica that was left alone is asked again.
BEGINS_AFTER, RESTS = 3.0, 6.0
# People who write a note and look for it, and how long each waits before the next.
WRITERS, OWN_EVERY_SECONDS = 3, 0.5
# How much of the server's log is shown where something went wrong, in characters from its end.
SAID = 8_000


@dataclass(slots=True)
class Stood:
    """What a state came to: the visits, reads by server, and own notes, written and found on the next page."""

    state: str
    visits: Tally
    reads: Mapping[str, int] = field(default_factory=dict)
    written: int = 0
    seen: int = 0

    @property
    def is_wrong(self) -> bool:
        """Whether somebody met an error, or did not find their own note."""
        return bool(self.visits.failed) or self.seen < self.written


def main() -> int:
    """Go through the states, and print the table."""
    parser = argparse.ArgumentParser(prog="make bench-replica")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each state")
    parser.add_argument("--rate", type=float, default=RATE, help="visits a second")
    parser.add_argument("--port", type=int, default=8768)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with mariadb_pair() as servers, tempfile.TemporaryDirectory() as folder:
        servers.begin()
        app = _schools(servers, Path(folder))
        noted = Path(folder) / "noted"
        noted.mkdir()
        environment = _environment(app.config["FORMROOM"], servers, noted=noted, port=asked.port)
        log = Path(folder) / "web.log"
        with web_server(asked.port, environment=environment, log=log, application=APPLICATION):
            run = Run(app, servers, noted, asked.port)
            found = asyncio.run(run.through(_states(servers), asked.rate, asked.seconds))
        print(report(found))
        is_wrong = any(one.is_wrong for one in found)
        if is_wrong:
            said = log.read_text(encoding="utf-8", errors="replace")
            print("What the web server said of it:", said[-SAID:], sep="\n")
    return 1 if is_wrong else 0


def _schools(servers: Servers, folder: Path) -> Flask:
    """An app over the primary, with two small schools."""
    print("Making two schools…", flush=True)
    app = create_app(replace(settings_of(servers.url(PRIMARY), folder), statement_seconds=5))
    app.extensions["formroom.queue"] = NoQueue()
    with app.app_context():
        upgrade()
        arguments = ["--schools", "2", "--students", "300", "--years", "1", "--audit", "1000"]
        done = app.test_cli_runner().invoke(args=["demo", "generate", *arguments])
        if done.exit_code != 0:
            raise RuntimeError(done.output)
        db.session.remove()
        db.engine.dispose()
    servers.caught_up()
    return app


def _environment(settings: Settings, servers: Servers, *, noted: Path, port: int) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("FORMROOM_")}
    return own | {
        "FORMROOM_DATABASE_URL": settings.database_url,
        "FORMROOM_DATABASE_READ_URL": servers.url(REPLICA),
        "FORMROOM_REDIS_URL": str(settings.redis_url),
        "FORMROOM_SECRET_KEY": settings.secret_key,
        "FORMROOM_BASE_URL": f"http://127.0.0.1:{port}",
        "FORMROOM_DATA_DIR": str(settings.data_dir),
        "FORMROOM_LOG_LEVEL": "ERROR",
        VARIABLE: str(noted),
        "PYTHONPATH": str(ROOT),
    }


def _states(servers: Servers) -> Mapping[str, Callable[[], None]]:
    """What is done to the replica, one after the other, by what it is then."""

    def lag(seconds: int) -> None:
        servers.tell(REPLICA, "STOP SLAVE", f"CHANGE MASTER TO master_delay={seconds}", "START SLAVE")

    def kill() -> None:
        servers.send(signal.SIGCONT)
        servers.send(signal.SIGKILL)

    def bring_back() -> None:
        servers.start_replica()
        lag(0)

    return {
        "there": lambda: None,
        "one second behind": lambda: lag(1),
        "ten seconds behind": lambda: lag(10),
        "stopped: takes no more of what it is sent": servers.stand,
        "silent: its process stands still": lambda: servers.send(signal.SIGSTOP),
        "killed": kill,
        "back": bring_back,
    }


class Run:
    """The load, while the replica goes from state to state."""

    def __init__(self, app: Flask, servers: Servers, noted: Path, port: int) -> None:
        self._noted, self._dice = noted, random.Random(1)
        self._names = {str(servers.ports[PRIMARY]): "primary", str(servers.ports[REPLICA]): "replica"}
        crowded = crowd(app, people(app), sessions=SESSIONS, port=port, dice=self._dice)
        self._driver = Driver(port, crowded, Written(secrets.token_hex(4)), self._dice)

    async def through(self, states: Mapping[str, Callable[[], None]], rate: float, seconds: float) -> list[Stood]:
        """All states, each under load."""
        await self._driver.connect_all()
        for view in self._driver.views:
            await self._driver.alone(view, 0.5, 4)
        found = []
        for name, begin in states.items():
            print(f"{name}…", flush=True)
            found.append(await self._stand(name, begin, rate=rate, seconds=seconds))
        self._driver.crowd.close()
        return found

    async def _stand(self, name: str, begin: Callable[[], None], *, rate: float, seconds: float) -> Stood:
        await asyncio.sleep(RESTS)
        stood, before = Stood(name, Tally()), self._reads()
        load = asyncio.create_task(self._driver.keep_rate(rate, seconds))
        writing = [asyncio.create_task(self._write(stood, seconds)) for _ in range(WRITERS)]
        await asyncio.sleep(BEGINS_AFTER)
        await asyncio.to_thread(begin)
        stood.visits.add(await load)
        await asyncio.gather(*writing)
        await asyncio.sleep(2 * WRITTEN_EVERY_SECONDS)
        stood.reads = self._reads() - before
        return stood

    def _reads(self) -> Counter[str]:
        """How many statements have read from each server, without those by which replicas are looked at."""
        found: Counter[str] = Counter()
        for one in read(self._noted):
            if one.name.startswith("select") and not one.name.endswith(("replica_beat", "?")):
                found[self._names[one.server.rpartition(":")[2]]] += one.count
        return found

    async def _write(self, stood: Stood, seconds: float) -> None:
        """Have one person after the other write a note and look for it at once."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(OWN_EVERY_SECONDS)
            try:
                await self._write_one(stood)
            except (Dropped, Odd) as error:
                stood.visits.wrong[str(error)] += 1

    async def _write_one(self, stood: Stood) -> None:
        visitor, sent = self._driver.crowd.pick(Role.FORM_MASTER), dict[str, str]()
        visit = Visit(visitor, stood.visits, time.monotonic())

        async def get(name: str, path: str) -> Answer:
            sent["path"] = path
            return await visit.get(name, path)

        async def post(name: str, path: str, fields: dict[str, str]) -> Answer:
            sent["text"] = fields["body"]
            return await visit.post(name, path, fields)

        await mix.add_note(visitor.person, self._driver.written, get, post, self._dice)
        stood.written += 1
        page = await visit.get("Own note", sent["path"])
        stood.seen += sent["text"].encode() in page.body


def report(found: list[Stood]) -> str:
    """The table, and whatever went wrong."""
    head = ["Replica", "visits", "errors", "not answered in time", "p95 ms", "max ms"]
    head += ["reads at the replica", "at the primary", "own notes", "found on the next page"]
    rows = []
    for one in found:
        every = waits(second for took in one.visits.took.values() for second in took)
        counts = [f"{one.visits.due:,}", str(one.visits.wrong.total()), str(one.visits.unanswered)]
        counts += [f"{every.p95:,.0f}", f"{every.longest:,.0f}"]
        reads = [f"{one.reads.get(name, 0):,}" for name in ("replica", "primary")]
        rows.append([one.state, *counts, *reads, str(one.written), str(one.seen)])
    wrong = [f"- {one.state}: {name}: {count}" for one in found for name, count in one.visits.wrong.most_common()]
    return "\n".join([table(head, rows), *wrong])


if __name__ == "__main__":
    sys.exit(main())
