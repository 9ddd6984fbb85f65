"""Plain functions that make rows for tests; each adds, flushes and returns what it made.

Two schools of the same shape stand in every test of pages: what is asked of one must never answer from the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.models import Alert, AlertDecision, DecisionKind, RiskProfile
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Session
from school_app.behaviour.models import Incident
from school_app.cases.models import Case, CaseEvent, CaseEventKind, CaseStep
from school_app.core.permissions import Role
from school_app.core.tenancy import enter_school
from school_app.history.models import ExportFormat, HistoryExport
from school_app.marks.models import Assessment, AssessmentResult
from school_app.rosters.models import Import, ImportKind
from school_app.schools.models import (
    CalendarDay,
    DayType,
    Form,
    FormMaster,
    HeadOfYear,
    School,
    SchoolYear,
    Subject,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
    TermKind,
    YearGroup,
)
from school_app.students.models import (
    Enrolment,
    Guardian,
    Note,
    Student,
    StudentGuardian,
    TeachingGroupMember,
)

PASSWORD = "correct horse battery staple"
# argon2id at its cheapest parameters, of PASSWORD; filled at first use so that no import does work.
_HASHES: dict[str, str] = {}


class ListQueue:
    """A queue that keeps what it is given, for tests to look at."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []

    def put(self, job_run_id: int, *, queue: str) -> None:
        self.sent.append((job_run_id, queue))


def cheap_hash(password: str) -> str:
    """A valid argon2 hash that takes a millisecond to check."""
    if password not in _HASHES:
        from argon2 import PasswordHasher, profiles

        _HASHES[password] = PasswordHasher.from_parameters(profiles.CHEAPEST).hash(password)
    return _HASHES[password]


def added(session: Any, instance: Any) -> Any:
    """Add one row and flush."""
    session.add(instance)
    session.flush()
    return instance


def school(session: Any, slug: str, **values: Any) -> School:
    """A school; afterwards the session is inside it."""
    enter_school(session, None)
    made: School = added(session, School(slug=slug, name=values.pop("name", slug.title()), **values))
    enter_school(session, made.id)
    return made


def account(session: Any, login: str, *roles: Role, **values: Any) -> Account:
    """An active account with PASSWORD and some roles."""
    given, _, family = values.pop("name", f"{login.title()} Person").partition(" ")
    made: Account = added(
        session,
        Account(
            login=login,
            email=values.pop("email", f"{login}@example.org"),
            given_name=given,
            family_name=family,
            status=values.pop("status", AccountStatus.ACTIVE),
            password_hash=cheap_hash(PASSWORD),
            **values,
        ),
    )
    for role in roles:
        added(session, AccountRole(account_id=made.id, role=role, school_id=made.school_id))
    return made


@dataclass
class World:
    """One school with one of everything; `canary` stands in each of its texts."""

    school: School
    canary: str
    form_master: Account
    other_master: Account
    teacher: Account
    head: Account
    admin: Account
    auditor: Account
    form: Form
    other_form: Form
    student: Student
    students: list[Student]
    codes: dict[AttendanceCategory, AttendanceCode]
    things: dict[str, Any] = field(default_factory=dict)


@dataclass
class TwoSchools:
    """Two schools of identical shape, and the platform's operator."""

    ours: World
    theirs: World
    operator: Account


SCHOOL_DAYS_BACK = 30


def two_schools(session: Any) -> TwoSchools:
    """Build both; afterwards the session is inside ours."""
    from school_app.core.tenancy import all_schools

    enter_school(session, None)
    with all_schools(session):
        operator = account(session, "operator", Role.OPERATOR, name="Olive Operator")
    theirs = world(session, "theirs", "canary-theirs")
    ours = world(session, "ours", "canary-ours")
    return TwoSchools(ours, theirs, operator)


