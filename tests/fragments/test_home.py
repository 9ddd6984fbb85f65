"""The first page of a form's master as it is kept: the same as one that is made, but for what is a request's own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from school_app.core import fragments
from school_app.students.models import Student
from tests.factories import TwoSchools
from tests.fragments.changes import rename_student
from tests.fragments.kept import without_own
from tests.visits import hidden

# Who this is, and what they are master of: what a person may see is asked at every request.
STATEMENTS_OF_A_HIT = 2


def test_a_page_that_is_kept_takes_two_statements_and_is_the_same(
    master: FlaskClient, statements: list[str], made: list[str]
) -> None:
    first = master.get("/")
    statements.clear()
    second = master.get("/")
    assert len(statements) == STATEMENTS_OF_A_HIT, statements
    assert made == []
    assert without_own(first.text) == without_own(second.text)
    assert second.headers["Content-Type"] == "text/html; charset=utf-8"
    assert second.headers["Cache-Control"] == "no-store, private"


def test_tokens_and_nonces_are_each_request_s_own(master: FlaskClient, store: fragments.Fragments) -> None:
    pages = [master.get("/") for _ in range(2)]
    for page in pages:
        nonce = re.search(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"])
        assert nonce is not None
        assert set(re.findall(r'nonce="([^"]+)"', page.text)) == {nonce[1]}
    once = [re.findall(r'name="once" value="([^"]*)"', page.text) for page in pages]
    assert len(once[0]) > 1
    assert len({*once[0], *once[1]}) == 2 * len(once[0])
    kept = b"".join(store._redis.get(key) or b"" for key in store._redis.scan_iter("s:*:home:*"))
    assert b"Needs a decision" in kept
    for own in (*once[0], *once[1], hidden(pages[0].text, "csrf_token")):
        assert own.encode() not in kept


def test_what_is_posted_from_a_kept_page_is_taken(master: FlaskClient) -> None:
    page = master.get("/").text
    found = re.search(r'<form method="post" action="(/cases/[^"]+)">', page)
    assert found is not None
    data = {"csrf_token": hidden(page, "csrf_token"), "step_id": hidden(page, "step_id"), "action": "done"}
    assert master.post(found[1], data={**data, "back": "home"}).status_code == 303
    assert f'name="step_id" value="{data["step_id"]}"' not in master.get("/").text


def test_what_was_just_said_stands_on_the_page_once_and_is_not_kept(master: FlaskClient) -> None:
    for expected in (1, 0):
        if expected:
            with master.session_transaction() as kept:
                kept["_flashes"] = [("success", "This <was> said.")]
        assert master.get("/").text.count("This &lt;was&gt; said.") == expected


def test_what_stands_in_the_address_is_not_kept_for_the_next_request(master: FlaskClient, made: list[str]) -> None:
    assert "planted" in master.get("/?q=planted").text
    assert "planted" not in master.get("/").text
    assert made == ["home"]


def test_text_of_a_school_is_never_taken_for_a_slot(
    master: FlaskClient, session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.get_one(Student, two_schools.ours.student.id).family_name = "[0123456789abcdef0123456789abcdef:csrf]"
    session.commit()
    master.get("/")
    assert "[0123456789abcdef0123456789abcdef:csrf]" in master.get("/").text


def test_with_the_setting_off_every_page_is_made_and_changes_are_told_all_the_same(
    master: FlaskClient, app: Flask, session: Any, two_schools: TwoSchools, made: list[str]
) -> None:
    app.config["FORMROOM"] = replace(app.config["FORMROOM"], fragments=False)
    try:
        master.get("/")
        master.get("/")
        assert made == ["home"] * 2
        rename_student(session, two_schools.ours)
        session.commit()
    finally:
        app.config["FORMROOM"] = replace(app.config["FORMROOM"], fragments=True)
    assert "Changed" in master.get("/").text


def test_a_look_is_written_down_once_in_five_minutes(
    master: FlaskClient, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    master.get("/")
    statements.clear()
    master.get("/")
    assert not [one for one in statements if "last_look" in one]
    with master.session_transaction() as kept:
        account, _, before = kept["looked"]
        kept["looked"] = (account, (datetime.now(UTC) - timedelta(minutes=6)).isoformat(), before)
    statements.clear()
    master.get("/")
    assert [one for one in statements if one.startswith("UPDATE last_look")]
