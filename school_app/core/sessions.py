"""Log-in sessions, kept on the server as JSON under a random key; the cookie carries the key alone.

create_app() installs it. A session lives session_minutes after its last use; removing its key ends it at once.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from redis import Redis
from werkzeug.datastructures import CallbackDict

from school_app.config import Settings
from school_app.core.static_files import prefixes

COOKIE = "formroom_session"
PREFIX = "session:"
TOUCHED = "_touched"
REWRITE_SECONDS = 300
# What flask-login keeps in a session of somebody who is logged in: "ACCOUNT.VERSION".
PERSON = "_user_id"
# A session gives a sign when it is written: at a log-in, and while it is used every REWRITE_SECONDS. So whoever did
# something within that time is among those who gave a sign within twice of it.
ACTIVE_SECONDS = 2 * REWRITE_SECONDS
ACTIVE = "active"


class Store(Protocol):
    """Where sessions lie: text under a key, for a number of seconds; replace() writes only where the key is there.

    Beside them lies who is active: sign() notes a person, active() counts those of the last ACTIVE_SECONDS.
    """

    def get(self, key: str) -> str | None: ...
    def set(self, key: str, value: str, seconds: int) -> None: ...
    def replace(self, key: str, value: str, seconds: int) -> bool: ...
    def delete(self, key: str) -> None: ...
    def sign(self, person: str) -> None: ...
    def active(self) -> int: ...


class RedisStore:
    """Sessions in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def get(self, key: str) -> str | None:
        found = self._redis.get(PREFIX + key)
        return found.decode() if isinstance(found, bytes) else None

    def set(self, key: str, value: str, seconds: int) -> None:
        self._redis.set(PREFIX + key, value, ex=seconds)

    def replace(self, key: str, value: str, seconds: int) -> bool:
        return bool(self._redis.set(PREFIX + key, value, ex=seconds, xx=True))

    def delete(self, key: str) -> None:
        self._redis.delete(PREFIX + key)

    def sign(self, person: str) -> None:
        """Note that a person is there; those who have been silent for long go from the set."""
        now = time.time()
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zadd(ACTIVE, {person: now})
            pipeline.zremrangebyscore(ACTIVE, 0, now - ACTIVE_SECONDS)
            pipeline.expire(ACTIVE, ACTIVE_SECONDS)
            pipeline.execute()

    def active(self) -> int:
        """How many people have given a sign within ACTIVE_SECONDS, in one look at an ordered set."""
        return int(self._redis.zcount(ACTIVE, time.time() - ACTIVE_SECONDS, "+inf"))


class DiskStore:
    """Sessions in a file of their own, for the embedded default."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("CREATE TABLE IF NOT EXISTS session (key TEXT PRIMARY KEY, value TEXT, until REAL)")
        self._file.execute("CREATE TABLE IF NOT EXISTS active (person TEXT PRIMARY KEY, at REAL)")

    def get(self, key: str) -> str | None:
        with self._lock:
            row = self._file.execute(
                "SELECT value FROM session WHERE key = ? AND until > ?", (key, time.time())
            ).fetchone()
        return None if row is None else str(row[0])

    def set(self, key: str, value: str, seconds: int) -> None:
        with self._lock:
            self._file.execute("DELETE FROM session WHERE until <= ?", (time.time(),))
            self._file.execute("REPLACE INTO session VALUES (?, ?, ?)", (key, value, time.time() + seconds))

    def replace(self, key: str, value: str, seconds: int) -> bool:
        with self._lock:
            found = self._file.execute(
                "UPDATE session SET value = ?, until = ? WHERE key = ? AND until > ?",
                (value, time.time() + seconds, key, time.time()),
            )
        return found.rowcount == 1

    def delete(self, key: str) -> None:
        with self._lock:
            self._file.execute("DELETE FROM session WHERE key = ?", (key,))

    def sign(self, person: str) -> None:
        with self._lock:
            self._file.execute("DELETE FROM active WHERE at < ?", (time.time() - ACTIVE_SECONDS,))
            self._file.execute("REPLACE INTO active VALUES (?, ?)", (person, time.time()))

    def active(self) -> int:
        with self._lock:
            found = self._file.execute(
                "SELECT COUNT(*) FROM active WHERE at >= ?", (time.time() - ACTIVE_SECONDS,)
            ).fetchone()
        return int(found[0])


class ServerSession(CallbackDict[str, Any], SessionMixin):
    """The data of one session; `key` is None until it is saved, which it never is where `is_kept` is false."""

    def __init__(self, data: dict[str, Any] | None = None, key: str | None = None, *, is_kept: bool = True) -> None:
        def changed(session: CallbackDict[str, Any]) -> None:
            self.modified = True

        super().__init__(data, changed)
        self.key = key
        self.new = key is None
        self.is_kept = is_kept
        self.modified = False
        self.accessed = True
        self.replaced: str | None = None

    def renew(self) -> None:
        """Give the session a new key at the end of the request, as at every log-in and log-out."""
        self.replaced, self.key, self.modified = self.key, None, True


class ServerSessions(SessionInterface):
    """Flask's session interface over a Store."""

    def __init__(self, store: Store, minutes: int) -> None:
        self._store = store
        self._seconds = minutes * 60
        self._static: tuple[str, ...] | None = None

    def open_session(self, app: Flask, request: Request) -> ServerSession:
        if self._static is None:
            self._static = prefixes(app)
        # Which view it is for is not known yet: the address is matched after the session has been opened.
        if request.path.startswith(self._static):
            return ServerSession(is_kept=False)
        cookie = request.cookies.get(COOKIE, "")
        found = self._store.get(_place(cookie)) if cookie else None
        if found is None:
            return ServerSession()
        return ServerSession(json.loads(found), cookie)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, ServerSession)  # noqa: S101 - open_session makes no other.
        if not session.is_kept:
            return
        if session.replaced:
            self._store.delete(_place(session.replaced))
        if not session:
            if session.key:
                self._store.delete(_place(session.key))
            if session.key or session.replaced:
                response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
            return
        if not session.modified and time.time() - float(session.get(TOUCHED, 0)) < REWRITE_SECONDS:
            return
        self._write(app, session, response)

    def active(self) -> int:
        """How many people, not sessions, were active within the last five to ten minutes."""
        return self._store.active()

    def _write(self, app: Flask, session: ServerSession, response: Response) -> None:
        dict.__setitem__(session, TOUCHED, int(time.time()))
        data = json.dumps(dict(session))
        if session.key is None:
            session.key = secrets.token_urlsafe(32)
            self._store.set(_place(session.key), data, self._seconds)
        elif not self._store.replace(_place(session.key), data, self._seconds):
            # It was ended while this request was under way, and stays so.
            response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
            return
        response.set_cookie(
            COOKIE,
            session.key,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=bool(app.config["SESSION_COOKIE_SECURE"]),
        )
        if PERSON in session:
            self._store.sign(str(session[PERSON]).partition(".")[0])
        response.headers.add("Vary", "Cookie")


def _place(cookie: str) -> str:
    # The store holds a digest, so that whoever reads it cannot log in with what they find.
    return sha256(cookie.encode()).hexdigest()


def interface(settings: Settings) -> ServerSessions:
    """Sessions in Redis, or on disk for the embedded default."""
    if settings.redis_url is None:
        return ServerSessions(DiskStore(settings.data_dir / "sessions.sqlite3"), settings.session_minutes)
    client = Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
    return ServerSessions(RedisStore(client), settings.session_minutes)