def world(session: Any, slug: str, canary: str, today: date | None = None) -> World:
    """A school with two forms, a class, staff, students, a calendar and one of everything that has a page."""
    today = today or datetime.now(UTC).date()
    made = school(session, slug, name=f"School {canary}")
    year = added(
        session,
        SchoolYear(name=f"Year {canary}", starts_on=today - timedelta(200), ends_on=today + timedelta(100)),
    )
    term = added(
        session,
        Term(
            school_year_id=year.id,
            name=f"Term {canary}",
            kind=TermKind.TERM,
            starts_on=year.starts_on,
            ends_on=year.ends_on,
        ),
    )
    for back in range(SCHOOL_DAYS_BACK, -2, -1):
        session.add(CalendarDay(date=today - timedelta(back), day_type=DayType.INSTRUCTIONAL))
    group = added(session, YearGroup(code="09", name=f"Year 9 {canary}", ordinal=9))
    forms = [
        added(session, Form(school_year_id=year.id, year_group_id=group.id, name=f"{name} {canary}"))
        for name in ("9A", "9B")
    ]
    staff = _staff(session, slug, canary)
    _assign(session, staff, forms, group, year)
    codes = {
        category: added(
            session,
            AttendanceCode(code=category.value, name=f"{category.value} {canary}", category=category, ordinal=number),
        )
        for number, category in enumerate(AttendanceCategory)
    }
    students = [_student(session, forms[number // 3], group, year, f"{canary} {number}") for number in range(6)]
    found = World(made, canary, *(staff[name] for name in STAFF), forms[0], forms[1], students[0], students, codes)
    found.things.update(year=year, term=term, year_group=group)
    _things(session, found, today)
    return found


STAFF: dict[str, tuple[Role, ...]] = {
    "form_master": (Role.FORM_MASTER,),
    "other_master": (Role.FORM_MASTER,),
    "teacher": (Role.TEACHER,),
    "head": (Role.HEAD_OF_YEAR,),
    "admin": (Role.SCHOOL_ADMIN,),
    "auditor": (Role.AUDITOR,),
}


def _staff(session: Any, slug: str, canary: str) -> dict[str, Account]:
    return {name: account(session, f"{name}.{slug}", *roles, name=f"{name} {canary}") for name, roles in STAFF.items()}


def _assign(session: Any, staff: dict[str, Account], forms: list[Form], group: YearGroup, year: SchoolYear) -> None:
    for form, name in zip(forms, ("form_master", "other_master"), strict=True):
        session.add(FormMaster(form_id=form.id, account_id=staff[name].id, starts_on=year.starts_on))
    session.add(HeadOfYear(year_group_id=group.id, account_id=staff["head"].id, starts_on=year.starts_on))
    session.flush()


def _student(session: Any, form: Form, group: YearGroup, year: SchoolYear, name: str) -> Student:
    made: Student = added(
        session,
        Student(
            given_name="Pupil",
            family_name=name,
            sourced_id=f"s-{name}",
            birth_date=date(2010, 5, 17),
            form_id=form.id,
            year_group_id=group.id,
        ),
    )
    added(session, Enrolment(student_id=made.id, form_id=form.id, starts_on=year.starts_on))
    return made


def _things(session: Any, world: World, today: date) -> None:
    """One of everything that has a page, all about the first student."""
    canary, student, master = world.canary, world.student, world.form_master
    subject = added(session, Subject(name=f"Mathematics {canary}", is_core=True))
    group = added(
        session,
        TeachingGroup(
            school_year_id=world.things["year"].id,
            term_id=world.things["term"].id,
            subject_id=subject.id,
            name=f"Maths {canary}",
        ),
    )
    added(
        session,
        TeachingGroupTeacher(
            teaching_group_id=group.id, account_id=world.teacher.id, starts_on=world.things["year"].starts_on
        ),
    )
    added(
        session,
        TeachingGroupMember(
            teaching_group_id=group.id, student_id=student.id, starts_on=world.things["year"].starts_on
        ),
    )
    assessment = added(
        session,
        Assessment(teaching_group_id=group.id, term_id=world.things["term"].id, title=f"Test {canary}", due_on=today),
    )
    added(
        session,
        AssessmentResult(assessment_id=assessment.id, student_id=student.id, score=40, scored_on=today),
    )
    guardian = added(session, Guardian(given_name="Parent", family_name=canary, phone=f"phone {canary}"))
    added(session, StudentGuardian(student_id=student.id, guardian_id=guardian.id))
    register = _register(session, world, today - timedelta(1))
    incident = added(
        session,
        Incident(
            student_id=student.id,
            occurred_on=today - timedelta(2),
            category=f"Conduct {canary}",
            severity=3,
            description=f"What happened {canary}",
            reported_by=world.teacher.id,
            reported_by_name=world.teacher.name,
        ),
    )
    alert = _alert(session, world, today)
    case = _case(session, world, alert, today)
    step = added(session, CaseStep(case_id=case.id, title=f"Call home {canary}", due_on=today))
    note = added(
        session,
        Note(student_id=student.id, body=f"Note {canary}", author_id=master.id, author_name=master.name),
    )
    imported = added(
        session,
        Import(
            kind=ImportKind.CALENDAR,
            file_name=f"{canary}.csv",
            sha256="0" * 64,
            size_bytes=10,
            requested_by=world.admin.id,
            requested_by_name=world.admin.name,
        ),
    )
    world.things.update(
        export=_export(session, world, today),
        subject=subject,
        teaching_group=group,
        assessment=assessment,
        guardian=guardian,
        register=register,
        incident=incident,
        alert=alert,
        case=case,
        step=step,
        note=note,
        imported=imported,
    )


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
    added(
        session,
        AttendanceMark(
            register_id=register.id,
            student_id=world.student.id,
            date=on,
            session=Session.DAY,
            code_id=world.codes[AttendanceCategory.ABSENT_UNEXCUSED].id,
            reason=f"Reason {world.canary}",
            recorded_at=datetime.now(UTC),
        ),
    )
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
