"""Making the demo's schools in an empty database.

The group `flask demo` and the tests call load().
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from faker import Faker
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.alerts.evaluation import evaluate, students_to_evaluate
from school_app.alerts.models import Alert, AlertStatus, DecisionKind
from school_app.alerts.service import Answer, decide
from school_app.alerts.sources import Sources
from school_app.audit.models import AuditRow
from school_app.cases import service as cases
from school_app.cases.course import courses_of
from school_app.cases.service import Plan
from school_app.core import clock
from school_app.core.acting import Acting, By, act_as
from school_app.core.db import Base
from school_app.core.errors import DomainError
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, use_school
from school_app.demo import days as demo_days
from school_app.demo import people
from school_app.demo.people import PASSWORD, Staffed
from school_app.demo.shared import OPERATOR, PLANS, TIMEZONE
from school_app.schools.models import School, SchoolYear, Term, TermKind
from school_app.students.models import Student
from school_app.students.name_index import refresh_names
from school_app.students.notes import Draft, add_note, log_contact

AnySession = Session | scoped_session[Any]
SEED = 7
CASE_AGE = timedelta(days=28)
# How the names of schools begin in addresses that `flask demo generate` makes.
GENERATED = "school-"
SCHOOLS = (("linden", "Linden School", ("9B", "9A", "10A", "10B")), ("maple", "Maple School", ("7A",)))


# What a scheduler and a web server's looks at replicas may have written to a database without any school.
OF_THE_SCHEDULE = frozenset({"job_run", "audit_archive_lease", "audit_archive_run", "replica_beat"})
EMPTY = "Make an empty database, run “flask db upgrade” on it, and begin again."
LEFT_OVER = (
    f"This database holds rows and no school: what a run of “flask demo generate” left that was broken off. {EMPTY}"
)


class NotEmpty(DomainError):
    """The database holds what the demo did not make, or has not made whole; str() says what to do."""


@dataclass(frozen=True, slots=True)
class Login:
    """A log-in to print: who it is, and the name to enter."""

    what: str
    login: str


def logins() -> list[Login]:
    """The demo's log-ins, one for each role, all with the demo's one password."""
    words = {
        "master": "form master of 9B",
        "teacher": "teacher",
        "head": "head of year 9",
        "admin": "school admin",
        "auditor": "auditor",
    }
    return [*(Login(word, f"{name}@linden") for name, word in words.items()), Login("platform operator", OPERATOR)]


def is_loaded(session: AnySession) -> bool:
    """Whether the demo is in the database. NotEmpty where other schools are."""
    with all_schools(session):
        slugs = set(session.scalars(select(School.slug)))
        if not slugs and session.scalar(select(Student.id).limit(1)) is not None:
            raise NotEmpty(LEFT_OVER)
    ours = {slug for slug, _, _ in SCHOOLS}
    if slugs - ours:
        raise NotEmpty("This database holds schools that are not the demo’s; load the demo into an empty one.")
    return bool(slugs)


def is_generated(session: AnySession) -> bool:
    """Whether all schools of the database are those of `flask demo generate`, and there are some."""
    with all_schools(session):
        slugs = list(session.scalars(select(School.slug)))
    return bool(slugs) and all(slug.removeprefix(GENERATED).isdigit() for slug in slugs)


def refuse_unless_empty(session: AnySession) -> None:
    """Raise NotEmpty where the database holds a row of anything but the work of the schedule."""
    with all_schools(session):
        is_anywhere = session.scalar(select(School.id).limit(1)) is not None
        for model in (mapper.class_ for mapper in Base.registry.mappers):
            table = str(model.__tablename__)
            if table not in OF_THE_SCHEDULE and session.execute(select(model).limit(1)).first() is not None:
                there = f"This database is not empty: it holds rows of “{table}”. {EMPTY}"
                raise NotEmpty(there if is_anywhere else LEFT_OVER)


def load(session: AnySession, sources: Sources) -> None:
    """Make the demo's schools; the caller commits. Everything is relative to today, and the same on the same day."""
    act_as(session, Acting(actor_name="demo"))
    with all_schools(session):
        _operator(session)
    for number, (slug, name, forms) in enumerate(SCHOOLS):
        with all_schools(session):
            school = School(slug=slug, name=name, timezone=TIMEZONE, sourced_id=slug)
            session.add(school)
            session.flush()
            school_id = school.id
        with use_school(session, school_id):
            _school(session, slug, forms, sources, seed=SEED + number)
            session.flush()


def _operator(session: AnySession) -> None:
    operator = Account(
        email=f"{OPERATOR}@platform.example",
        login=OPERATOR,
        given_name="Otto",
        family_name="Platform",
        status=AccountStatus.ACTIVE,
        password_hash=people.demo_hash(),
    )
    session.add(operator)
    session.flush()
    session.add(AccountRole(account_id=operator.id, role=Role.OPERATOR))
    session.flush()


