"""The demo's school keeps to its own calendar and to who was there when."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import or_, select

from school_app.alerts.sources import sources
from school_app.attendance.models import AttendanceMark
from school_app.behaviour.models import Incident
from school_app.core.db import Base
from school_app.core.tenancy import all_schools, enter_school
from school_app.demo import load as demo
from school_app.marks.models import Assessment, AssessmentResult
from school_app.operations.database_users import RIGHTS, Who
from school_app.schools.models import CalendarDay, DayType, School
from school_app.students.models import Enrolment


@pytest.fixture
def linden(app: Any, session: Any) -> Any:
    """A session inside the demo's first school."""
    with app.app_context():
        demo.load(session, sources())
    with all_schools(session):
        school_id = session.scalars(select(School.id).where(School.slug == "linden")).one()
    enter_school(session, school_id)
    return session


def test_tests_and_incidents_lie_on_school_days(linden: Any) -> None:
    days = set(linden.scalars(select(CalendarDay.date).where(CalendarDay.day_type == DayType.INSTRUCTIONAL)))
    found = {*linden.scalars(select(Assessment.due_on)), *linden.scalars(select(Incident.occurred_on))}
    assert found
    assert found <= days


@pytest.mark.parametrize(("model", "on"), [(AssessmentResult, "scored_on"), (AttendanceMark, "date")])
def test_nothing_is_recorded_of_a_student_from_before_they_came(linden: Any, model: Any, on: str) -> None:
    counted = select(model.id).join(Enrolment, Enrolment.student_id == model.student_id)
    day = getattr(model, on)
    assert linden.scalars(counted.where(day >= Enrolment.starts_on)).first()
    early = counted.where(or_(day < Enrolment.starts_on, day > Enrolment.ends_on))
    assert linden.scalars(early).all() == []


def test_whether_a_database_is_empty_can_be_asked_with_a_workers_account_though_a_web_server_has_beaten() -> None:
    asked = {str(mapper.class_.__tablename__) for mapper in Base.registry.mappers} - demo.OF_THE_SCHEDULE
    assert "replica_beat" not in asked
    assert [table for table in sorted(asked) if "SELECT" not in RIGHTS[table].get(Who.WORKER, ())] == []
