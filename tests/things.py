"""One of everything that has a page, all about the first student of a school; worlds.py makes the school."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from school_app.alerts.models import Alert, AlertDecision, DecisionKind, RiskProfile
from school_app.attendance.models import Register, RegisterState, Session
from school_app.behaviour.models import Incident
from school_app.cases.models import Case, CaseEvent, CaseEventKind, CaseStep
from school_app.history.models import ExportFormat, HistoryExport
from school_app.marks.models import Assessment, AssessmentResult
from school_app.rosters.models import Import, ImportKind
from school_app.schools.models import Subject, TeachingGroup, TeachingGroupTeacher
from school_app.students.models import Guardian, Note, StudentGuardian, TeachingGroupMember
from tests.factories import World, added, mark


def things(session: Any, world: World, today: date) -> None:
    """One of everything that has a page, all about the first student."""
    made = world.things
    made.update(_class(session, world, today))
    made.update(guardian=_guardian(session, world), register=_register(session, world, today - timedelta(1)))
    made.update(incident=_incident(session, world, today), alert=_alert(session, world, today))
    made.update(case=_case(session, world, made["alert"], today))
    made.update(
        step=added(session, CaseStep(case_id=made["case"].id, title=f"Call home {world.canary}", due_on=today)),
        note=_note(session, world),
        imported=_import(session, world),
        export=_export(session, world, today),
    )


def _class(session: Any, world: World, today: date) -> dict[str, Any]:
    canary, student, made = world.canary, world.student, world.things
    since = made["year"].starts_on
    subject = added(session, Subject(name=f"Mathematics {canary}", is_core=True))
    group = added(
        session,
        TeachingGroup(
            school_year_id=made["year"].id, term_id=made["term"].id, subject_id=subject.id, name=f"Maths {canary}"
        ),
    )
    added(session, TeachingGroupTeacher(teaching_group_id=group.id, account_id=world.teacher.id, starts_on=since))
    added(session, TeachingGroupMember(teaching_group_id=group.id, student_id=student.id, starts_on=since))
    assessment = added(
        session,
        Assessment(teaching_group_id=group.id, term_id=made["term"].id, title=f"Test {canary}", due_on=today),
    )
    added(session, AssessmentResult(assessment_id=assessment.id, student_id=student.id, score=40, scored_on=today))
    return {"subject": subject, "teaching_group": group, "assessment": assessment}


def _guardian(session: Any, world: World) -> Guardian:
    phone = f"phone {world.canary}"
    guardian: Guardian = added(session, Guardian(given_name="Parent", family_name=world.canary, phone=phone))
    added(session, StudentGuardian(student_id=world.student.id, guardian_id=guardian.id))
    return guardian


def _incident(session: Any, world: World, today: date) -> Incident:
    made: Incident = added(
        session,
        Incident(
            student_id=world.student.id,
            occurred_on=today - timedelta(2),
            category=f"Conduct {world.canary}",
            severity=3,
            description=f"What happened {world.canary}",
            reported_by=world.teacher.id,
            reported_by_name=world.teacher.name,
        ),
    )
    return made


def _note(session: Any, world: World) -> Note:
    master = world.form_master
    written = Note(
        student_id=world.student.id, body=f"Note {world.canary}", author_id=master.id, author_name=master.name
    )
    made: Note = added(session, written)
    return made


def _import(session: Any, world: World) -> Import:
    made: Import = added(
        session,
        Import(
            kind=ImportKind.CALENDAR,
            file_name=f"{world.canary}.csv",
            sha256="0" * 64,
            size_bytes=10,
            requested_by=world.admin.id,
            requested_by_name=world.admin.name,
        ),
    )
    return made


def _export(session: Any, world: World, today: date) -> HistoryExport:
    made: HistoryExport = added(
        session,
        HistoryExport(
            session_key=f"{world.auditor.id}.{world.auditor.session_version}",
            chosen={"from": today.isoformat(), "to": today.isoformat(), "student": str(world.student.id)},
            format=ExportFormat.CSV,
            requested_by=world.auditor.id,
            requested_by_name=world.auditor.name,
        ),
    )
    return made


def _register(session: Any, world: World, on: date) -> Register:
    register: Register = added(
        session,
        Register(
            form_id=world.form.id,
            date=on,
            session=Session.DAY,
            state=RegisterState.TAKEN,
            taken_by=world.form_master.id,
            taken_by_name=world.form_master.name,
            taken_at=datetime.now(UTC),
        ),
    )
    mark(session, world, register, reason=f"Reason {world.canary}")
    return register


def _alert(session: Any, world: World, today: date) -> Alert:
    alert: Alert = added(
        session,
        Alert(
            student_id=world.student.id,
            rule="behaviour",
            window_key=world.canary,
            indicator="B",
            severity=2,
            reason=f"Two incidents {world.canary}.",
            inputs={"incidents": 2},
            alert_date=today,
            assigned_to=world.form_master.id,
            decide_by=today + timedelta(5),
        ),
    )
    added(session, RiskProfile(student_id=world.student.id, level=2, triggers=["behaviour"], inputs={}, as_of=today))
    return alert


def _case(session: Any, world: World, alert: Alert, today: date) -> Case:
    case: Case = added(
        session,
        Case(
            student_id=world.student.id,
            alert_id=alert.id,
            assigned_to=world.form_master.id,
            goal=f"Goal {world.canary}",
            strategy=f"Strategy {world.canary}",
            starts_on=today - timedelta(10),
            review_on=today,
            opened_by=world.form_master.id,
        ),
    )
    added(
        session,
        CaseEvent(
            case_id=case.id,
            kind=CaseEventKind.OPENED,
            tier=2,
            done_by=world.form_master.id,
            done_by_name=world.form_master.name,
        ),
    )
    added(
        session,
        AlertDecision(
            alert_id=alert.id,
            kind=DecisionKind.ALREADY_HANDLED,
            reason=f"Because {world.canary}",
            severity=1,
            decided_by=world.form_master.id,
            decided_by_name=world.form_master.name,
        ),
    )
    return case
