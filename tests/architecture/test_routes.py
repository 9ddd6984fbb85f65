"""Every address of the product: it declares who may use it, does as it says for every role, and never answers with
another school's things.

A new page is held by these tests without being named in them; one whose address has a new kind of argument fails until
its argument is added to OWN and THEIRS below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from school_app import create_app
from school_app.audit.events import Event
from school_app.audit.models import AuditRow, RefusalTally
from school_app.audit.refusals import SINGLY
from school_app.audit.retention.models import LegalHold
from school_app.core.errors import Forbidden
from school_app.core.permissions import (
    OPERATOR_INSIDE,
    PUBLIC,
    ROLE_PERMISSIONS,
    SIGNED_IN,
    Role,
    UndeclaredEndpoint,
    declared,
    guard,
    refuse_undeclared,
)
from school_app.core.tenancy import all_schools
from tests.days import TODAY
from tests.factories import TwoSchools, World
from tests.visits import enter, log_in

ROLES: dict[str, tuple[Role, ...]] = {
    "form_master": (Role.FORM_MASTER,),
    "teacher": (Role.TEACHER,),
    "head": (Role.HEAD_OF_YEAR,),
    "admin": (Role.SCHOOL_ADMIN,),
    "auditor": (Role.AUDITOR,),
}
# What each argument of an address stands for, from a school of the factories.
ARGUMENTS: dict[str, Callable[[World], object]] = {
    "account_id": lambda world: world.form_master.id,
    "alert_id": lambda world: world.things["alert"].id,
    "assessment_id": lambda world: world.things["assessment"].id,
    "case_id": lambda world: world.things["case"].id,
    "code_id": lambda world: next(iter(world.codes.values())).id,
    "export_id": lambda world: world.things["export"].id,
    "form_id": lambda world: world.form.id,
    "group_id": lambda world: world.things["teaching_group"].id,
    "hold_id": lambda world: world.things["hold"].id,
    "import_id": lambda world: world.things["imported"].id,
    "incident_id": lambda world: world.things["incident"].id,
    "school_id": lambda world: world.school.id,
    "student_id": lambda world: world.student.id,
    "subject_id": lambda world: world.things["subject"].id,
    "step_id": lambda world: world.things["step"].id,
    "row_id": lambda world: world.things["audit_row"].id,
    "moment": lambda world: world.things["audit_row"].created_at.isoformat(),
    "note_id": lambda world: world.things["note"].id,
    "on": lambda world: TODAY.isoformat(),
    "month": lambda world: TODAY.isoformat()[:7],
    "year_id": lambda world: world.things["year"].id,
    "token": lambda world: "no-such-token",
    "what": lambda world: "disable",
    "answer": lambda world: "confirm",
    "filename": lambda world: "css/tokens.css",
}
# Arguments that say which row of which school is meant: with another school's value the answer is "not found".
OBJECTS = {name for name in ARGUMENTS if name.endswith("_id")} - {"school_id"}
# Addresses of the platform, whose rows belong to no school of the person.
PLATFORM = {"accounts.enter_school", "operations.set_roster_id"}
METHODS = ("GET", "POST")


@dataclass(frozen=True)
class Asked:
    """One address to ask for."""

    endpoint: str
    method: str
    path: str


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.endswith("static"):
            continue
        for method in METHODS:
            if method in (rule.methods or ()):
                yield rule, method


def path_of(app: Flask, rule: Rule, world: World) -> str:
    unknown = rule.arguments - ARGUMENTS.keys()
    assert not unknown, f"{rule.rule} has the arguments {sorted(unknown)}: say in ARGUMENTS what they stand for."
    values = {name: ARGUMENTS[name](world) for name in rule.arguments}
    with app.test_request_context():
        from flask import url_for

        return url_for(rule.endpoint, **values)


def expected(needs: frozenset[Any], who: str) -> str:
    """What an address that declares `needs` answers to a person: "in", "log in" or "refused"."""
    if PUBLIC in needs:
        return "in"
    if who == "nobody":
        return "log in"
    if SIGNED_IN in needs:
        return "in"
    if who == "operator":
        held = ROLE_PERMISSIONS[Role.OPERATOR]
    elif who == "operator inside":
        held = ROLE_PERMISSIONS[Role.OPERATOR] | OPERATOR_INSIDE
    else:
        held = frozenset().union(*(ROLE_PERMISSIONS[role] for role in ROLES[who]))
    return "in" if needs & held else "refused"


def answered(client: FlaskClient, asked: Asked) -> str:
    found = client.open(asked.path, method=asked.method)
    if found.status_code == 303 and "/login" in found.headers["Location"]:
        return "log in"
    if found.status_code == 403:
        return "refused"
    assert found.status_code < 500, f"{asked.method} {asked.path}: {found.status_code}"
    return "in"


@pytest.fixture
def worlds(app: Flask, session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch) -> TwoSchools:
    """Two schools, each with an audit row to look at.

    The walk posts without the token of a form, which would be refused before any permission is asked.
    """
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    for world in (two_schools.ours, two_schools.theirs):
        with all_schools(session):
            row = session.scalars(
                select(AuditRow).where(AuditRow.school_id == world.school.id).order_by(AuditRow.id).limit(1)
            ).one()
            session.expunge(row)
            hold = LegalHold(school_id=world.school.id, reason=f"A hold {world.canary}", set_by_name="Ada")
            session.add(hold)
            session.flush()
        world.things.update(audit_row=row, hold=hold)
    session.commit()
    return two_schools


PEOPLE = ("nobody", *ROLES, "operator", "operator inside")


def person(app: Flask, worlds: TwoSchools, session: Any, who: str) -> FlaskClient:
    client = app.test_client()
    if who == "nobody":
        return client
    if who.startswith("operator"):
        log_in(client, worlds.operator)
        if who == "operator inside":
            enter(client, worlds.ours.school)
        return client
    log_in(client, getattr(worlds.ours, who))
    return client


# These end the session or the visit that the walk is made with, so they are asked for by nobody alone.
ENDS_THE_WALK = {"accounts.logout", "accounts.logout_everywhere", "accounts.leave_school"}


@pytest.mark.parametrize("who", PEOPLE)
def test_every_address_does_as_it_declares(app: Flask, session: Any, worlds: TwoSchools, who: str) -> None:
    client = person(app, worlds, session, who)
    counted: Counter[str] = Counter()
    wrong = []
    for rule, method in rules(app):
        if who != "nobody" and rule.endpoint in ENDS_THE_WALK:
            continue
        needs = declared(app, rule.endpoint)
        assert needs is not None
        asked = Asked(rule.endpoint, method, path_of(app, rule, worlds.ours))
        answer = answered(client, asked)
        counted[answer] += 1
        if answer != expected(needs, who):
            wrong.append(f"{method} {asked.path} ({rule.endpoint}): {answer}, not {expected(needs, who)}")
    assert not wrong, "\n".join(wrong)
    assert sum(counted.values()) > 50
    print(f"{who}: {sum(counted.values())} addresses asked for: {dict(counted)}")


@pytest.mark.parametrize("who", ["form_master", "head", "admin", "teacher", "auditor", "operator inside"])
def test_no_address_answers_with_a_thing_of_another_school(
    app: Flask, session: Any, worlds: TwoSchools, who: str
) -> None:
    client = person(app, worlds, session, who)
    seen = 0
    for rule, method in rules(app):
        if rule.endpoint in PLATFORM or not rule.arguments & OBJECTS:
            continue
        if expected(declared(app, rule.endpoint) or frozenset(), who) != "in":
            continue
        found = client.open(path_of(app, rule, worlds.theirs), method=method)
        assert found.status_code == 404, f"{method} {rule.rule} with another school's id: {found.status_code}"
        assert worlds.theirs.canary not in found.text
        seen += 1
    assert seen > 0
    with all_schools(session):
        # Of many in one minute the first have rows, the rest is counted; a minute may have turned in between.
        counted = session.scalar(select(func.sum(RefusalTally.refused)))
        single = session.scalar(select(func.count()).select_from(AuditRow).where(AuditRow.event == Event.REFUSED))
    assert counted == seen
    assert single >= min(seen, SINGLY)


@pytest.mark.parametrize("who", ["form_master", "head", "admin", "teacher", "auditor", "operator inside"])
def test_no_page_of_a_school_names_anything_of_another(app: Flask, session: Any, worlds: TwoSchools, who: str) -> None:
    client = person(app, worlds, session, who)
    shown = 0
    for rule, method in rules(app):
        # The platform's own pages name every school.
        if method != "GET" or rule.endpoint.startswith("operations.") or rule.rule.startswith("/platform/"):
            continue
        text = client.get(path_of(app, rule, worlds.ours)).text
        assert worlds.theirs.canary not in text, rule.rule
        shown += worlds.ours.canary in text
    # The positive control: the canary of the own school is there to be found.
    assert shown > 3


def test_a_view_that_forgot_its_permission_keeps_the_app_from_starting(app: Flask, settings: Any) -> None:
    forgetful = create_app(settings)
    forgetful.add_url_rule("/forgotten", "forgotten", lambda: "everybody sees this")
    with pytest.raises(UndeclaredEndpoint, match="forgotten"):
        refuse_undeclared(forgetful)


def test_a_view_that_forgot_its_permission_is_refused_though_the_app_runs(app: Flask, settings: Any) -> None:
    forgetful = create_app(settings)
    forgetful.add_url_rule("/forgotten", "forgotten", lambda: "everybody sees this")
    with forgetful.test_request_context("/forgotten"), pytest.raises(Forbidden):
        guard()


def test_every_endpoint_declares_its_permission(app: Flask) -> None:
    assert [rule.endpoint for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None] == []
