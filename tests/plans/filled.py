"""Rows in such numbers that the servers' optimisers choose as they do in a school's life.

tests/plans/ uses it on a database of its own; the rows are written below the guards, which pages then read through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, text

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.models import Alert, AlertStatus, RiskProfile
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session, Source
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases.models import Case, CaseEvent, CaseEventKind, CaseStatus, CaseStep, Monitoring
from school_app.core.db import Base
from school_app.core.tenancy import all_schools, use_school
from school_app.schools.models import CalendarDay, DayType, Form, FormMaster, School
from school_app.students.models import Enrolment, Note, NoteKind, Student
from school_app.students.name_index import refresh_names
from tests.factories import World

FORMS = 40
STUDENTS_IN_A_FORM = 26
SCHOOL_DAYS = 120
AUDIT_ROWS = 12_000
BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Fill:
    """What every row of one school repeats."""

    connection: Connection
    world: World
    today: date

    @property
    def school_id(self) -> int:
        return int(self.world.school.id)

    def write(self, model: type[Base], rows: Iterator[dict[str, Any]]) -> None:
        """Insert the rows of one table, a batch at a time."""
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append({"school_id": self.school_id, **row})
            if len(batch) == BATCH:
                self.connection.execute(insert(model.__table__), batch)  # type: ignore[arg-type]
                batch = []
        if batch:
            self.connection.execute(insert(model.__table__), batch)  # type: ignore[arg-type]

    def ids(self, model: Any) -> list[int]:
        """The ids of this school's rows of a table."""
        statement = select(model.id).where(model.school_id == self.school_id).order_by(model.id)
        return list(self.connection.execute(statement).scalars())


def fill(connection: Connection, world: World, today: date) -> None:
    """Fill one school beside what its factories made."""
    filling = Fill(connection, world, today)
    _people(filling)
    _attendance(filling)
    _chain(filling)
    _audit(filling)


def crowd(connection: Connection, world: World) -> None:
    """Students and days of another school, so that one school is a small part of the platform, as it is."""
    filling = Fill(connection, world, date(2026, 1, 1))
    days = ({"date": date(2015, 1, 1) + timedelta(number), "day_type": DayType.HOLIDAY} for number in range(3_000))
    filling.write(CalendarDay, days)
    group = world.things["year_group"].id
    filling.write(
        Student, ({**_student(world.form.id, number, group), "sourced_id": f"c{number}"} for number in range(12_000))
    )


def list_names(session: Any) -> None:
    """Let the search find the students of every school by their names, and commit."""
    with all_schools(session):
        schools = session.scalars(select(School.id)).all()
    for school_id in schools:
        with use_school(session, school_id):
            refresh_names(session)
            session.commit()


def refresh_statistics(connection: Connection) -> None:
    """Have the server count its rows anew."""
    for table in Base.metadata.sorted_tables:
        connection.execute(text(f"ANALYZE TABLE {table.name}"))


def _people(filling: Fill) -> None:
    world, year = filling.world, filling.world.things["year"]
    group = world.things["year_group"]
    filling.write(
        Form,
        (
            {"school_year_id": year.id, "year_group_id": group.id, "name": f"F{number}", "is_active": True}
            for number in range(FORMS)
        ),
    )
    forms = filling.ids(Form)
    masters = (world.other_master.id, world.teacher.id)
    filling.write(
        FormMaster,
        (
            {"form_id": form, "account_id": masters[number % 2], "is_primary": False, "starts_on": year.starts_on}
            for number, form in enumerate(forms)
        ),
    )
    filling.write(Student, (_student(form, number, group.id) for form in forms for number in range(STUDENTS_IN_A_FORM)))
    rows = filling.connection.execute(
        select(Student.id, Student.form_id).where(
            Student.school_id == filling.school_id, Student.sourced_id.like("fill-%")
        )
    ).all()
    filling.write(
        Enrolment, ({"student_id": row.id, "form_id": row.form_id, "starts_on": year.starts_on} for row in rows)
    )


