"""Registers with marks, alerts, cases, incidents and notes, so many of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.models import Alert, AlertDecision, DecisionKind, RiskProfile
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Session
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases.models import Case, CaseEvent, CaseEventKind, CaseStep
from school_app.schools.due import SummaryDue
from school_app.students.models import Note, NoteKind, Student
from tests.many.base import Many, forms_of, in_form, people_of

MOST_CODES = 20


def registers(many: Many) -> None:
    """Codes, registers of the world's form and class, those of today of other forms, and marks."""
    world = many.world
    kept = {
        "session": Session.DAY,
        "state": RegisterState.TAKEN,
        "source": "person",
        "taken_by": world.form_master.id,
        "taken_by_name": world.form_master.name,
    }
    _codes(many)
    days = {"form_id": world.form.id}, {"teaching_group_id": world.things["teaching_group"].id}
    for whose in days:
        many.write(
            Register,
            ({**kept, **whose, "date": on - timedelta(2), "taken_at": moment} for _, on, moment in many.each()),
        )
    # The registers of today of the other forms: on the overview and the page of registers.
    many.write(
        Register,
        (
            {**kept, "form_id": form, "date": many.today, "taken_at": datetime.now(UTC)}
            for form in [*forms_of(many)[1::2], world.form.id]
        ),
    )
    _marks(many)


def _codes(many: Many) -> None:
    many.write(
        AttendanceCode,
        (
            {"code": f"c{one}", "name": f"Code {one}", "category": "late", "ordinal": 10 + one, "is_active": True}
            for one in range(min(many.number, MOST_CODES))
        ),
    )


def _marks(many: Many) -> None:
    """A mark of everybody in each register of the world's form but the one that was there."""
    world = many.world
    absent = world.codes[AttendanceCategory.ABSENT_UNEXCUSED].id
    rows = many.connection.execute(
        select(Register.id, Register.date).where(
            Register.school_id == many.school_id,
            Register.form_id == world.form.id,
            Register.id != world.things["register"].id,
        )
    ).all()
    marked = {"session": Session.DAY, "code_id": absent, "source": "person", "recorded_at": datetime.now(UTC)}
    many.write(
        AttendanceMark,
        (
            {**marked, "register_id": row.id, "date": row.date, "student_id": student, "reason": "Ill"}
            for row in rows
            for student in in_form(many)
        ),
    )


def alerts(many: Many) -> None:
    """Alerts of the world's student and of everybody, decisions on one of them, and how everybody stands."""
    world = many.world
    everyone = [one for one in many.ids(Student) if one != world.student.id]
    many.write(Alert, _alerts(many, everyone))
    _decisions(many)
    computed = {"triggers": [], "inputs": {}, "as_of": many.today, "computed_at": datetime.now(UTC)}
    many.write(RiskProfile, ({**computed, "student_id": one, "level": one % 4 or None} for one in everyone))


def _alerts(many: Many, everyone: Sequence[int]) -> Iterator[dict[str, Any]]:
    world, people, own = many.world, people_of(many), in_form(many)
    for student, window in [*((world.student.id, one) for one in range(many.number)), *((s, 0) for s in everyone)]:
        yield {
            "student_id": student,
            "rule": "chronic_absence",
            "window_key": f"many-{window}",
            "indicator": "ABC"[(student + window) % 3],
            "severity": 2,
            "status": "open",
            "reason": "Absent often.",
            "inputs": {},
            "alert_date": many.today - timedelta(window % 5),
            "assigned_to": world.form_master.id if student in own else people[student % len(people)],
            "decide_by": many.today - timedelta(window % 3),
            "opened_at": datetime.now(UTC) - timedelta(hours=window),
        }


def _decisions(many: Many) -> None:
    """Decisions of many people on the world's alert."""
    people = people_of(many)
    many.write(
        AlertDecision,
        (
            {
                "alert_id": many.world.things["alert"].id,
                "kind": DecisionKind.NOT_A_CONCERN,
                "reason": "Known.",
                "severity": 2,
                "decided_by": people[one % len(people)],
                "decided_by_name": f"Person {one}",
                "decided_at": moment,
            }
            for one, _, moment in many.each()
        ),
    )


