"""How many connections to the database each part of an installation opens at most, and whether the server has them.

`flask connections` prints it; docs/operations.md explains it. The figures of pools are in config.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, literal_column, select

from school_app.config import ONE_BY_ONE_POOL, Settings

# The rest is for backups, for whoever looks after the server, and for processes that begin before others have ended.
SHARE = 0.8
# What a worker opens beside its pool: signs of life, a session without limits of time, and what changes a table
# while it reads another. A test holds every scheduled job to it.
BESIDE_POOL = 4
# Commands that are run by hand, each with a pool of its own, of which it uses one.
COMMANDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """How many processes of each kind an installation runs, on all of its hosts; as docs/operations.md has them."""

    web: int = 2
    workers: int = 2
    audit_workers: int = 1
    schedulers: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of process, how many there are, and the connections that one of them opens at most."""

    name: str
    processes: int
    each: int

    @property
    def most(self) -> int:
        """What all of them open at most."""
        return self.processes * self.each


def parts_of_primary(settings: Settings, processes: Processes) -> Sequence[Part]:
    """Who connects to the database itself. A web process looks after each replica by one connection more."""
    one = sum(ONE_BY_ONE_POOL)
    return (
        Part("web processes", processes.web, settings.pool_size + settings.pool_overflow + len(settings.read_urls)),
        Part("workers", processes.workers, one + BESIDE_POOL),
        Part("audit workers", processes.audit_workers, one + BESIDE_POOL),
        Part("schedulers", processes.schedulers, one),
        Part("commands", COMMANDS, 1),
    )


def parts_of_replica(settings: Settings, processes: Processes) -> Sequence[Part]:
    """Who connects to a replica: pages that read, and archive runs that ask how far it is."""
    return (
        Part("web processes", processes.web, settings.pool_size + settings.pool_overflow + 1),
        Part("audit workers", processes.audit_workers, 1),
    )


def most_of_server(engine: Engine) -> int:
    """How many connections a server takes in all."""
    with engine.connect() as connection:
        return int(connection.execute(select(literal_column("@@max_connections"))).scalar_one())


def shortage(parts: Sequence[Part], server_takes: int) -> str | None:
    """What is wrong where some parts may open more than their share of a server; None where nothing is."""
    together, share = sum(part.most for part in parts), int(server_takes * SHARE)
    if together <= share:
        return None
    needed = -int(-together // SHARE)
    return (
        f"Together they may open {together} connections, and {SHARE:.0%} of the server's max_connections "
        f"({server_takes}) are {share}: set max_connections to {needed} or more, or FORMROOM_POOL_SIZE and "
        "FORMROOM_POOL_OVERFLOW to less, or run fewer processes."
    )
