"""What runs when, and the process that sees to it: `python -m workers.schedule`.

The embedded default runs the same table in a thread. Times are UTC. A run that was missed is made up for once.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from school_app import create_app
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.jobs import enqueue_after_commit
from school_app.core.tenancy import all_schools
from workers import jobs

log = structlog.get_logger()
LOOK_EVERY_SECONDS = 10
LEADER = "formroom:schedule:leader"
LEADS_FOR_SECONDS = 60
SLOT_KEPT_SECONDS = 3 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table: which job, in which queue, and when: at a minute of the day (UTC), or `every` so many
    minutes from midnight (UTC) on."""

    name: str
    job: str
    at: str = "00:00"
    queue: str = "slow"
    every: int | None = None

    def slot(self, now: datetime) -> str:
        """The latest day on which the entry was due, or the latest moment of one that is due several times a day."""
        if self.every is not None:
            minute = (now.hour * 60 + now.minute) // self.every * self.every
            return now.replace(hour=minute // 60, minute=minute % 60).strftime("%Y-%m-%dT%H:%M")
        hour, minute = (int(part) for part in self.at.split(":"))
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return (due if due <= now else due - timedelta(days=1)).date().isoformat()


TABLE = (
    Entry("keep-audit-partitions", "workers.jobs.keep_audit_partitions", "01:45", queue="audit"),
    Entry("seal-audit", "workers.jobs.seal_audit", "02:00"),
    Entry("archive-audit", "workers.jobs.archive_audit", "02:15", queue="audit"),
    Entry("cool-audit", "workers.jobs.cool_audit", "03:15", queue="audit"),
    Entry("destroy-audit", "workers.jobs.destroy_audit", "03:45", queue="audit"),
    Entry("move-school-years", "workers.jobs.move_school_years", "04:00", queue="default"),
    Entry("evaluate-all", "workers.jobs.evaluate_all", "04:30", queue="default"),
    Entry("check-summaries", "workers.jobs.check_all_summaries", "05:00", queue="default"),
    Entry("prune-uploads", "workers.jobs.prune_uploads", "05:15"),
    Entry("prune-exports", "workers.jobs.prune_exports", "05:20"),
    Entry("prune-job-runs", "workers.jobs.prune_job_runs", "05:30"),
    Entry("warm-homes", "workers.jobs.warm_all_homes", queue="default", every=15),
    Entry("refresh-summaries", "workers.jobs.refresh_all_summaries", queue="default", every=15),
)


class Slots(Protocol):
    """Who leads, and which slots are taken."""

    def leads(self) -> bool: ...
    def take(self, name: str, slot: str) -> bool: ...


class RedisSlots:
    """In Redis, so that two schedulers do everything once."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._me = secrets.token_hex(8)

    def leads(self) -> bool:
        """Whether this process is the one; it stays so while it asks at least once a minute."""
        if self._redis.set(LEADER, self._me, nx=True, ex=LEADS_FOR_SECONDS):
            return True
        held = self._redis.get(LEADER)
        if held is None or bytes(held).decode() != self._me:  # type: ignore[arg-type]
            return False
        self._redis.expire(LEADER, LEADS_FOR_SECONDS)
        return True

    def take(self, name: str, slot: str) -> bool:
        """Take a slot; False where it was taken before."""
        return bool(self._redis.set(f"formroom:schedule:{name}:{slot}", self._me, nx=True, ex=SLOT_KEPT_SECONDS))


class OwnSlots:
    """In this process, for the embedded default, which has one."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, str]] = set()

    def leads(self) -> bool:
        """There is nobody else."""
        return True

    def take(self, name: str, slot: str) -> bool:
        """Take a slot; False where it was taken before."""
        if (name, slot) in self._taken:
            return False
        self._taken.add((name, slot))
        return True


def due(slots: Slots, now: datetime) -> Iterator[Entry]:
    """The entries whose slot nobody has taken yet."""
    for entry in TABLE:
        if slots.take(entry.name, entry.slot(now)):
            yield entry


def tick(app: Flask, slots: Slots, now: datetime) -> list[str]:
    """One look at the table: enqueue what is due, send again what waits, tell refusals and failures.

    Returns the names of the entries that were enqueued.
    """
    if not slots.leads():
        return []
    names = []
    with app.app_context(), all_schools(db.session):
        for entry in due(slots, now):
            enqueue_after_commit(db.session, entry.job, queue=entry.queue, requested_name="schedule")
            db.session.commit()
            names.append(entry.name)
        jobs.resend_waiting()
        jobs.tell_refusals()
        jobs.tell_failures()
    return names


def keep_time(app: Flask, slots: Slots, stop: threading.Event) -> None:
    """Look at the table every few seconds until told to stop; an outage is logged and waited out."""
    while not stop.is_set():
        try:
            for name in tick(app, slots, clock.now()):
                log.info("scheduled", name=name)
        except (RedisError, SQLAlchemyError, OSError) as error:
            log.warning("schedule_waits", error=type(error).__name__)
        stop.wait(LOOK_EVERY_SECONDS)


def start_in_thread(app: Flask) -> threading.Event:
    """Keep time in a thread of this process; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=keep_time, args=(app, OwnSlots(), stop), name="schedule", daemon=True).start()
    return stop


def main() -> int:
    """Keep time until told to end."""
    app, stop = create_app(Settings.from_env().one_by_one()), threading.Event()
    settings = app.config["FORMROOM"]
    if settings.redis_url is None:
        raise SystemExit("FORMROOM_REDIS_URL is not set; without Redis the web process keeps time itself.")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keep_time(app, RedisSlots(Redis.from_url(settings.redis_url)), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
