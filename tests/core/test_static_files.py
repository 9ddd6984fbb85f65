"""Static files have addresses that a cache may keep for a year; whatever else is answered is kept by nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from school_app import create_app
from school_app.core.sessions import COOKIE, RedisStore
from school_app.core.static_files import Hashes
from tests.factories import TwoSchools
from tests.visits import log_in

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ROOT / "static" / "css" / "tokens.css"
FOR_EVER = "public, max-age=31536000, immutable"


def address(app: Flask, endpoint: str, filename: str, **more: Any) -> str:
    with app.test_request_context():
        return url_for(endpoint, filename=filename, **more)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of sessions that are asked for from here on."""
    asked: list[str] = []
    get = RedisStore.get

    def noted(store: RedisStore, key: str) -> str | None:
        asked.append(key)
        return get(store, key)

    monkeypatch.setattr(RedisStore, "get", noted)
    return asked


@pytest.fixture
def with_cdn(settings: Any) -> Flask:
    return create_app(replace(settings, static_url="https://cdn.example.org"))


def test_the_address_of_a_file_holds_the_hash_of_its_content_and_may_be_kept_for_ever(
    app: Flask, client: FlaskClient
) -> None:
    path = address(app, "static", "css/tokens.css")
    assert path == f"/static/css/tokens.{sha256(TOKENS.read_bytes()).hexdigest()[:16]}.css"
    with client.get(path) as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, FOR_EVER)
        assert answer.data == TOKENS.read_bytes()
        assert answer.mimetype == "text/css"


@pytest.mark.parametrize("name", ["tokens.css", "tokens.0123456789abcdef.css"])
def test_an_address_without_or_with_another_hash_gives_the_file_for_a_few_minutes(
    client: FlaskClient, name: str
) -> None:
    with client.get(f"/static/css/{name}") as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
        assert answer.data == TOKENS.read_bytes()


def test_every_file_that_pages_ask_for_may_be_kept_for_ever(client: FlaskClient, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.form_master)
    asked = re.findall(r'(?:src|href)="(/(?:bootstrap/)?static/[^"]+)"', client.get("/").text)
    names = {path.split(".")[0] for path in asked}
    assert names > {"/static/css/tokens", "/static/js/page", "/bootstrap/static/css/bootstrap"}
    for path in asked:
        with client.get(path) as answer:
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, FOR_EVER), path


def test_a_file_that_the_browser_has_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    path = address(app, "static", "css/tokens.css")
    with client.get(path) as first:
        tag = first.headers["ETag"]
    with client.get(path, headers={"If-None-Match": tag}) as again:
        assert (again.status_code, again.headers["Cache-Control"]) == (304, FOR_EVER)


def test_static_files_touch_no_session_and_vary_by_nothing(
    app: Flask,
    client: FlaskClient,
    two_schools: TwoSchools,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(client, two_schools.ours.form_master)
    statements.clear()
    before = client.get_cookie(COOKIE)
    asked = counted(monkeypatch)
    for path in (address(app, "static", "css/tokens.css"), "/static/css/tokens.css", "/static/no-such-file.css"):
        with client.get(path) as answer:
            assert "Set-Cookie" not in answer.headers
            assert "Vary" not in answer.headers
    assert client.get_cookie(COOKIE) == before
    assert (statements, asked) == ([], [])
    client.get("/")
    assert len(asked) == 1


def test_a_file_that_is_not_there_is_not_kept(client: FlaskClient) -> None:
    for path in ("/static/css/nothing.css", "/static/css/nothing.0123456789abcdef.css"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store, private")


@pytest.mark.parametrize("name", ["../wsgi.0123456789abcdef.py", "..%2fwsgi.py", "css/../../wsgi.py"])
def test_no_file_outside_of_the_folder_is_given(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_a_name_that_is_no_file_has_a_plain_address(app: Flask) -> None:
    assert address(app, "static", "css/nothing.css") == "/static/css/nothing.css"
    assert address(app, "static", "css") == "/static/css"


def test_a_file_that_was_edited_gets_another_address_where_files_are_edited(tmp_path: Path) -> None:
    file = tmp_path / "page.css"
    file.write_text("a {}")
    edited, kept = Hashes(may_change=True), Hashes(may_change=False)
    first = edited.of(file)
    assert kept.of(file) == first
    file.write_text("a { color: red }")
    assert edited.of(file) != first
    assert kept.of(file) == first


def test_files_lie_at_a_cdn_where_one_is_named_and_pages_may_use_it(with_cdn: Flask) -> None:
    page = with_cdn.test_client().get("/login")
    for name in (r"static/css/tokens", r"bootstrap/static/css/bootstrap\.min"):
        assert re.search(rf'href="https://cdn\.example\.org/{name}\.[0-9a-f]{{16}}\.css"', page.text)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["style-src"] == "'self' https://cdn.example.org"
    assert policy["img-src"] == "'self' data: https://cdn.example.org"
    assert policy["font-src"] == "'self' https://cdn.example.org"
    assert "cdn" not in policy["script-src"] + policy["default-src"]
    for script in re.findall(r"<script[^>]*>", page.text):
        assert 'nonce="' in script


def test_without_a_cdn_pages_use_this_host_alone(client: FlaskClient) -> None:
    page = client.get("/login")
    assert "style-src 'self'; img-src 'self' data:; font-src 'self';" in page.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="https?:', page.text)
