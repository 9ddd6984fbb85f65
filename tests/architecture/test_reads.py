"""Every page that is looked at: it sends as many statements where there is much as where there is little, and no list
of it is longer than a page.

A new address fails here until VISITS says who looks at it, or NO_PAGES why nobody does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event, select

from school_app.audit.models import AuditRow
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.fragments import forget_near
from school_app.core.sessions import PREFIX
from school_app.core.tenancy import use_school
from school_app.students.name_index import refresh_names
from school_app.summaries import service as summaries
from school_app.summaries.models import SummaryState
from tests import worlds
from tests.architecture.test_routes import path_of
from tests.databases import app_of_its_own
from tests.factories import TwoSchools, World
from tests.many import multiply
from tests.visits import log_in

FEW, MANY = 3, 120
# The choices of a page, such as a school's staff, are no list: they end with the school's size.
MOST_ROWS, MOST_CHOICES = 100, 400
# Who looks at each page, and what stands behind the address.
VISITS: dict[str, tuple[str, ...]] = {
    "accounts.create": ("admin",),
    "accounts.detail": ("admin",),
    "accounts.index": ("admin", "admin ?q=p", "admin ?role=school_admin"),
    "accounts.password": ("teacher",),
    "alerts.alert": ("form_master", "head"),
    "alerts.index": ("form_master", "form_master ?whose=mine", "head ?late=yes", "admin ?status=all"),
    "alerts.thresholds": ("admin",),
    "attendance.class_register": ("teacher",),
    "attendance.codes": ("admin",),
    "attendance.index": ("form_master", "teacher", "head", "admin"),
    "attendance.register": ("form_master", "admin"),
    "audit.event": ("auditor",),
    "audit.exports": ("auditor",),
    "audit.history": ("auditor", "auditor ?student={student}", "auditor ?whom=pupil", "auditor ?who=person"),
    "audit.platform_retention": ("operator",),
    "audit.retention": ("admin", "auditor"),
    "audit.seal": ("auditor",),
    "behaviour.correct": ("teacher",),
    "behaviour.incident": ("form_master",),
    "behaviour.index": ("form_master", "teacher", "head"),
    "behaviour.new": ("teacher",),
    "cases.case": ("form_master", "admin"),
    "cases.hand_over": ("head",),
    "cases.index": ("form_master", "form_master ?whose=mine", "admin ?whose=hand_over", "head ?status=all"),
    "cases.new": ("form_master",),
    "dashboards.home": ("form_master", "teacher", "head", "admin"),
    "marks.assessment": ("teacher",),
    "marks.group": ("teacher",),
    "marks.index": ("teacher",),
    "operations.audit_runs": ("operator",),
    "operations.jobs": ("operator", "operator ?status=failed"),
    "operations.metrics": ("operator",),
    "operations.schools": ("operator",),
    "rosters.detail": ("admin",),
    "rosters.index": ("admin",),
    "schools.calendar": ("admin",),
    "schools.forms": ("admin", "admin ?appoint=form-{form}"),
    "schools.school": ("admin",),
    "schools.setup": ("admin",),
    "students.index": ("form_master", "teacher", "head", "admin"),
    "students.own_note": ("form_master",),
    "students.search": ("form_master ?q=p", "head ?q=pupil", "admin ?q=numbered"),
    "students.student": ("form_master", "teacher", "head", "admin"),
    "summaries.form": ("form_master", "head"),
    "summaries.index": ("form_master", "head", "admin"),
    "years.index": ("admin",),
    "years.year": ("admin",),
}
NO_PAGES = {
    "accounts.forgot": "a form for whoever is not logged in",
    "accounts.login": "a form for whoever is not logged in",
    "accounts.set_password": "a form for whoever has a link",
    "audit.export_file": "a file that a job has written",
    "bootstrap.static": "a file",
    "operations.live": "a word for a machine, without a statement",
    "operations.ready": "a word for a machine, with one statement",
    "static": "a file",
}


@dataclass(frozen=True)
class Place:
    """An app over a school with so many of everything."""

    app: Flask
    schools: TwoSchools

    @property
    def world(self) -> World:
        return self.schools.ours

    def client(self, who: str) -> FlaskClient:
        account = self.schools.operator if who == "operator" else getattr(self.world, who)
        return log_in(self.app.test_client(), account)

    def path(self, endpoint: str, behind: str) -> str:
        rule = next(one for one in self.app.url_map.iter_rules(endpoint) if "GET" in (one.methods or ()))
        return path_of(self.app, rule, self.world) + behind.format(
            student=self.world.student.id, form=self.world.form.id
        )


@pytest.fixture(scope="module")
def places(settings: Settings) -> Iterator[tuple[Place, Place]]:
    """A school with few of everything and one with many, each in a database of its own."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_place(settings, number)) for number in (FEW, MANY))  # type: ignore[misc]