def _school(session: AnySession, slug: str, forms: tuple[str, ...], sources: Sources, *, seed: int) -> None:
    today = clock.today(TIMEZONE)
    fake = Faker("en_GB")
    fake.seed_instance(seed)
    dice = random.Random(seed)  # noqa: S311 - a demo's dice.
    staffed = _year(session, today)
    people.staff(session, slug, staffed, names=forms, fake=fake)
    people.students(session, staffed, today=today, fake=fake, dice=dice)
    refresh_names(session)
    people.classes(session, staffed)
    days = demo_days.calendar(session, staffed.year.starts_on, staffed.year.ends_on, today=today)
    demo_days.registers(session, staffed, days, untaken=forms[0], seed=seed)
    demo_days.marks(session, staffed, days, seed=seed)
    demo_days.incidents(session, staffed, days)
    session.expire_all()
    _watch(session, staffed, forms[0], sources, today=today)
    _old_audit_rows(session, staffed, today)


def _year(session: AnySession, today: date) -> Staffed:
    starts_on = today - timedelta(days=150)
    year = SchoolYear(
        name=f"{starts_on.year}/{starts_on.year + 1}", starts_on=starts_on, ends_on=today + timedelta(days=120)
    )
    session.add(year)
    session.flush()
    bounds = ((0, 74, "First term"), (75, 180, "Second term"), (181, 270, "Third term"))
    terms = [
        Term(
            school_year_id=year.id,
            name=name,
            kind=TermKind.TERM,
            starts_on=starts_on + timedelta(days=first),
            ends_on=starts_on + timedelta(days=last),
        )
        for first, last, name in bounds
    ]
    session.add_all(terms)
    session.flush()
    return Staffed(year, terms)


def _watch(session: AnySession, staffed: Staffed, form: str, sources: Sources, *, today: date) -> None:
    """Alerts by the rules themselves, answers to some of them, a case that is due and one that has helped."""
    evaluate(session, sources, students_to_evaluate(session), as_of=today)
    master = staffed.masters[form]
    by = By(master.id, master.name)
    act_as(session, Acting(actor_id=master.id, actor_name=master.name))
    students = {student.id: student for student in staffed.students[form]}
    alerts = session.scalars(
        select(Alert)
        .where(Alert.status == AlertStatus.OPEN, Alert.student_id.in_(students))
        .order_by(Alert.severity.desc(), Alert.id)
    ).all()
    for alert in alerts[1::3][:2]:
        plan = Plan(*PLANS[alert.indicator][0])
        decision = decide(session, alert.id, Answer(DecisionKind.OPEN_CASE, plan=plan), by=by, today=today)
        alert.opened_at -= CASE_AGE
        decision.decided_at -= CASE_AGE
        _age(session, decision.case_id, today, by=by)
    for alert in alerts[2:3]:
        answer = Answer(DecisionKind.ALREADY_HANDLED, "Spoke with the home last week; a doctor is involved.")
        decide(session, alert.id, answer, by=by, today=today)
    first = staffed.students[form][11]
    add_note(
        session, first.id, Draft("Says the mornings are hard since the move; asks for a seat near the door."), by=by
    )
    act_as(session, Acting(actor_name="demo"))


def _age(session: AnySession, case_id: int | None, today: date, *, by: By) -> None:
    # A case of a few weeks has something to show: steps done, one overdue, a note, figures before and since.
    if case_id is None:
        return
    first = cases.add_step(session, case_id, title="Call home", due_on=today, today=today)
    cases.finish_step(session, case_id, first.id, by=by)
    second = cases.add_step(session, case_id, title="Meet with the head of year", due_on=today, today=today)
    case = session.get_one(cases.Case, case_id)
    case.starts_on = today - CASE_AGE
    case.created_at -= CASE_AGE
    for event in courses_of(session, [case_id])[case_id]:
        event.happened_at -= CASE_AGE
    case.review_on = today + timedelta(days=14)
    second.due_on = today - timedelta(days=1)
    log_contact(session, case.student_id, outcome="spoke", text="Will call when the bus is missed.", by=by)
    session.flush()


def _old_audit_rows(session: AnySession, staffed: Staffed, today: date) -> None:
    """What a school that has used the product since the year began would have: registers taken long ago."""
    start = datetime.combine(staffed.year.starts_on, time(8, 5), ZoneInfo(TIMEZONE))
    for name, form in staffed.forms.items():
        master = staffed.masters[name]
        for number in range(40):
            session.add(
                AuditRow(
                    created_at=start + timedelta(days=number, minutes=form.id % 9),
                    actor_id=master.id,
                    actor_name=master.name,
                    event="register.taken",
                    entity_type="form",
                    entity_id=form.id,
                    reason="2 exceptions",
                )
            )
    session.flush()


__all__ = ["PASSWORD", "Login", "NotEmpty", "is_loaded", "load", "logins"]
