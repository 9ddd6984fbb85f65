"""The demo's people: staff with their log-ins, forms, students with their homes.

demo.load alone uses it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from faker import Faker
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts import passwords
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.core import clock
from school_app.core.permissions import Role
from school_app.schools.models import (
    Form,
    FormMaster,
    HeadOfYear,
    SchoolYear,
    Subject,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
    YearGroup,
)
from school_app.students.models import Enrolment, Guardian, Student, StudentGuardian, TeachingGroupMember

AnySession = Session | scoped_session[Any]
AUDIT = {"audit_reason": "demo data"}
PASSWORD = "four-plain-demo-words"  # noqa: S105 - printed for everyone who starts the demo.
IN_A_FORM = 26
# The last student of each form came so many days ago.
JOINED_DAYS_AGO = 5
SUBJECTS = (("Mathematics", True), ("English", True), ("Science", True), ("History", False))
# Name of the log-in, roles, and what the person is called where the demo prints it.
PEOPLE = (
    ("master", "Ada Byron", (Role.FORM_MASTER, Role.TEACHER)),
    ("teacher", "Tom Reed", (Role.TEACHER,)),
    ("head", "Hilda Brandt", (Role.HEAD_OF_YEAR,)),
    ("admin", "Amir Saleh", (Role.SCHOOL_ADMIN,)),
    ("auditor", "Olga Weiss", (Role.AUDITOR,)),
)


@dataclass(slots=True)
class Staffed:
    """A school with its people, as the later steps need them."""

    year: SchoolYear
    terms: list[Term]
    accounts: dict[str, Account] = field(default_factory=dict)
    masters: dict[str, Account] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)
    groups: list[TeachingGroup] = field(default_factory=list)
    students: dict[str, list[Student]] = field(default_factory=dict)
    joined: dict[int, date] = field(default_factory=dict)

    def came_on(self, student: Student) -> date:
        """The first day of a student at the school: the year's, but for who joined later."""
        return self.joined.get(student.id, self.year.starts_on)


def staff(session: AnySession, slug: str, staffed: Staffed, *, names: tuple[str, ...], fake: Faker) -> None:
    """Make the staff, the forms `names` (the first digits of a name are its year), and who is whose master."""
    for login, name, roles in PEOPLE:
        staffed.accounts[login] = _account(session, f"{login}@{slug}", name, *roles)
    groups = {code: _year_group(session, code) for code in sorted({name[:-1] for name in names})}
    for name in names:
        form = Form(school_year_id=staffed.year.id, year_group_id=groups[name[:-1]].id, name=name)
        session.add(form)
        session.flush()
        staffed.forms[name] = form
        is_first = not staffed.masters
        person = (
            staffed.accounts["master"]
            if is_first
            else _account(session, f"master{name.lower()}@{slug}", fake.name(), Role.FORM_MASTER)
        )
        staffed.masters[name] = person
        session.add(FormMaster(form_id=form.id, account_id=person.id, starts_on=staffed.year.starts_on))
    first_group = groups[names[0][:-1]]
    session.add(
        HeadOfYear(
            year_group_id=first_group.id, account_id=staffed.accounts["head"].id, starts_on=staffed.year.starts_on
        )
    )
    session.flush()


def _account(session: AnySession, login: str, name: str, *roles: Role) -> Account:
    given, _, family = name.rpartition(" ")
    account = Account(
        login=login,
        email=f"{login.partition('@')[0]}@{login.partition('@')[2]}.example",
        given_name=given,
        family_name=family,
        status=AccountStatus.ACTIVE,
        password_hash=demo_hash(),
    )
    session.add(account)
    session.flush()
    for role in roles:
        session.add(AccountRole(account_id=account.id, role=role, school_id=account.school_id))
    return account


_HASHED: list[str] = []


def demo_hash() -> str:
    """The hash of the demo's one password, made once: argon2 is slow on purpose."""
    if not _HASHED:
        _HASHED.append(passwords.hashed(PASSWORD))
    return _HASHED[0]


def _year_group(session: AnySession, code: str) -> YearGroup:
    group = YearGroup(code=code.zfill(2), name=f"Year {int(code)}", ordinal=int(code))
    session.add(group)
    session.flush()
    return group


def students(session: AnySession, staffed: Staffed, *, today: date, fake: Faker, dice: random.Random) -> None:
    """Fill every form with students, their enrolments and homes; the last of each has just joined."""
    for name, form in staffed.forms.items():
        year = int(name[:-1])
        rows = [
            {
                "sourced_id": f"{name}-{number:02}",
                "given_name": fake.first_name(),
                "family_name": fake.last_name(),
                "birth_date": _born(year, number, today, dice),
                "form_id": form.id,
                "year_group_id": form.year_group_id,
                "created_at": clock.now() - timedelta(days=JOINED_DAYS_AGO if number == IN_A_FORM - 1 else 150),
            }
            for number in range(IN_A_FORM)
        ]
        session.execute(insert(Student), rows, execution_options=AUDIT)
        made = list(session.scalars(select(Student).where(Student.form_id == form.id).order_by(Student.id)))
        staffed.students[name] = made
        staffed.joined[made[-1].id] = today - timedelta(days=JOINED_DAYS_AGO)
        places = [
            {"student_id": student.id, "form_id": form.id, "starts_on": staffed.came_on(student)} for student in made
        ]
        session.execute(insert(Enrolment), places, execution_options=AUDIT)
        _homes(session, made, fake)


def _born(year: int, number: int, today: date, dice: random.Random) -> date:
    age = year + 5
    if number == 3:
        born = today + timedelta(days=1)
        return date(today.year - age, born.month, min(born.day, 28))
    return today - timedelta(days=int((age + dice.random()) * 365.25))


def _homes(session: AnySession, students: list[Student], fake: Faker) -> None:
    rows = [
        {
            "sourced_id": f"home-{student.sourced_id}",
            "given_name": fake.first_name(),
            "family_name": student.family_name,
            "role": "parent",
            "phone": fake.numerify("01## 555 ###"),
        }
        for student in students
    ]
    session.execute(insert(Guardian), rows, execution_options=AUDIT)
    ids = dict(
        session.execute(
            select(Guardian.sourced_id, Guardian.id).where(Guardian.sourced_id.in_([row["sourced_id"] for row in rows]))
        ).all()
    )
    links = [{"student_id": one.id, "guardian_id": ids[f"home-{one.sourced_id}"]} for one in students]
    session.execute(insert(StudentGuardian), links, execution_options=AUDIT)


def classes(session: AnySession, staffed: Staffed) -> None:
    """Four subjects for each form, of which the demo's teacher teaches one and the form's master another."""
    for subject_name, is_core in SUBJECTS:
        subject = Subject(name=subject_name, is_core=is_core)
        session.add(subject)
        session.flush()
        for name in staffed.forms:
            group = TeachingGroup(
                school_year_id=staffed.year.id, subject_id=subject.id, name=f"{subject_name} {name}", course_code=None
            )
            session.add(group)
            session.flush()
            staffed.groups.append(group)
            teacher = staffed.masters[name] if subject_name == "English" else staffed.accounts["teacher"]
            session.add(
                TeachingGroupTeacher(
                    teaching_group_id=group.id, account_id=teacher.id, starts_on=staffed.year.starts_on
                )
            )
            rows = [
                {"teaching_group_id": group.id, "student_id": student.id, "starts_on": staffed.came_on(student)}
                for student in staffed.students[name]
            ]
            session.execute(insert(TeachingGroupMember), rows, execution_options=AUDIT)
    session.flush()
