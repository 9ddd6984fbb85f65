"""Passwords: changing them, and the links that set them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts import service
from school_app.accounts.mailing import mail_password_link
from school_app.accounts.models import PasswordLink
from school_app.accounts.passwords import BadPassword, check_new
from school_app.core.tenancy import all_schools
from tests.factories import PASSWORD, TwoSchools
from tests.visits import NEW, attempt, log_in, send, token_on

NONCE = re.compile(r'nonce="[^"]*"|value="[^"]*"')


def test_changing_the_password_ends_the_other_sessions(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    head = two_schools.ours.head
    other = log_in(client.application.test_client(), head)
    log_in(client, head)
    assert "this is not it" in send(client, "/account/password", old="wrong", new=NEW, again=NEW).text
    assert (
        "easy to guess"
        in send(client, "/account/password", old=PASSWORD, new="password1234", again="password1234").text
    )
    assert send(client, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 303
    assert client.get("/students").status_code == 200
    assert other.get("/students").status_code == 303
    assert attempt(client.application.test_client(), head.login, NEW).status_code == 303


@pytest.mark.parametrize("password", ["short", "x" * 201, "formroom2026", "aaaaaaaaaaaa", "ada.byron.ours"])
def test_a_password_that_anybody_would_try_is_refused(password: str) -> None:
    with pytest.raises(BadPassword):
        check_new(password, login="ada.byron.ours", name="Ada Byron")


def test_a_link_sets_a_password_once(
    app: Any, client: Any, session: Any, two_schools: TwoSchools, settings: Any
) -> None:
    head = two_schools.ours.head
    session.commit()
    token = token_on(client, "/password")
    known = client.post("/password", data={"name": head.login, "csrf_token": token})
    unknown = client.post("/password", data={"name": "nobody at all", "csrf_token": token})
    assert NONCE.sub("", known.text) == NONCE.sub("", unknown.text)
    with all_schools(session):
        link = session.scalars(select(PasswordLink)).one()
        assert mail_password_link(session, link.id, settings) == "sent"
        address = service.token_of(link, settings.secret_key)
    mail = max((settings.data_dir / "mail").iterdir()).read_text().replace("=\n", "")
    assert head.email in mail
    path = f"/password/{address}"
    posted = {"new": NEW, "again": NEW, "csrf_token": token_on(client, path)}
    assert client.post(path, data=posted).status_code == 303
    assert client.post(path, data=posted).status_code in (400, 404)
    assert attempt(client, head.login, NEW).status_code == 303


def test_neither_row_nor_job_holds_what_opens_a_link(
    app: Any, session: Any, two_schools: TwoSchools, settings: Any
) -> None:
    link = service.make_link(session, two_schools.ours.head.id)
    token = service.token_of(link, settings.secret_key)
    assert token not in str(link.__dict__)
    assert service.token_of(link, "another secret key that somebody guessed") != token
    assert re.fullmatch(r"[\w.-]+", token)


def test_a_link_sets_a_password_once_and_dies_with_a_change(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.teacher.email = "t@example.org"
    session.commit()
    secret = client.application.config["FORMROOM"].secret_key

    def made() -> str:
        link = service.make_link(session, ours.teacher.id)
        session.commit()
        return f"/password/{service.token_of(link, secret)}"

    first, browser = made(), client.application.test_client()
    data = {"new": NEW, "again": NEW}
    token = token_on(browser, first)
    assert browser.post(first, data={**data, "csrf_token": token}).status_code == 303
    assert browser.get(first).status_code != 200
    token = token_on(browser, "/login")
    assert browser.post(first, data={**data, "csrf_token": token}).status_code != 303
    second = made()
    assert browser.get(second).status_code == 200
    attempt(client, ours.teacher.login, NEW)
    other = "purple stone garden lamp"
    assert send(client, "/account/password", old=NEW, new=other, again=other).status_code == 303
    assert browser.get(second).status_code != 200
