"""After every write each first page that is kept is, byte for byte, the one that is made from the database.

A new address that writes fails here until writes.py says who writes there what, and whose first page shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from school_app.accounts import service as accounts
from school_app.accounts.login import SessionKey
from school_app.accounts.models import Account
from school_app.core import fragments
from school_app.core.permissions import Role
from school_app.core.sessions import PERSON
from school_app.schools.models import FormMaster, HeadOfYear
from tests.architecture.test_routes import ARGUMENTS
from tests.days import TODAY
from tests.factories import TwoSchools, account, added
from tests.fragments.writes import WRITES
from tests.rosters.test_pages import upload, work
from tests.visits import enter, hidden, log_in, send, token_on

WRITING = {"POST", "PUT", "PATCH", "DELETE"}
KEPT = ("home", "overview", "classes")
# Whose first pages are compared; an operator's, inside the school, is the only one that is never kept.
PEOPLE = ("form_master", "other_master", "master_and_head", "teacher", "head", "admin", "operator")
# What each request has of its own: its nonce, its token, and the names of what its forms make.
OWN = re.compile(r'nonce="[^"]*"|name="(?:csrf_token|once)" value="[^"]*"')
Pages = Mapping[str, tuple[int, str]]


@pytest.fixture
def visitors(app: Flask, session: Any, two_schools: TwoSchools) -> dict[str, FlaskClient]:
    """A browser of each of the people; they look, and do not write."""
    ours = two_schools.ours
    both = account(session, "both.ours", Role.FORM_MASTER, Role.HEAD_OF_YEAR, name="Master Andhead")
    since = ours.things["year"].starts_on
    added(session, FormMaster(form_id=ours.other_form.id, account_id=both.id, starts_on=since))
    added(session, HeadOfYear(year_group_id=ours.things["year_group"].id, account_id=both.id, starts_on=since))
    ours.things["both"] = both
    session.commit()
    known: dict[str, Account] = {"master_and_head": both, "operator": two_schools.operator}
    found = {}
    for who in PEOPLE:
        found[who] = browser_of(app, known.get(who) or getattr(ours, who))
        if who == "operator":
            enter(found[who], ours.school)
        with found[who].session_transaction() as of_person:
            of_person.pop("wrote_at", None)
    return found


def browser_of(app: Flask, person: Account) -> FlaskClient:
    """The browser of somebody who has logged in, without the log-in: the walk has hundreds of them."""
    client = app.test_client()
    with client.session_transaction() as of_person:
        of_person[PERSON] = str(SessionKey(person.id, person.session_version))
    return client


def first_pages(visitors: Mapping[str, FlaskClient]) -> Pages:
    """Each person's first page as another process would give it, without what is the request's own."""
    found = {}
    for who, client in visitors.items():
        fragments.forget_near()
        answer = client.get("/")
        found[who] = (answer.status_code, OWN.sub("", answer.text))
    return found


@contextmanager
def nothing_kept(app: Flask) -> Iterator[None]:
    """Every page is made, as with FORMROOM_FRAGMENTS=off."""
    settings = app.config["FORMROOM"]
    app.config["FORMROOM"] = replace(settings, fragments=False)
    try:
        yield
    finally:
        app.config["FORMROOM"] = settings


def carry_out(app: Flask, schools: TwoSchools, name: str) -> None:
    """Do a write, each time in a browser of its own."""
    write, client = WRITES[name], app.test_client()
    if write.who.startswith("operator"):
        client = browser_of(app, schools.operator)
    elif write.who != "nobody":
        client = browser_of(app, getattr(schools.ours, write.who))
    if write.who == "operator inside":
        enter(client, schools.ours.school)
    path = address(app, schools, name)
    taken = {field: hidden(client.get(path).text, field) for field in write.takes}
    token = token_on(client, "/password")
    answer = client.post(path, data={**write.data(schools.ours), **taken, "csrf_token": token})
    assert answer.status_code == 303 or name == "accounts.forgot", f"{path}: {answer.status_code} {answer.text}"
    with client.session_transaction() as of_person:
        said = of_person.get("_flashes", [])
    assert not [words for kind, words in said if kind == "error"], said


def address(app: Flask, schools: TwoSchools, name: str) -> str:
    endpoint, write = name.partition(" ")[0], WRITES[name]
    rule = next(one for one in app.url_map.iter_rules(endpoint) if WRITING & (one.methods or set()))
    given = write.at(schools.ours)
    if "token" in rule.arguments:
        given["token"] = accounts.token_of(schools.ours.things["link"], app.config["FORMROOM"].secret_key)
    values = {one: given[one] if one in given else ARGUMENTS[one](schools.ours) for one in rule.arguments}
    with app.test_request_context():
        return url_for(endpoint, **values)


def kept_pages(app: Flask) -> int:
    store = fragments.of(app)
    assert store is not None
    return sum(1 for kind in KEPT for _ in store._redis.scan_iter(f"s:*:{kind}:*"))


def unlike(one: Pages, other: Pages) -> set[str]:
    return {who for who in PEOPLE if one[who] != other[who]}


@pytest.mark.parametrize("name", WRITES)
def test_after_a_write_every_first_page_is_what_the_database_says(
    app: Flask, session: Any, two_schools: TwoSchools, visitors: dict[str, FlaskClient], name: str
) -> None:
    with app.app_context():
        WRITES[name].before(session, two_schools.ours)
    session.commit()
    before = first_pages(visitors)
    assert {status for status, _ in before.values()} == {200}
    assert kept_pages(app) == len(PEOPLE) - 1
    carry_out(app, two_schools, name)
    found = first_pages(visitors)
    with nothing_kept(app):
        made = first_pages(visitors)
    assert unlike(found, made) == set(), "these are shown a page that is no longer right"
    assert unlike(before, made) == set(WRITES[name].seen_by.split())


def test_every_address_that_writes_is_walked_and_says_whose_first_page_shows_it(app: Flask) -> None:
    writing = {rule.endpoint for rule in app.url_map.iter_rules() if WRITING & (rule.methods or set())}
    assert {name.partition(" ")[0] for name in WRITES} == writing
    assert [name for name, one in WRITES.items() if bool(one.seen_by) == bool(one.unseen)] == []
    assert {who for one in WRITES.values() for who in one.seen_by.split()} <= set(PEOPLE)


def test_the_walk_finds_a_page_that_no_change_makes_old(
    app: Flask,
    session: Any,
    two_schools: TwoSchools,
    visitors: dict[str, FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: where nobody tells the kept pages, the walk says whose are wrong."""
    first_pages(visitors)
    monkeypatch.setattr(fragments.touched, "_keepers", [])
    carry_out(app, two_schools, "cases.act escalate")
    found = first_pages(visitors)
    with nothing_kept(app):
        made = first_pages(visitors)
    assert unlike(found, made) == set(WRITES["cases.act escalate"].seen_by.split()) - {"operator"}


