"""The first page: seven sections for a form's master, in a fixed number of statements; and those of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.models import Alert, AlertDecision
from school_app.attendance.models import AttendanceMark, Register
from school_app.behaviour.models import Incident
from school_app.cases.models import Case, CaseEvent, CaseStep
from school_app.core import fragments
from school_app.core.permissions import Role
from school_app.students.models import Enrolment, Note, Student
from tests.days import TODAY
from tests.factories import TwoSchools, account, added
from tests.visits import log_in

AUDIT = {"audit_reason": "a test"}
# Session, school and person; then the seven sections. It does not grow with the form: the test below holds it.
STATEMENTS = 11


def test_every_section_stands_on_the_page(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    page = log_in(client, two_schools.ours.form_master).get("/").text
    for words in (
        "register not taken",
        "Needs a decision",
        "Two incidents canary-ours.",
        "My cases, due",
        "Call home canary-ours",
        "Absent today",
        "Since you last looked",
        "9A canary-ours, by drift",
    ):
        assert words in page, words


def test_when_nothing_waits_the_page_says_so(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    for model in (AlertDecision, CaseStep, CaseEvent, Note, Case, Alert, Incident, AttendanceMark):
        session.execute(delete(model), execution_options={"audit_reason": "an empty form"})
    for student in ours.students:
        student.created_at = datetime.now(UTC) - timedelta(days=300)
    register = ours.things["register"]
    register.date, register.taken_at = TODAY, datetime.now(UTC)
    session.commit()
    page = log_in(client, ours.form_master).get("/").text
    assert "Nothing needs you this" in page
    assert "No alert waits for a decision, no case is due" in page


def test_the_number_of_statements_does_not_grow_with_the_form(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.form_master)
    client.get("/")
    store = fragments.of(client.application)
    assert store is not None
    assert store.clear() > 0
    # What a school is called is kept as well, and is asked for by every page.
    client.get("/password")
    statements.clear()
    client.get("/")
    small = len(statements)
    for number in range(25):
        student = added(
            session,
            Student(given_name=f"G{number}", family_name="Many", form_id=ours.form.id, birth_date=TODAY),
        )
        added(session, Enrolment(student_id=student.id, form_id=ours.form.id, starts_on=TODAY - timedelta(90)))
        added(session, Note(student_id=student.id, body="x", author_id=ours.head.id, author_name="H"))
        added(
            session,
            Alert(
                student_id=student.id,
                rule="behaviour",
                window_key="many",
                indicator="B",
                severity=2,
                reason="Reason.",
                inputs={},
                alert_date=TODAY,
                assigned_to=ours.form_master.id,
            ),
        )
    session.commit()
    statements.clear()
    page = client.get("/").text
    assert "Needs a decision" in page
    assert len(statements) == small
    assert small == STATEMENTS


def test_all_cases_that_are_due_are_counted_though_the_first_alone_are_shown(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.form_master)
    assert "Three things need you." in client.get("/").text
    for number in range(9):
        plan = {"goal": f"Goal {number}", "strategy": "Talk.", "starts_on": TODAY - timedelta(9), "review_on": TODAY}
        added(
            session,
            Case(student_id=ours.students[1].id, assigned_to=ours.form_master.id, opened_by=ours.head.id, **plan),
        )
    session.commit()
    page = client.get("/").text
    assert "Twelve things need you." in page
    assert page.count('<a class="btn btn-quiet" href="/cases/') == 7


def test_a_master_without_a_form_and_other_roles_get_a_page_of_their_own(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    lonely = account(session, "lonely.ours", Role.FORM_MASTER)
    session.commit()

    def page(person: Any) -> Any:
        return log_in(client.application.test_client(), person).get("/")

    assert "Your classes" in page(lonely).text
    assert "Maths canary-ours" in page(ours.teacher).text
    assert "Registers not taken today" in page(ours.head).text
    assert "Who carries what" in page(ours.admin).text
    assert page(ours.auditor).headers["Location"] == "/audit"
    assert page(two_schools.operator).headers["Location"] == "/platform/schools"


@pytest.mark.parametrize("part", ["form_master", "head", "admin"])
def test_the_lists_take_a_fixed_number_of_statements(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str], part: str
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, getattr(ours, part))
    for path, most in (("/alerts", 8), ("/cases", 8), ("/students", 9), ("/search?q=pup", 9)):
        client.get(path)
        statements.clear()
        assert client.get(path).status_code == 200
        assert len(statements) <= most, f"{path}: {len(statements)}"


def test_what_others_wrote_since_the_last_visit_is_news_and_the_own_is_not(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    for author, body in ((ours.head, "seen by the head"), (ours.form_master, "own words")):
        added(
            session,
            Note(student_id=ours.students[1].id, body=body, author_id=author.id, author_name=author.name),
        )
    session.commit()
    page = log_in(client, ours.form_master).get("/").text
    assert "seen by the head" in page
    assert "own words" not in page


def test_another_day_of_the_register_is_not_todays(client: Any, session: Any, two_schools: TwoSchools) -> None:
    assert session.get(Register, two_schools.ours.things["register"].id).date != TODAY
    session.commit()
    assert "register not taken" in log_in(client, two_schools.ours.form_master).get("/").text


def test_until_the_register_is_taken_the_page_names_who_was_absent_last(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    mark = session.scalars(select(AttendanceMark)).one()
    mark.code_id = ours.codes[AttendanceCategory.ABSENT_UNEXCUSED].id
    session.commit()
    page = log_in(client, ours.form_master).get("/").text
    section = page[page.index('id="absent"') : page.index('id="since"')]
    assert "Absent at the last one" in section
    assert ours.student.name in section
    assert "Log contact" in section
    mark.code_id = ours.codes[AttendanceCategory.LATE].id
    session.commit()
    assert "Nobody was absent at the last one" in client.get("/").text


def test_the_page_tells_of_those_who_came_to_the_form_and_went(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    came, went = ours.students[1], ours.students[2]
    for student in (came, went):
        session.execute(delete(Enrolment).where(Enrolment.student_id == student.id), execution_options=AUDIT)
    added(session, Enrolment(student_id=came.id, form_id=ours.form.id, starts_on=TODAY - timedelta(2)))
    added(
        session,
        Enrolment(
            student_id=went.id, form_id=ours.form.id, starts_on=TODAY - timedelta(90), ends_on=TODAY - timedelta(1)
        ),
    )
    went.form_id = ours.other_form.id
    came.family_name, went.family_name = "Comer", "Goer"
    session.commit()
    page = log_in(client, ours.form_master).get("/").text
    section = page[page.index('id="since"') :]
    assert f"{came.name} joined the form" in section
    assert f"{went.name} left the form" in section
    assert "has a place in another form" in section
