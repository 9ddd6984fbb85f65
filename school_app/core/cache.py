"""Cached plain data, always under the key of one school; no school's value can be served to another.

Queries decorate with school_cached(); services call forget() when they change what a value was made from.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import structlog
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching import Cache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.orm import Session, scoped_session

from school_app.config import Settings
from school_app.core import costs
from school_app.core.db import REPLICA
from school_app.core.metrics import CACHE_HIT, CACHE_MISS
from school_app.core.tenancy import needed_school

log = structlog.get_logger()
cache = Cache()
PREFIX = "cache:"
# Seconds.
NEAR_SECONDS = 2.0
Value = TypeVar("Value")
AnySession = Session | scoped_session[Any]


class JsonSerializer(BaseSerializer):
    """Values as JSON that knows dates, moments and decimals. Unlike pickle, reading it runs no code."""

    def dumps(self, value: Any, *args: Any, **kwargs: Any) -> bytes:
        return json.dumps(_tagged(value), ensure_ascii=False).encode()

    def loads(self, bvalue: bytes | None) -> Any:
        return None if bvalue is None else _untagged(json.loads(bvalue))

    def dump(self, value: Any, f: IO[bytes], *args: Any, **kwargs: Any) -> None:
        f.write(self.dumps(value))

    def load(self, f: IO[bytes]) -> Any:
        return self.loads(f.read())


def quick(seconds: float = 0.2) -> dict[str, Any]:
    """Options of a client that gives up at once: with its own retries a command takes 4.7 s while Redis is down."""
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(NoBackoff(), 0)}


def disk_config(directory: Path) -> dict[str, Any]:
    """Flask-Caching's settings for a cache in files.

    A threshold would make the library keep a count of its files, as pickle, before it has our serializer.
    """
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(directory),
        "CACHE_THRESHOLD": 0,
        "CACHE_SERIALIZER": JsonSerializer(),
        "CACHE_DEFAULT_TIMEOUT": 300,
    }


def init_app(app: Flask, settings: Settings) -> None:
    """Put the cache in Redis, or in files for the embedded default."""
    if settings.redis_url is None:
        config = disk_config(settings.data_dir / "cache")
    else:
        config = {
            "CACHE_SERIALIZER": JsonSerializer(),
            "CACHE_DEFAULT_TIMEOUT": 300,
            "CACHE_TYPE": "RedisCache",
            "CACHE_REDIS_URL": settings.redis_url,
            "CACHE_KEY_PREFIX": PREFIX,
        }
        config["CACHE_OPTIONS"] = quick()
    cache.init_app(app, config=config)


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$t": value.isoformat()}
    if isinstance(value, date):
        return {"$d": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$n": str(value)}
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key.startswith("$") for key in value):
            raise TypeError("Keys of cached values are plain text and do not begin with $.")
        return {key: _tagged(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(part) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} cannot be cached; cache plain data, never rows.")


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(tag, text)] = value.items()
        if tag in _READ:
            return _READ[tag](text)
    return {key: _untagged(part) for key, part in value.items()}


_READ: dict[str, Callable[[str], Any]] = {
    "$t": datetime.fromisoformat,
    "$d": date.fromisoformat,
    "$n": Decimal,
}


def school_key(school_id: int, name: str, *arguments: object) -> str:
    """The key of a value: it begins with its school, and arguments are digested so that none can forge another's."""
    digest = sha256(json.dumps([str(part) for part in arguments]).encode()).hexdigest()[:32]
    return f"s:{school_id}:{name}:{digest}"


class Near:
    """Values that this process has just seen, for as long as a page from a replica may be old."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, Any]] = {}

    def get(self, key: str) -> Any:
        """The value of a key; None where there is none that is young enough."""
        until, value = self._values.get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def put(self, key: str, value: Any) -> None:
        """Keep a value that is right now. There are few keys: one for each school and name."""
        self._values[key] = (time.monotonic() + NEAR_SECONDS, value)

    def forget(self, key: str | None = None) -> None:
        """Forget a value, or all."""
        if key is None:
            self._values.clear()
        else:
            self._values.pop(key, None)


near = Near()


def school_cached(
    name: str, *, seconds: int, is_near: bool = False
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Cache a query's plain result for the session's school; its first argument is the session.

    With the cache out of reach the query is run; nothing else changes for the reader. What every page asks is kept in
    the process as well, where `is_near`; its reader must not change it.
    """

    def decorate(query: Callable[..., Value]) -> Callable[..., Value]:
        @wraps(query)
        def cached(session: AnySession, *arguments: object) -> Value:
            key = school_key(needed_school(session), name, *arguments)
            found = near.get(key) if is_near else None
            if found is not None:
                return cast(Value, found)
            found = _get(key)
            costs.note(CACHE_MISS if found is None else CACHE_HIT, name)
            if found is None:
                found = query(session, *arguments)
                # What a replica shows may be older than what somebody has just forgotten here.
                if REPLICA not in session.info:
                    _set(key, found, seconds)
            if is_near and REPLICA not in session.info:
                near.put(key, found)
            return cast(Value, found)

        return cached

    return decorate


def forget(session: AnySession, name: str, *arguments: object) -> None:
    """Drop a cached value of the session's school."""
    key = school_key(needed_school(session), name, *arguments)
    near.forget(key)
    try:
        cache.delete(key)
    except (RedisError, OSError) as error:
        log.warning("cache_unreachable", doing="forget", error=type(error).__name__)


def _get(key: str) -> Any:
    try:
        return cache.get(key)
    except (RedisError, OSError) as error:
        log.warning("cache_unreachable", doing="get", error=type(error).__name__)
        return None


def _set(key: str, value: Any, seconds: int) -> None:
    try:
        cache.set(key, value, timeout=seconds)
    except (RedisError, OSError) as error:
        log.warning("cache_unreachable", doing="set", error=type(error).__name__)
