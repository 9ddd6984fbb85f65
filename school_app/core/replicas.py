"""How far the replicas are, so that pages that only read may be read there (core.reading).

A row of the primary is renewed two or three times a second. What a replica shows of it says how old its data is at
most, by the primary's clock alone; so what a server believes of its own lag does not matter, and a replica that is
looked at no more grows too old by itself.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from flask import Flask
from sqlalchemy import Engine, Integer, Table, case, func, literal_column, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import Base, UtcDateTime
from school_app.core.db.engines import beating_engine, reading_engines

log = structlog.get_logger()
# Seconds between two looks at a replica, and for how long it is left alone after a page could not be read from it.
LOOK_EVERY, RESTS = 0.4, 5.0
# Several processes renew the row; one that was renewed just now is as good as new.
FRESH = timedelta(milliseconds=200)
# By no more than this may clocks of hosts differ: what stands in for the primary's clock until it was asked.
CLOCKS_APART = timedelta(seconds=60)


class ReplicaBeat(Base):
    """The one row that is renewed: `at` is a moment by the primary's clock."""

    __tablename__ = "replica_beat"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


TABLE = cast(Table, ReplicaBeat.__table__)
PRESENT = func.utc_timestamp(6, type_=UtcDateTime)


def behind(shown: datetime, now: datetime) -> float:
    """Seconds that a replica is behind at most, where it shows what was written at a moment, by the same clock."""
    return max((now - shown).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class State:
    """A replica as it stands: its address, seconds behind at most (None: not known), and whether pages read there."""

    name: str
    behind: float | None
    is_near: bool


class Replica:
    """One replica, and what it showed when it was looked at last."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = f"{engine.url.host}:{engine.url.port or 3306}"
        self.shown: datetime | None = None
        self._rests_until = 0.0
        self._answered = True

    def is_near(self, now: datetime, most: float, since: datetime | None) -> bool:
        """Whether it is behind by no more than `most` seconds, and has what was written until a moment."""
        shown = self.shown
        if shown is None or time.monotonic() < self._rests_until:
            return False
        return behind(shown, now) <= most and (since is None or shown > since)

    def leave(self, error: Exception) -> None:
        """Leave it alone for some seconds, because a page could not be read from it."""
        self._rests_until = time.monotonic() + RESTS
        log.warning("replica_left", replica=self.name, error=type(error).__name__)

    def look(self) -> None:
        """See how far it is; one that does not answer has shown nothing."""
        try:
            with self.engine.connect() as connection:
                self.shown = connection.scalar(select(TABLE.c.at))
        except SQLAlchemyError as error:
            self.shown = None
            self._say(answers=False, error=type(error).__name__)
        else:
            self._say(answers=True)

    def _say(self, *, answers: bool, **more: str) -> None:
        if answers != self._answered:
            log.warning("replica_back" if answers else "replica_away", replica=self.name, **more)
        self._answered = answers


class Replicas:
    """The replicas of one app, looked at by a thread each from the first request on."""

    def __init__(self, settings: Settings) -> None:
        self._replicas = [Replica(engine) for engine in reading_engines(settings)]
        self._primary = beating_engine(settings)
        self._most = float(settings.replica_lag_seconds)
        # What the primary's clock said, and when that was at the earliest by this process's own.
        self._said: tuple[datetime, float] | None = None
        self._beats = True
        self._ended = threading.Event()
        self._watched_by: int | None = None
        self._lock = threading.Lock()

    def near(self, since: datetime | None) -> Replica | None:
        """One that is near enough and has everything until `since`; None where the primary has to be asked."""
        self._watch()
        now = self._now()
        if now is None:
            return None
        found = [one for one in self._replicas if one.is_near(now, self._most, since)]
        return random.choice(found) if found else None  # noqa: S311 - nothing secret hangs on it.

    def moment(self) -> datetime:
        """The present by the primary's clock, or later: what shows more has everything that is committed by now."""
        self._watch()
        return self._now() or clock.now() + CLOCKS_APART

    def states(self) -> Sequence[State]:
        """Each replica as it stands; where none was looked at yet, that begins now."""
        self._watch()
        now = self._now()
        return [
            State(
                one.name,
                behind(one.shown, now) if now and one.shown else None,
                now is not None and one.is_near(now, self._most, None),
            )
            for one in self._replicas
        ]

    def stop(self) -> None:
        """Look no more, and close the connections."""
        self._ended.set()
        for engine in (self._primary, *(one.engine for one in self._replicas)):
            engine.dispose()

    def _now(self) -> datetime | None:
        if self._said is None:
            return None
        said, at = self._said
        return said + timedelta(seconds=time.monotonic() - at)

    def _watch(self) -> None:
        # A forked process has none of its parent's threads.
        if self._watched_by == os.getpid():
            return
        with self._lock:
            if self._watched_by == os.getpid():
                return
            self._watched_by = os.getpid()
            for one in self._replicas:
                threading.Thread(target=self._look, args=(one,), name=f"replica {one.name}", daemon=True).start()

    def _look(self, replica: Replica) -> None:
        while not self._ended.is_set():
            try:
                self._beat()
            except SQLAlchemyError as error:
                # While the primary cannot be written to nothing is renewed, and pages read what is there.
                self._say(beats=False, error=type(error).__name__)
            else:
                self._say(beats=True)
            replica.look()
            self._ended.wait(LOOK_EVERY)

    def _say(self, *, beats: bool, **more: str) -> None:
        if beats != self._beats:
            log.warning("beats_for_replicas" if beats else "no_beats_for_replicas", **more)
        self._beats = beats

    def _beat(self) -> None:
        """Renew the row, unless another process did just now, and see what the primary's clock says."""
        renewed = case((TABLE.c.at < PRESENT - literal_column(_interval(FRESH)), PRESENT), else_=TABLE.c.at)
        statement: Any = insert(TABLE).values(id=1, at=PRESENT).on_duplicate_key_update(at=renewed)
        at = time.monotonic()
        with self._primary.begin() as connection:
            connection.execute(statement)
            said = connection.scalar(select(PRESENT))
        self._said = (cast(datetime, said), at)


def _interval(length: timedelta) -> str:
    return f"INTERVAL {length // timedelta(microseconds=1)} MICROSECOND"


def init_app(app: Flask, settings: Settings) -> None:
    """Give an app its replicas, where the settings name some; nothing is asked yet."""
    # SQLite has no replicas; what the settings name then is for other processes.
    some = settings.read_urls and not settings.database_url.startswith("sqlite")
    app.extensions["formroom.replicas"] = Replicas(settings) if some else None


def states(app: Flask) -> Sequence[State]:
    """The replicas of an app as they stand; none where the settings name none."""
    found: Replicas | None = app.extensions["formroom.replicas"]
    return found.states() if found is not None else ()