@contextmanager
def _place(settings: Settings, number: int) -> Iterator[Place]:
    with app_of_its_own(settings, f"reads{number}") as app:
        with app.app_context():
            schools = _built(number)
        yield Place(app, schools)


def _built(number: int) -> TwoSchools:
    schools = worlds.keep_two_schools(db.session)
    with db.engine.begin() as connection:
        multiply(connection, schools, number, clock.today("UTC"))
    with use_school(db.session, schools.ours.school.id):
        refresh_names(db.session)
        today = clock.today("UTC")
        db.session.add(SummaryState(counted_to=today))
        list(summaries.rebuild(db.session, today - timedelta(days=5), today, today=today))
        row = db.session.scalars(select(AuditRow).order_by(AuditRow.id).limit(1)).one()
        db.session.expunge(row)
        schools.ours.things["audit_row"] = row
        db.session.commit()
    return schools


class Lists(HTMLParser):
    """How many rows each list and table of a page has, and how many choices the whole page."""

    LISTS = ("ul", "ol", "dl", "thead", "tbody")
    ROWS = ("li", "tr", "dt")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.lengths: list[int] = [0]
        self.choices = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self.LISTS:
            self.open.append(0)
        elif tag in self.ROWS and self.open:
            self.open[-1] += 1
        elif tag == "option":
            self.choices += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self.LISTS:
            self.lengths.append(self.open.pop())


def looked_at(place: Place, client: FlaskClient, redis: Redis, path: str) -> tuple[list[str], str]:
    """The statements of a page, and the page; nothing of it was kept from an earlier look."""
    for key in redis.scan_iter():
        if not key.decode().startswith(PREFIX):
            redis.delete(key)
    forget_near()
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO")):
            seen.append(statement)

    with place.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = client.get(path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return seen, answer.text


def visits_of(who: str) -> Iterator[tuple[str, str]]:
    """The endpoints that a person looks at, with what stands behind each address."""
    for endpoint, several in VISITS.items():
        for one in several:
            person, _, behind = one.partition(" ")
            if person == who:
                yield endpoint, behind


PEOPLE = sorted({one.partition(" ")[0] for several in VISITS.values() for one in several})


@pytest.mark.parametrize("who", PEOPLE)
def test_a_page_sends_as_many_statements_where_there_is_much_and_no_list_is_longer_than_a_page(
    places: tuple[Place, Place], settings: Settings, who: str
) -> None:
    redis, wrong = Redis.from_url(str(settings.redis_url)), []
    clients = [place.client(who) for place in places]
    for endpoint, behind in visits_of(who):
        few, many = (
            looked_at(place, client, redis, place.path(endpoint, behind))
            for place, client in zip(places, clients, strict=True)
        )
        found = Lists(many[1])
        longest = max(found.lengths)
        print(f"{who} {endpoint}{behind}: {len(few[0])} and {len(many[0])} statements, a list of {longest}")
        if len(few[0]) != len(many[0]):
            more = "\n    ".join(one[:150] for one in many[0] if many[0].count(one) != few[0].count(one))
            wrong.append(f"{endpoint}{behind}: {len(few[0])} statements, then {len(many[0])}:\n    {more}")
        if longest > MOST_ROWS or found.choices > MOST_CHOICES:
            wrong.append(f"{endpoint}{behind}: a list of {longest}, {found.choices} choices")
    assert wrong == [], "\n".join(wrong)


def test_every_page_is_looked_at(app: Flask) -> None:
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert pages == VISITS.keys() | NO_PAGES.keys()
    assert VISITS.keys() & NO_PAGES.keys() == set()


def test_a_list_that_is_too_long_is_told_as_such() -> None:
    page = f"<ul><li>1<ul><li>2</ul></ul><table><tbody>{'<tr><td><option>' * 101}</tbody></table>"
    assert sorted(Lists(page).lengths) == [0, 1, 1, 101]
    assert Lists(page).choices == 101
