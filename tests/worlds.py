"""Two schools of the same shape, for every test of pages: what is asked of one must never answer from the other."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, inspect

from school_app.accounts.models import Account
from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode
from school_app.core.db import Base
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, enter_school
from school_app.schools.models import (
    CalendarDay,
    DayType,
    Form,
    FormMaster,
    HeadOfYear,
    SchoolYear,
    Term,
    TermKind,
    YearGroup,
)
from school_app.students.models import Enrolment, Student
from school_app.students.name_index import refresh_names
from tests.factories import TwoSchools, World, account, added, school
from tests.things import things

SCHOOL_DAYS_BACK = 30
STAFF: dict[str, tuple[Role, ...]] = {
    "form_master": (Role.FORM_MASTER,),
    "other_master": (Role.FORM_MASTER,),
    "teacher": (Role.TEACHER,),
    "head": (Role.HEAD_OF_YEAR,),
    "admin": (Role.SCHOOL_ADMIN,),
    "auditor": (Role.AUDITOR,),
}


def two_schools(session: Any) -> TwoSchools:
    """Build both; afterwards the session is inside ours."""
    enter_school(session, None)
    with all_schools(session):
        operator = account(session, "operator", Role.OPERATOR, name="Olive Operator")
    theirs = world(session, "theirs", "canary-theirs")
    ours = world(session, "ours", "canary-ours")
    return TwoSchools(ours, theirs, operator)


@dataclass(frozen=True)
class Kept:
    """Two schools that were committed on some day, as objects of no session, and the engine of their database."""

    engine: Engine
    schools: TwoSchools
    made_on: date


def keep_two_schools(session: Any) -> TwoSchools:
    """Build and commit both; what is known of them stays known when the session is gone."""
    schools = two_schools(session)
    session.commit()
    enter_school(session, None)
    with all_schools(session):
        found: TwoSchools = _brought(session, schools, refresh=True)
    session.expunge_all()
    return found


def brought(session: Any, kept: TwoSchools) -> TwoSchools:
    """Kept schools as objects of a session on their database; it is inside ours afterwards, as after two_schools()."""
    enter_school(session, None)
    with all_schools(session):
        theirs, operator = _brought(session, kept.theirs), _brought(session, kept.operator)
    enter_school(session, kept.ours.school.id)
    return TwoSchools(_brought(session, kept.ours), theirs, operator)


def _brought(session: Any, value: Any, *, refresh: bool = False) -> Any:
    if isinstance(value, Base):
        # What two_schools() built first is forgotten already, and is read again by its key.
        key = inspect(value).identity
        return session.get_one(type(value), key) if refresh else session.merge(value, load=False)
    if isinstance(value, list):
        return [_brought(session, one, refresh=refresh) for one in value]
    if isinstance(value, dict):
        return {name: _brought(session, one, refresh=refresh) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        known = {one.name: _brought(session, getattr(value, one.name), refresh=refresh) for one in fields(value)}
        return replace(value, **known)
    return value


def world(session: Any, slug: str, canary: str, today: date | None = None) -> World:
    """A school with two forms, a class, staff, students, a calendar and one of everything that has a page."""
    today = today or datetime.now(UTC).date()
    made = school(session, slug, name=f"School {canary}")
    year, term = _year(session, canary, today)
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
    things(session, found, today)
    refresh_names(session)
    return found


def _year(session: Any, canary: str, today: date) -> tuple[SchoolYear, Term]:
    """A school year with its days, and its one term."""
    starts_on, ends_on = today - timedelta(200), today + timedelta(100)
    year: SchoolYear = added(session, SchoolYear(name=f"Year {canary}", starts_on=starts_on, ends_on=ends_on))
    named = {"name": f"Term {canary}", "kind": TermKind.TERM}
    term: Term = added(session, Term(school_year_id=year.id, starts_on=starts_on, ends_on=ends_on, **named))
    for back in range(SCHOOL_DAYS_BACK, -2, -1):
        session.add(CalendarDay(date=today - timedelta(back), day_type=DayType.INSTRUCTIONAL))
    return year, term


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
