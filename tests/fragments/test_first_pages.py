"""The first pages of those who watch over forms, and of teachers, as they are kept."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from school_app.alerts.models import Alert
from school_app.cases.models import Case, CaseStatus
from school_app.schools.models import Form, HeadOfYear, TeachingGroup, YearGroup
from school_app.students.models import Student
from school_app.summaries.models import FormDay
from tests.days import TODAY
from tests.factories import TwoSchools, added
from tests.visits import enter, log_in, long_after_writing

SEEN_BY = {"head": "Who carries what", "admin": "Who carries what", "teacher": "Your classes"}


def visitor(client: FlaskClient, session: Any, two_schools: TwoSchools, who: str) -> FlaskClient:
    """The browser of somebody whose first page is kept."""
    session.commit()
    log_in(client, getattr(two_schools.ours, who))
    long_after_writing(client)
    assert SEEN_BY[who] in client.get("/").text
    return client


@pytest.mark.parametrize("who", SEEN_BY)
def test_a_first_page_that_is_kept_takes_two_statements(
    client: FlaskClient, session: Any, two_schools: TwoSchools, statements: list[str], who: str
) -> None:
    person = visitor(client, session, two_schools, who)
    statements.clear()
    page = person.get("/").text
    assert len(statements) == 2, statements
    assert SEEN_BY[who] in page
    assert "canary-theirs" not in page


def _escalated(session: Any, ours: Any) -> None:
    case = session.scalars(select(Case)).first()
    case.status, case.goal = CaseStatus.ESCALATED, "Changed"


def _account(session: Any, ours: Any) -> None:
    ours.form_master.family_name = "Changed"


def _alert(session: Any, ours: Any) -> None:
    for alert in session.scalars(select(Alert)):
        alert.assigned_to = None
    ours.form.name = "Changed"


def _figures(session: Any, ours: Any) -> None:
    session.add(FormDay(date=TODAY, place=ours.form.id, form_id=ours.form.id, present=7123))


@pytest.mark.parametrize("who", ["head", "admin"])
@pytest.mark.parametrize(
    ("change", "shown"), [(_escalated, "Changed"), (_account, "Changed"), (_alert, "Changed"), (_figures, "7123")]
)
def test_a_change_shows_in_the_next_overview(
    client: FlaskClient, session: Any, two_schools: TwoSchools, who: str, change: Any, shown: str
) -> None:
    person = visitor(client, session, two_schools, who)
    assert shown not in person.get("/").text
    change(session, two_schools.ours)
    session.commit()
    assert shown in person.get("/").text


def test_a_change_shows_in_the_next_list_of_classes(client: FlaskClient, session: Any, two_schools: TwoSchools) -> None:
    person = visitor(client, session, two_schools, "teacher")
    session.get_one(TeachingGroup, two_schools.ours.things["teaching_group"].id).name = "Changed"
    session.commit()
    assert "Changed" in person.get("/").text


def test_a_year_that_is_taken_from_its_head_takes_the_page_along(
    client: FlaskClient, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    other = added(session, YearGroup(code="10", name="Year 10", ordinal=10))
    year = ours.things["year"].id
    added(session, Form(school_year_id=year, year_group_id=other.id, name="Of year ten"))
    person = visitor(client, session, two_schools, "head")
    assert "9A canary-ours" in person.get("/").text
    for duty in session.scalars(select(HeadOfYear).where(HeadOfYear.account_id == ours.head.id)):
        duty.year_group_id = other.id
    session.commit()
    page = person.get("/").text
    assert "Of year ten" in page
    assert "9A canary-ours" not in page
    assert session.get_one(Student, ours.student.id).name not in page


def test_what_an_operator_sees_inside_is_not_kept(
    client: FlaskClient, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    session.commit()
    log_in(client, two_schools.operator)
    enter(client, two_schools.ours.school)
    client.get("/")
    statements.clear()
    assert "You are inside" in client.get("/").text
    assert len(statements) > 10
