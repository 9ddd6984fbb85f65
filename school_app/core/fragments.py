"""Kept pages: rendered once, and served again until something that they show has changed. docs/decisions/0042.

Routes call page(); core.touched says what has changed. Two levels: for two seconds in the process, and in Redis.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import cast

import structlog
from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError

from school_app.config import Settings
from school_app.core import clock, copies, costs, touched
from school_app.core.cache import PREFIX, near, quick
from school_app.core.metrics import CACHE_HIT, CACHE_MISS, CACHE_STALE
from school_app.core.places import CHANGING, Place, Seen, version_keys
from school_app.core.reading import from_primary, wrote_within
from school_app.core.slots import Copy, cut, fill
from school_app.core.touched import Versions

log = structlog.get_logger()
# A version outlives every page that is made of it.
VERSION_SECONDS = 24 * 3600
# How long one is waited for who makes a page, and who has announced a change that they then neither made nor took back:
# longer than a connection to the database may be silent.
MAKING_MILLISECONDS, CHANGING_MILLISECONDS = 5_000, 60_000
LARGEST = 512 * 1024
# For so long after they wrote something a person is shown neither a stale page nor one of the process.
OWN_SECONDS = 60
# For how long Redis is left alone after it did not answer.
RESTS_SECONDS = 5.0
# What keys begin with: of pages and their versions, and of the plain values of core.cache.
KEPT = ("", PREFIX)
UNREACHABLE = (RedisError, OSError)
_stores: list[Fragments] = []
Making = Callable[[], tuple[Copy, datetime | None]]


class Fragments:
    """The pages that are kept in one Redis. Where it does not answer there are none, and the log says so."""

    def __init__(self, redis: Redis, static_url: str | None) -> None:
        self._redis = redis
        self._static_url = static_url
        self.near = copies.Near()
        self._rests_until = 0.0
        # Versions that could not be raised: nothing is believed of Redis until they are.
        self._owed: set[str] = set()
        self._paying = threading.Lock()

    def copy(self, place: Place, make: Making, *, own: bool) -> Copy | None:
        """The page of a place, made where it has to be; None where the caller has to make one of their own.

        `own` is said of a person who has just written something: they get nothing that may be older than that.
        """
        key = place.key(self._static_url)
        served = None if own else self.near.get(key)
        if served is not None:
            return _noted(CACHE_HIT, place, served)
        try:
            seen = self._look(place, key)
            if seen is None:
                return _noted(CACHE_MISS, place, None)
            if seen.is_fresh:
                return _noted(CACHE_HIT, place, self._served(key, seen))
            claimed = None if seen.is_changing else self._claim(place, key, seen)
        except UNREACHABLE as error:
            self._leave("get", error)
            return _noted(CACHE_MISS, place, None)
        if claimed is None:
            shown = seen.copy if seen.may_be_shown(place) and not own else None
            return _noted(CACHE_STALE if shown else CACHE_MISS, place, shown)
        return _noted(CACHE_MISS, place, self._made(place, key, claimed, make))

    def announce(self, versions: Versions) -> None:
        """Let nobody keep a page of these versions until they are raised, or for a minute."""
        if not self._rests():
            self._quietly("announce", lambda: self._mark(version_keys(versions)))

    def raise_(self, versions: Versions) -> None:
        """Let every page that is made of these versions be made anew."""
        for school_id in versions:
            self.near.forget(f"s:{school_id}:" if school_id else "")
        with self._paying:
            self._owed.update(version_keys(versions))
            self._quietly("raise", self._pay)

    def clear(self, school_id: int | None = None) -> int:
        """Forget what is kept of a school, or of all, pages and plain values; returns how many there were.

        Raises RedisError or OSError.
        """
        forget_near()
        one = "*" if school_id is None else school_id
        keys = [key for head in KEPT for key in self._redis.scan_iter(match=f"{head}s:{one}:*", count=1000)]
        for start in range(0, len(keys), 500):
            self._redis.unlink(*keys[start : start + 500])
        return sum(b":v:" not in key for key in keys)

    def _rests(self) -> bool:
        return time.monotonic() < self._rests_until

    def _look(self, place: Place, key: str) -> Seen | None:
        """Ask Redis for the copy and the versions, in one go; None while it is left alone."""
        if self._rests():
            return None
        if self._owed:
            with self._paying:
                self._pay()
        versions = place.versions
        kept, *now = cast("list[bytes | None]", self._redis.mget([key, *versions]))
        if kept is None:
            return Seen(now)
        try:
            return Seen(now, *copies.read(kept, len(versions)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("fragment_unreadable", name=place.name, error=str(error)[:100])
            return Seen(now)

    def _served(self, key: str, seen: Seen) -> Copy | None:
        if seen.copy is not None:
            self.near.put(key, seen.copy)
        return seen.copy

    def _claim(self, place: Place, key: str, seen: Seen) -> Seen | None:
        """Be the one who makes the page: the versions as they are before anything is read; None where another is."""
        keys = place.versions
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(_claim_key(key), b"1", nx=True, px=MAKING_MILLISECONDS)
            for name, value in zip(keys, seen.now, strict=True):
                if value is None:
                    pipeline.set(name, _stamp(), nx=True, ex=VERSION_SECONDS)
            pipeline.mget(keys)
            mine, *_, now = pipeline.execute()
        return replace(seen, now=now) if mine else None

    def _made(self, place: Place, key: str, claimed: Seen, make: Making) -> Copy:
        try:
            copy, until = make()
            seconds = _seconds(place, until)
            if seconds > 0 and not claimed.is_changing and None not in claimed.now:
                self._keep(place, key, copy, cast("Sequence[bytes]", claimed.now), seconds)
            return copy
        finally:
            # If making took longer than it may, this is another's claim: then two make the page at once, as before.
            self._quietly("release", lambda: self._redis.delete(_claim_key(key)))

    def _keep(self, place: Place, key: str, copy: Copy, versions: Sequence[bytes], seconds: int) -> None:
        if copy.size > LARGEST:
            log.warning("fragment_too_large", name=place.name, size=copy.size)
            return
        self._quietly("keep", lambda: self._redis.set(key, copies.written(copy, versions), ex=seconds))

    def _mark(self, keys: Sequence[str]) -> None:
        """Say of versions that they are changing, also of one that is not there: somebody may ask for it meanwhile."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.set(key, CHANGING + _stamp(), px=CHANGING_MILLISECONDS)
            pipeline.execute()

    def _pay(self) -> None:
        """Raise what could not be raised before. Raises what is UNREACHABLE.

        A version is raised by removing it: whoever asks for it next gives it a new word. A Redis that is full takes no
        words any more, and lets go of them all the same.
        """
        if self._owed:
            self._redis.unlink(*self._owed)
            self._owed.clear()

    def _quietly(self, doing: str, act: Callable[[], object]) -> None:
        try:
            act()
        except UNREACHABLE as error:
            self._leave(doing, error)

    def _leave(self, doing: str, error: Exception) -> None:
        self._rests_until = time.monotonic() + RESTS_SECONDS
        log.warning("fragments_unreachable", doing=doing, error=type(error).__name__)


