"""The kept first page of a form's master is seen by who may see it, and by nobody else."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import delete, select

from school_app.accounts.models import AccountRole
from school_app.schools.models import FormMaster
from school_app.students.models import Enrolment, Student
from tests.factories import TwoSchools
from tests.fragments.changes import AUDIT
from tests.visits import enter, log_in


def test_a_role_or_a_form_that_is_taken_away_takes_the_page_along(
    master: FlaskClient, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    duty = session.scalars(select(FormMaster).where(FormMaster.account_id == ours.form_master.id)).one()
    duty.account_id = ours.teacher.id
    session.commit()
    assert "by drift" not in master.get("/").text
    other = log_in(master.application.test_client(), ours.teacher)
    assert "by drift" in other.get("/").text
    duty.account_id = ours.form_master.id
    session.commit()
    assert "by drift" in master.get("/").text
    assert "by drift" not in other.get("/").text
    session.execute(delete(AccountRole).where(AccountRole.account_id == ours.form_master.id), execution_options=AUDIT)
    session.commit()
    assert "by drift" not in master.get("/", follow_redirects=True).text


def test_a_student_who_is_moved_to_another_form_is_gone_from_the_old_one(
    master: FlaskClient, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    student = session.get_one(Student, ours.student.id)
    assert f"/students/{student.id}" in master.get("/").text
    place = session.scalars(select(Enrolment).where(Enrolment.student_id == student.id)).one()
    place.form_id = student.form_id = ours.other_form.id
    session.commit()
    assert f"/students/{student.id}" not in master.get("/").text


def test_the_same_master_of_another_school_has_a_page_of_their_own(
    master: FlaskClient, two_schools: TwoSchools
) -> None:
    other = log_in(master.application.test_client(), two_schools.theirs.form_master)
    assert "canary-ours" not in other.get("/").text
    assert "canary-theirs" not in master.get("/").text


def test_an_operator_inside_the_school_gets_no_master_s_page(master: FlaskClient, two_schools: TwoSchools) -> None:
    operator = log_in(master.application.test_client(), two_schools.operator)
    enter(operator, two_schools.ours.school)
    page = operator.get("/").text
    assert "You are inside" in page
    assert "by drift" not in page
    assert "You are inside" not in master.get("/").text