def cases(many: Many) -> None:
    """Cases of the world's student and of everybody, with steps and events; many of these in the one that was there."""
    many.write(Case, _cases(many))
    known, now = many.world.things["case"].id, datetime.now(UTC)
    steps = [known] * many.number + [one for one in many.ids(Case) if one != known]
    many.write(
        CaseStep, ({"case_id": case, "title": "Call", "due_on": many.today, "created_at": now} for case in steps)
    )
    _case_events(many, steps)


def _cases(many: Many) -> Iterator[dict[str, Any]]:
    world, people, own, now = many.world, people_of(many), in_form(many), datetime.now(UTC)
    students = [*[world.student.id] * many.number, *(one for one in many.ids(Student) if one != world.student.id)]
    for place, student in enumerate(students):
        yield {
            "student_id": student,
            "assigned_to": world.form_master.id if student in own else people[student % len(people)],
            "status": ("open", "escalated", "in_review")[place % 3],
            "tier": 2,
            "goal": "Come daily.",
            "strategy": "Check in.",
            "monitoring": "weekly",
            "starts_on": many.today - timedelta(40),
            "review_on": many.today - timedelta(1),
            "confirmed_at": now,
            "opened_by": world.form_master.id,
            "created_at": now - timedelta(hours=place),
        }


def _case_events(many: Many, cases: Sequence[int]) -> None:
    """A hand-over or a later review in each of some cases."""
    people, now = people_of(many), datetime.now(UTC)
    many.write(
        CaseEvent,
        (
            {
                "case_id": case,
                "kind": CaseEventKind.HANDED_OVER if place % 2 else CaseEventKind.EXTENDED,
                "tier": 2,
                "text": "Why.",
                "review_before": many.today,
                "review_after": many.today,
                "from_champion": people[place % len(people)],
                "from_champion_name": "One",
                "to_champion": many.world.form_master.id,
                "to_champion_name": "Other",
                "done_by": people[place % len(people)],
                "done_by_name": "One",
                "happened_at": now,
            }
            for place, case in enumerate(cases)
        ),
    )


def record(many: Many) -> None:
    """What is written about students: incidents, notes, what is due of the summaries."""
    students = [*[many.world.student.id] * many.number, *many.ids(Student)]
    _incidents(many, students)
    _notes(many, students)
    many.write(
        SummaryDue,
        (
            {"first_on": on, "last_on": on, "form_id": many.world.form.id, "noted_at": moment}
            for _, on, moment in many.each()
        ),
    )


def _incidents(many: Many, students: Sequence[int]) -> None:
    people = people_of(many)
    many.write(
        Incident,
        (
            {
                "student_id": student,
                "kind": IncidentKind.POSITIVE if place % 3 == 0 else IncidentKind.CONCERN,
                "occurred_on": many.today - timedelta(place % 10),
                "category": "Conduct",
                "severity": 0 if place % 3 == 0 else 2,
                "description": "What happened.",
                "reported_by": people[place % len(people)],
                "reported_by_name": "One",
                "recorded_at": datetime.now(UTC) - timedelta(minutes=place),
            }
            for place, student in enumerate(students)
        ),
    )


def _notes(many: Many, students: Sequence[int]) -> None:
    world, people = many.world, people_of(many)
    many.write(
        Note,
        (
            {
                "student_id": student,
                "case_id": world.things["case"].id if student == world.student.id else None,
                "kind": NoteKind.CONTACT if place % 2 else NoteKind.GENERAL,
                "is_restricted": place % 2 == 0,
                "body": "A note.",
                "author_id": people[place % len(people)],
                "author_name": "One",
                "created_at": datetime.now(UTC) - timedelta(minutes=place),
            }
            for place, student in enumerate(students)
        ),
    )
