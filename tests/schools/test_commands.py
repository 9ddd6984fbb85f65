"""flask schools: a school and its first admin, without a page."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from school_app.accounts.models import Account, AccountRole
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools
from school_app.schools.commands import schools
from school_app.schools.models import School
from tests.factories import TwoSchools
from tests.visits import log_in


def run(app: Flask, *words: str) -> Any:
    with app.app_context():
        return app.test_cli_runner().invoke(schools, list(words[1:]))


def test_a_school_is_made_and_its_first_admin_gets_a_link(app: Flask, session: Any) -> None:
    made = run(app, "schools", "create", "birch", "--name", "Birch School", "--timezone", "Europe/Berlin")
    assert (made.exit_code, "Birch School is there" in made.output) == (0, True)
    asked = run(app, "schools", "add-admin", "birch", "ada@birch", "--name", "Ada King Noel")
    assert (asked.exit_code, "/password/" in asked.output) == (0, True)
    with all_schools(session):
        school = session.scalars(select(School).where(School.slug == "birch")).one()
        account = session.scalars(select(Account).where(Account.login == "ada@birch")).one()
        roles = session.scalars(select(AccountRole.role).where(AccountRole.account_id == account.id)).all()
    assert (account.school_id, account.given_name, account.family_name) == (school.id, "Ada", "King Noel")
    assert roles == [Role.SCHOOL_ADMIN]
    again = run(app, "schools", "add-admin", "birch", "ada@birch", "--name", "Ada King")
    assert (again.exit_code, "somebody has it already" in again.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("schools", "create", "Birch School", "--name", "x"), "Slug:"),
        (("schools", "create", "birch", "--name", " "), "Name:"),
        (("schools", "create", "birch", "--name", "x", "--timezone", "Berlin"), "Time zone:"),
        (("schools", "add-admin", "nowhere", "ada", "--name", "Ada King"), "There is no school 'nowhere'"),
    ],
)
def test_what_cannot_stand_is_named(app: Flask, session: Any, words: tuple[str, ...], said: str) -> None:
    answer = run(app, *words)
    assert (answer.exit_code, said in answer.output) == (1, True)


def test_a_taken_slug_or_roster_id_is_named(app: Flask, session: Any) -> None:
    assert run(app, "schools", "create", "elm", "--name", "Elm", "--sourced-id", "77").exit_code == 0
    assert "Slug: 'elm' is another school" in run(app, "schools", "create", "elm", "--name", "Elm").output
    other = run(app, "schools", "create", "elm-two", "--name", "Elm", "--sourced-id", "77")
    assert "Roster id: '77' is another school" in other.output


def test_nobody_of_a_school_that_is_closed_stays_inside(
    app: Flask, client: FlaskClient, session: Any, two_schools: TwoSchools
) -> None:
    session.commit()
    slug = two_schools.ours.school.slug
    log_in(client, two_schools.ours.form_master)
    assert client.get("/").status_code == 200
    assert run(app, "schools", "close", slug).exit_code == 0
    assert client.get("/").status_code == 403
    assert run(app, "schools", "open", slug).exit_code == 0
    assert client.get("/").status_code == 200
