"""Who sees which student: by duty and date, never by role or address alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts.models import Account
from school_app.core.errors import NotFound
from school_app.core.permissions import Role, Viewer, permissions_of
from school_app.schools.models import FormMaster, HeadOfYear, TeachingGroupTeacher
from school_app.students.access import reach_of, reachable_form, reachable_student, students_in_reach
from school_app.students.models import Student
from tests.days import TODAY
from tests.factories import TwoSchools


def viewer_of(account: Account, *roles: Role, entered: bool = False) -> Viewer:
    return Viewer(
        account_id=account.id,
        name=account.name,
        login=account.login,
        school_id=account.school_id,
        roles=frozenset(roles),
        permissions=permissions_of(roles),
        session_key=f"{account.id}.1",
        entered_as_operator=entered,
    )


def seen(session: Any, viewer: Viewer, today: date = TODAY) -> set[int]:
    return set(session.scalars(students_in_reach(session, viewer, today=today)))


def test_a_form_master_sees_the_own_form_alone(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    assert seen(session, viewer_of(ours.form_master, Role.FORM_MASTER)) == {one.id for one in ours.students[:3]}


def test_a_form_master_of_the_past_sees_nobody_from_the_next_day_on(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    duty = session.scalar(select(FormMaster).where(FormMaster.account_id == ours.form_master.id))
    duty.ends_on = TODAY
    session.flush()
    viewer = viewer_of(ours.form_master, Role.FORM_MASTER)
    assert len(seen(session, viewer, TODAY)) == 3
    assert seen(session, viewer, TODAY + timedelta(1)) == set()


def test_a_duty_of_the_future_opens_nothing_yet(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.scalar(select(HeadOfYear).where(HeadOfYear.account_id == ours.head.id)).starts_on = TODAY + timedelta(1)
    session.flush()
    assert seen(session, viewer_of(ours.head, Role.HEAD_OF_YEAR)) == set()


def test_a_teacher_sees_whom_they_teach_but_has_nobody_in_care(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    viewer = viewer_of(ours.teacher, Role.TEACHER)
    assert seen(session, viewer) == {ours.student.id}
    with pytest.raises(NotFound):
        reachable_student(session, viewer, ours.student.id, today=TODAY, in_care=True)
    duty = session.scalar(select(TeachingGroupTeacher))
    duty.ends_on = TODAY - timedelta(1)
    session.flush()
    assert seen(session, viewer) == set()


def test_a_head_of_year_sees_the_year_and_an_admin_the_school(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    everyone = {one.id for one in ours.students}
    assert seen(session, viewer_of(ours.head, Role.HEAD_OF_YEAR)) == everyone
    assert seen(session, viewer_of(ours.admin, Role.SCHOOL_ADMIN)) == everyone


def test_an_auditor_sees_no_student(session: Any, two_schools: TwoSchools) -> None:
    assert seen(session, viewer_of(two_schools.ours.auditor, Role.AUDITOR)) == set()


def test_nobody_sees_a_student_of_another_school(session: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    for viewer in (
        viewer_of(ours.form_master, Role.FORM_MASTER),
        viewer_of(ours.admin, Role.SCHOOL_ADMIN),
        viewer_of(two_schools.operator, Role.OPERATOR, entered=True),
    ):
        with pytest.raises(NotFound):
            reachable_student(session, viewer, theirs.student.id, today=TODAY)
        with pytest.raises(NotFound):
            reachable_form(session, viewer, theirs.form.id, today=TODAY)


def test_another_masters_form_is_not_found(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    viewer = viewer_of(ours.form_master, Role.FORM_MASTER)
    assert reachable_form(session, viewer, ours.form.id, today=TODAY).id == ours.form.id
    with pytest.raises(NotFound):
        reachable_form(session, viewer, ours.other_form.id, today=TODAY)


def test_the_condition_and_the_answer_for_a_loaded_student_agree(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    for account, role in (
        (ours.form_master, Role.FORM_MASTER),
        (ours.teacher, Role.TEACHER),
        (ours.head, Role.HEAD_OF_YEAR),
    ):
        reach = reach_of(session, viewer_of(account, role), today=TODAY)
        students = session.scalars(select(Student)).all()
        by_condition = set(session.scalars(select(Student.id).where(reach.students())))
        in_care = set(session.scalars(select(Student.id).where(reach.in_care())))
        assert by_condition == {one.id for one in students if reach.sees(one)}
        assert in_care == {one.id for one in students if reach.cares_for(one)}