def file_brought_in(app: Flask, session: Any, schools: TwoSchools) -> None:
    """A calendar is uploaded, tried and confirmed: today is a holiday."""
    admin = log_in(app.test_client(), schools.ours.admin)
    content = f"schoolSourcedId,date,dayType\nS1,{TODAY},holiday\n".encode()
    page = upload(admin, content, "calendar.csv", "calendar")
    work(app, session)
    send(admin, f"{page}/confirm")
    work(app, session)


def master_appointed(app: Flask, session: Any, schools: TwoSchools) -> None:
    """A form gets another master, to whom the evaluation gives its alerts."""
    carry_out(app, schools, "schools.appoint_master")
    work(app, session)


@pytest.mark.parametrize("write", [file_brought_in, master_appointed])
def test_after_the_job_of_a_write_every_first_page_is_what_the_database_says(
    app: Flask, session: Any, two_schools: TwoSchools, visitors: dict[str, FlaskClient], write: Any
) -> None:
    two_schools.ours.school.sourced_id = "S1"
    session.commit()
    before = first_pages(visitors)
    write(app, session, two_schools)
    found = first_pages(visitors)
    with nothing_kept(app):
        made = first_pages(visitors)
    assert unlike(found, made) == set()
    assert {"form_master", "head", "admin"} <= unlike(before, made)