def _student(form: int, number: int, year_group: int) -> dict[str, Any]:
    return {
        "sourced_id": f"fill-{form}-{number}",
        "given_name": f"Given{number}",
        "family_name": f"Family{form}x{number}",
        "birth_date": date(2010, 1, 1) + timedelta(number * 13),
        "form_id": form,
        "year_group_id": year_group,
        "is_active": True,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _attendance(filling: Fill) -> None:
    now, world = datetime.now(UTC), filling.world
    days = [filling.today - timedelta(back) for back in range(2, SCHOOL_DAYS)]
    forms = filling.ids(Form)
    filling.write(
        Register,
        (
            {
                "form_id": form,
                "date": on,
                "session": Session.DAY,
                "state": RegisterState.TAKEN,
                "source": Source.PERSON,
                "taken_at": now,
            }
            for form in forms
            for on in days
        ),
    )
    absent = world.codes[AttendanceCategory.ABSENT_UNEXCUSED].id
    filling.write(
        AttendanceMark,
        (
            {
                "student_id": student,
                "date": on,
                "session": Session.DAY,
                "code_id": absent,
                "source": Source.IMPORT,
                "recorded_at": now,
            }
            for number, student in enumerate(filling.ids(Student))
            for on in days[number % 7 :: 9]
        ),
    )


def _chain(filling: Fill) -> None:
    world, now = filling.world, datetime.now(UTC)
    students = filling.ids(Student)
    people = (world.form_master.id, world.other_master.id, world.teacher.id, world.head.id)
    filling.write(Alert, (_alert(filling, student, number, people) for student in students for number in range(6)))
    filling.write(
        RiskProfile,
        (
            {
                "student_id": student,
                "level": student % 4,
                "triggers": [],
                "inputs": {},
                "as_of": filling.today,
                "computed_at": now,
            }
            for student in students
            if student != world.student.id
        ),
    )
    filling.write(Case, (_case(filling, student, people) for student in students for _ in range(2)))
    filling.write(
        CaseStep,
        ({"case_id": case, "title": "Call", "due_on": filling.today, "created_at": now} for case in filling.ids(Case)),
    )
    filling.write(
        CaseEvent,
        (
            {"case_id": case, "kind": kind, "text": "Why.", "done_by_name": "T", "happened_at": now}
            for case in filling.ids(Case)
            for kind in (CaseEventKind.OPENED, CaseEventKind.EXTENDED)
        ),
    )
    filling.write(Incident, (_incident(filling, student, number) for student in students for number in range(4)))
    filling.write(
        Note,
        (
            {
                "student_id": student,
                "kind": NoteKind.GENERAL,
                "is_restricted": False,
                "body": "A note.",
                "author_id": world.teacher.id,
                "author_name": "T",
                "created_at": now - timedelta(number),
            }
            for student in students
            for number in range(3)
        ),
    )


def _alert(filling: Fill, student: int, number: int, people: tuple[int, ...]) -> dict[str, Any]:
    return {
        "student_id": student,
        "rule": "chronic_absence",
        "window_key": f"fill-{number}",
        "indicator": "ABC"[number % 3],
        "severity": 2 + number % 3,
        "status": (AlertStatus.OPEN, AlertStatus.DECIDED, AlertStatus.RESOLVED)[(student + number) % 3],
        "reason": "Absent.",
        "inputs": {},
        "alert_date": filling.today - timedelta(number * 11),
        "assigned_to": people[student % len(people)],
        "decide_by": filling.today,
        "opened_at": datetime.now(UTC) - timedelta(number),
    }


def _case(filling: Fill, student: int, people: tuple[int, ...]) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "student_id": student,
        "assigned_to": people[student % len(people)],
        "status": CaseStatus.CLOSED if student % 5 else CaseStatus.OPEN,
        "tier": 2,
        "goal": "Come daily.",
        "strategy": "Check in.",
        "monitoring": Monitoring.WEEKLY,
        "starts_on": filling.today - timedelta(40),
        "review_on": filling.today,
        "confirmed_at": now,
        "created_at": now - timedelta(student % 300),
    }


def _incident(filling: Fill, student: int, number: int) -> dict[str, Any]:
    return {
        "student_id": student,
        "kind": IncidentKind.CONCERN,
        "occurred_on": filling.today - timedelta(3 + number * 17),
        "category": "Conduct",
        "severity": 1 + number,
        "description": "What happened.",
        "recorded_at": datetime.now(UTC) - timedelta(number),
    }


def _audit(filling: Fill) -> None:
    now, world = datetime.now(UTC), filling.world
    students = filling.ids(Student)
    people = (world.form_master.id, world.teacher.id, world.admin.id, world.head.id)

    def rows(first_day: int, offset: int) -> Iterator[dict[str, Any]]:
        for number in range(AUDIT_ROWS):
            yield {
                "created_at": now - timedelta(days=first_day + number % 80, seconds=number),
                "actor_id": people[number % 4],
                "actor_name": "Somebody",
                "event": "row.changed",
                "entity_type": "student",
                "entity_id": students[number % len(students)],
                "student_id": students[number % len(students)],
                "changes": {"given_name": ["A", "B"]},
                "request_id": f"r{number}",
                **({"id": offset + number} if offset else {}),
            }

    filling.write(AuditRow, rows(0, 0))
    filling.write(ArchivedAuditRow, rows(100, filling.school_id * 10_000_000))
