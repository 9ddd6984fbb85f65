"""Log-in sessions lie on the server, under a digest of the cookie, and end when their key is removed."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask, request, session
from redis import Redis
from redis.exceptions import OutOfMemoryError
from werkzeug.test import Client

from school_app.core.sessions import COOKIE, PERSON, REWRITE_SECONDS, DiskStore, RedisStore, ServerSessions, Store


@pytest.fixture(params=["disk", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> Store:
    """Both kinds of store."""
    if request.param == "disk":
        return DiskStore(tmp_path / "sessions.sqlite3")
    return RedisStore(Redis.from_url(settings.redis_url))


@pytest.fixture
def browser(store: Store) -> Client:
    """A small app that counts in its session."""
    app = Flask("counting")
    app.config["SESSION_COOKIE_SECURE"] = False
    app.session_interface = ServerSessions(store, 30)

    @app.get("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.get("/look")
    def look() -> str:
        return str(session.get("count", "nothing"))

    @app.get("/renew")
    def renew() -> str:
        session.renew()  # type: ignore[attr-defined]
        return "renewed"

    @app.get("/ended-meanwhile")
    def ended_meanwhile() -> str:
        session["count"] = 99
        store.delete(sha256(request.cookies[COOKIE].encode()).hexdigest())
        return "ended"

    @app.get("/log-in")
    def log_in() -> str:
        session[PERSON] = "17.1"
        return "logged in"

    @app.get("/clear")
    def clear() -> str:
        session.clear()
        return "cleared"

    return app.test_client()


def test_a_session_is_kept_between_requests_and_its_cookie_says_nothing(browser: Client) -> None:
    first = browser.get("/count")
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert "SameSite=Lax" in first.headers["Set-Cookie"]
    assert browser.get("/count").text == "2"


def test_a_session_that_did_not_change_is_not_written_again(browser: Client) -> None:
    browser.get("/count")
    assert "Set-Cookie" not in browser.get("/look").headers


def test_the_old_key_of_a_renewed_session_is_worth_nothing(browser: Client) -> None:
    browser.get("/count")
    old = browser.get_cookie(COOKIE)
    browser.get("/renew")
    assert browser.get("/look").text == "1"
    assert old is not None
    browser.set_cookie(COOKIE, old.value)
    assert browser.get("/look").text == "nothing"


def test_a_cleared_session_cannot_be_replayed(browser: Client) -> None:
    browser.get("/count")
    old = browser.get_cookie(COOKIE)
    browser.get("/clear")
    assert old is not None
    browser.set_cookie(COOKIE, old.value)
    assert browser.get("/look").text == "nothing"


def test_a_made_up_key_opens_nothing(browser: Client) -> None:
    browser.set_cookie(COOKIE, "guess")
    assert browser.get("/look").text == "nothing"


def test_the_store_does_not_hold_the_key_itself(store: Store, browser: Client) -> None:
    browser.get("/count")
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    assert store.get(cookie.value) is None


def test_people_are_active_once_each_and_only_for_some_minutes(store: Store) -> None:
    with time_machine.travel(datetime(2026, 5, 3, 8, tzinfo=UTC), tick=False) as clock:
        store.sign("17")
        store.sign("17")
        assert store.active() == 1
        clock.shift(REWRITE_SECONDS)
        store.sign("18")
        assert store.active() == 2
        clock.shift(REWRITE_SECONDS + 1)
        assert store.active() == 1


def test_only_who_is_logged_in_is_active(store: Store, browser: Client) -> None:
    browser.get("/count")
    assert store.active() == 0
    browser.get("/log-in")
    assert store.active() == 1


def test_an_old_session_ends(store: Store) -> None:
    store.set("key", "value", 30)
    assert store.get("key") == "value"
    store.delete("key")
    assert store.get("key") is None


def test_a_session_that_ended_during_a_request_is_not_brought_back_by_it(browser: Client) -> None:
    browser.get("/count")
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    browser.get("/ended-meanwhile")
    browser.set_cookie(COOKIE, cookie.value)
    assert browser.get("/look").text == "nothing"


def test_a_session_that_cannot_be_written_is_a_503_also_after_the_view(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    monkeypatch.setattr(RedisStore, "set", full)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = app.test_client().get("/login")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "Nothing you saved is lost" in answer.text
