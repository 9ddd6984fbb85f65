"""Operators inside a school: with a reason that it can read, for some hours, on one device."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from school_app.accounts.models import OperatorEntry
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core.tenancy import all_schools
from school_app.schools.context import school_changed
from school_app.schools.models import School
from tests.factories import PASSWORD, TwoSchools
from tests.visits import NEW, attempt, enter, log_in, send


def test_an_operators_visit_ends_with_the_session_and_is_of_one_device(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours, operator = two_schools.ours, two_schools.operator
    student = f"/students/{ours.student.id}"
    session.commit()
    log_in(client, operator)
    enter(client, ours.school)
    assert client.get(student).status_code == 200
    assert client.get("/admin/accounts").status_code == 403
    assert log_in(client.application.test_client(), operator).get(student).status_code == 403
    send(client, "/logout")
    with all_schools(session):
        assert session.scalars(select(OperatorEntry)).one().left_at is not None
    log_in(client, operator)
    assert client.get(student).status_code == 403


def test_an_operators_visit_ends_after_its_hours(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    student = f"/students/{ours.student.id}"
    session.commit()
    log_in(client, two_schools.operator)
    enter(client, ours.school)
    with all_schools(session):
        session.scalars(select(OperatorEntry)).one().entered_at -= timedelta(hours=9)
    session.commit()
    assert client.get(student).status_code == 403


def test_a_closed_school_lets_its_people_out_and_its_operators_leave(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, two_schools.operator)
    enter(client, ours.school)
    member = log_in(client.application.test_client(), ours.teacher)
    with all_schools(session):
        session.scalars(select(School).where(School.slug == "ours")).one().is_active = False
    session.commit()
    with client.application.test_request_context():
        school_changed(session)
    assert member.get("/students").status_code == 403
    assert member.get("/").status_code == 403
    assert send(member, "/logout").status_code == 303
    assert client.get("/students").status_code == 403
    assert client.get("/platform/schools").status_code == 200
    assert send(client, "/platform/leave").status_code == 303


def test_an_operator_inside_a_school_changes_the_password_truly(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    operator = two_schools.operator
    session.commit()
    other = log_in(client.application.test_client(), operator)
    log_in(client, operator)
    enter(client, two_schools.ours.school)
    assert send(client, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 303
    assert other.get("/platform/schools").status_code == 303
    fresh = client.application.test_client()
    assert attempt(fresh, operator.login, PASSWORD).status_code == 400
    assert attempt(fresh, operator.login, NEW).status_code == 303
    assert send(client, "/logout/everywhere").status_code == 303
    assert fresh.get("/platform/schools").status_code == 303


def test_an_operator_enters_with_a_reason_that_the_school_can_read(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, two_schools.operator)
    assert client.get(f"/students/{ours.student.id}").status_code == 403
    path = f"/platform/schools/{ours.school.id}/enter"
    assert send(client, path, reason="short").status_code == 400
    assert send(client, path, reason="A form master cannot see the form.").status_code == 303
    page = client.get(f"/students/{ours.student.id}")
    assert (page.status_code, "You are inside" in page.text) == (200, True)
    assert send(client, f"/students/{ours.student.id}/notes", body="x").status_code == 403
    assert send(client, "/platform/leave").status_code == 303
    assert client.get(f"/students/{ours.student.id}").status_code == 403
    with all_schools(session):
        told = session.scalars(select(AuditRow).where(AuditRow.event == Event.SCHOOL_ENTERED)).one()
        assert (told.school_id, told.reason) == (ours.school.id, "A form master cannot see the form.")
        assert session.scalars(select(OperatorEntry)).one().left_at is not None
    assert send(client, "/platform/schools/999999/enter", reason="There is no such school.").status_code == 404


def test_a_visit_is_shown_on_every_page_and_ends_with_a_change_of_password(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    alert = ours.things["alert"].id
    session.commit()
    log_in(client, two_schools.operator)
    enter(client, ours.school)
    assert "You are inside" in client.get(f"/alerts/{alert}").text
    assert "/admin/accounts" not in client.get("/admin").text
    assert send(client, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 303
    with all_schools(session):
        assert session.scalars(select(OperatorEntry)).one().left_at is not None