def page(place: Place, make: Callable[[], str]) -> str | bytes:
    """A page: the copy that is kept of it where that is right, with what is this request's own in it.

    `make` prints it, from the primary where it is to be kept.
    """
    store = of(current_app)
    if store is None or not current_app.config["FORMROOM"].fragments:
        return make()

    def made() -> tuple[Copy, datetime | None]:
        with from_primary():
            return cut(make)

    copy = store.copy(place, made, own=wrote_within(OWN_SECONDS))
    return make() if copy is None else fill(copy)


def of(app: Flask) -> Fragments | None:
    """The pages that an app keeps; None where it has no Redis."""
    found: Fragments | None = app.extensions["formroom.fragments"]
    return found


def init_app(app: Flask, settings: Settings) -> None:
    """Keep pages in Redis; without one every page is made when it is asked for.

    With FORMROOM_FRAGMENTS=off they are too, and changes are told all the same: other processes may keep pages.
    """
    app.extensions["formroom.fragments"] = None
    if settings.redis_url is not None:
        app.extensions["formroom.fragments"] = _store(settings.redis_url, settings.static_url)


@cache
def _store(redis_url: str, static_url: str | None) -> Fragments:
    """The one keeper that a process has for a Redis; it is told of every commit."""
    made = Fragments(Redis.from_url(redis_url, **quick()), static_url)
    _stores.append(made)
    touched.tell(made)
    return made


def forget_near() -> None:
    """Forget what this process has kept for a moment, of every app."""
    near.forget()
    for store in _stores:
        store.near.forget()


def _noted(what: str, place: Place, copy: Copy | None) -> Copy | None:
    costs.note(what, place.name)
    return copy


def _seconds(place: Place, until: datetime | None) -> int:
    """For how long a page is kept that is right until a moment."""
    if until is None:
        return place.seconds
    return min(place.seconds, int((until - clock.now()) / timedelta(seconds=1)))


def _claim_key(key: str) -> str:
    return f"{key}:making"


def _stamp() -> bytes:
    """A value that no version has had before."""
    return secrets.token_hex(8).encode()
