"""What people change in a school that the home of a form's master shows, each by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.models import Alert
from school_app.attendance.models import AttendanceMark, Register
from school_app.behaviour.models import Incident
from school_app.cases.models import Case, CaseStep
from school_app.schools.models import CalendarDay
from school_app.students.models import Enrolment, Note, Student
from tests.days import TODAY
from tests.factories import added

AUDIT = {"audit_reason": "a test"}
CHANGES: dict[str, Callable[[Any, Any], Any]] = {}


def change(name: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Put a change down under its name; it is given the session and the school, and the caller commits."""

    def declare(make: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        CHANGES[name] = make
        return make

    return declare


@change("a student's name")
def rename_student(session: Any, ours: Any) -> None:
    """Give the first student another family name."""
    session.get_one(Student, ours.student.id).family_name = "Changed"


@change("a note")
def _note(session: Any, ours: Any) -> None:
    session.add(Note(student_id=ours.student.id, body="Changed", author_id=ours.head.id, author_name="H"))


@change("an alert")
def reword_alert(session: Any, ours: Any) -> None:
    """Give the first student's alert another reason."""
    session.scalars(select(Alert).where(Alert.student_id == ours.student.id)).first().reason = "Changed"


@change("the goal of a case")
def _case(session: Any, ours: Any) -> None:
    session.scalars(select(Case).where(Case.assigned_to == ours.form_master.id)).first().goal = "Changed"


@change("a step of a case")
def _step(session: Any, ours: Any) -> None:
    for step in session.scalars(select(CaseStep)):
        step.title = "Changed"


@change("an incident")
def _incident(session: Any, ours: Any) -> None:
    things = {"category": "Changed", "severity": 2, "description": "x", "occurred_on": TODAY}
    session.add(Incident(student_id=ours.student.id, reported_by=ours.head.id, **things))


@change("a reason of absence")
def _mark(session: Any, ours: Any) -> None:
    mark = session.scalars(select(AttendanceMark)).first()
    mark.code_id, mark.reason = ours.codes[AttendanceCategory.ABSENT_EXCUSED].id, "Changed"


@change("the register")
def _register(session: Any, ours: Any) -> None:
    register = session.get_one(Register, ours.things["register"].id)
    register.date, register.taken_by_name, register.taken_at = TODAY, "Changed", datetime.now(UTC)


@change("the calendar")
def _calendar(session: Any, ours: Any) -> None:
    day = session.scalars(select(CalendarDay).where(CalendarDay.date == TODAY)).one()
    day.day_type, day.note = "holiday", "Changed"


@change("a student's place, in bulk")
def _places(session: Any, ours: Any) -> None:
    student = added(session, Student(given_name="A", family_name="Changed", form_id=ours.form.id))
    session.commit()
    session.execute(
        insert(Enrolment),
        [{"student_id": student.id, "form_id": ours.form.id, "starts_on": TODAY}],
        execution_options=AUDIT,
    )
