"""Plain functions that make rows for tests; each adds, flushes and returns what it made.

worlds.py makes whole schools of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, Session
from school_app.core.permissions import Role
from school_app.core.tenancy import enter_school
from school_app.schools.models import Form, School
from school_app.students.models import Student

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


def mark(
    session: Any,
    world: World,
    register: Register,
    category: AttendanceCategory = AttendanceCategory.ABSENT_UNEXCUSED,
    part: Session = Session.DAY,
    **values: Any,
) -> AttendanceMark:
    """A mark of a school's first student in a register; unless it is said otherwise, of an absence of the whole day."""
    made: AttendanceMark = added(
        session,
        AttendanceMark(
            register_id=register.id,
            student_id=world.student.id,
            date=register.date,
            session=part,
            code_id=world.codes[category].id,
            recorded_at=datetime.now(UTC),
            **values,
        ),
    )
    return made
