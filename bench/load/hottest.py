"""The statements of pages that take the most time in all, and the ways by which the server finds their rows.

A web server beside the stack's own notes what it sends (bench.load.recording) while people visit it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, create_engine

from school_app.core.db.plans import Step, explained

# In the environment of the server that notes: the folder into which its processes write.
VARIABLE = "BENCH_STATEMENTS"
APPLICATION = "bench.load.recording:app"
WRITTEN_EVERY_SECONDS = 0.5
HOTTEST = 10


@dataclass(slots=True)
class Noted:
    """One statement, whatever its values: who asks it, of which server (host:port), how often, how many seconds in all;
    and what it was when it took longest, with its values: empty where it was only sent with many values at once.
    """

    name: str
    asked_by: str
    server: str = ""
    count: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    example: str = ""


@dataclass(frozen=True, slots=True)
class Hot:
    """A statement that takes much time in all, its part of the time of all statements (0 to 1), and its plan."""

    noted: Noted
    share: float
    plan: Sequence[Step]


class Recorder(Protocol):
    """A server that notes its statements, for as long as the block runs; the block is given its port."""

    def __call__(self) -> Any: ...


def read(folder: Path) -> list[Noted]:
    """What the processes of a server have noted, together."""
    found: dict[str, Noted] = {}
    for path in sorted(folder.glob("*.json")):
        for text, values in json.loads(path.read_text()).items():
            of_process = Noted(**values)
            one = found.setdefault(text, Noted(of_process.name, of_process.asked_by, of_process.server))
            one.count += of_process.count
            one.seconds += of_process.seconds
            if of_process.slowest > one.slowest:
                one.slowest, one.example = of_process.slowest, of_process.example
    return sorted(found.values(), key=lambda one: -one.seconds)


def hottest(noted: Sequence[Noted], url: str) -> list[Hot]:
    """The ten that took the most time in all, as the server of a database would find their rows now."""
    every = sum(one.seconds for one in noted)
    with _connection(url) as connection:
        return [
            Hot(one, one.seconds / every, explained(connection, one.example) if one.example else [])
            for one in noted[:HOTTEST]
        ]


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        # The values stand in the statement already, so that a sign of percent is one.
        yield connection.execution_options(no_parameters=True)
    engine.dispose()
