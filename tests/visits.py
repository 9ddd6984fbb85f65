"""A test's browser: logging in, and posting forms with the token that every page carries."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from school_app.accounts.models import Account
from school_app.core.reading import WROTE
from school_app.schools.models import School
from tests.factories import PASSWORD

# A password that somebody may choose.
NEW = "orange bicycle window river"
TOKEN = re.compile(r'name="csrf_token"[^>]*?value="([^"]+)"')


def token_on(client: FlaskClient, path: str) -> str:
    """The token of a page's forms."""
    found = TOKEN.search(client.get(path).text)
    assert found is not None, f"{path} has no form with a token"
    return found.group(1)


def log_in(client: FlaskClient, account: Account) -> FlaskClient:
    """Log an account in as its person would; the client is then theirs."""
    answer = attempt(client, account.login, PASSWORD)
    assert answer.status_code == 303, answer.text
    return client


def long_after_writing(client: FlaskClient) -> None:
    """Let a browser be one whose person has written nothing for long."""
    with client.session_transaction() as kept:
        kept.pop(WROTE, None)


def attempt(client: FlaskClient, name: str, password: str) -> TestResponse:
    """Try to log in; the answer tells whether that went well."""
    data = {"name": name, "password": password, "csrf_token": token_on(client, "/login")}
    return client.post("/login", data=data)


def send(client: FlaskClient, path: str, **data: Any) -> TestResponse:
    """Post a form of a person who is logged in; every page of theirs has the form to log out."""
    return client.post(path, data={**data, "csrf_token": token_on(client, "/password")})


def enter(client: FlaskClient, school: School) -> TestResponse:
    """Enter a school as an operator who is logged in."""
    return send(client, f"/platform/schools/{school.id}/enter", reason="A form master cannot see the form.")


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"the page has no hidden field {name}"
    return found.group(1)
