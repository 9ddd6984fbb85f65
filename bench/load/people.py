"""Who visits: the generated schools' accounts, each with sessions of its own, and what stands in their care.

A log-in takes a core a third of a second, by intention, so five thousand would take half an hour. The sessions are
written through the product's own session interface instead, with what a log-in writes into them.
"""

from __future__ import annotations

import html
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Flask, Response
from sqlalchemy import select

from bench.load.wire import Browser
from school_app.accounts.login import SessionKey
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.alerts.models import Alert, AlertStatus
from school_app.attendance.models import Register, RegisterState
from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Role
from school_app.core.sessions import COOKIE, PERSON, ServerSession
from school_app.core.tenancy import all_schools
from school_app.schools.models import FormMaster, School
from school_app.schools.queries import holds_on
from school_app.students.models import Student

# Registers of each form, the latest, of which each is corrected once in a run.
REGISTERS_KEPT = 120


@dataclass(slots=True)
class Care:
    """What a form's master works with. Each register and each alert is taken from here for one writing."""

    form_id: int
    students: list[tuple[int, str]] = field(default_factory=list)
    registers: list[tuple[date, str]] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """An account; `footer` is what the foot of each of its pages has to say of the school. Only masters have `care`."""

    account_id: int
    version: int
    role: Role
    footer: bytes
    care: Care | None = None
    exports: int = 0


@dataclass(slots=True)
class Visitor:
    """One session of a person."""

    person: Person
    browser: Browser


def people(app: Flask) -> list[Person]:
    """Everybody who can log in at a school, with what stands in their care."""
    with app.app_context(), all_schools(db.session):
        rows = db.session.execute(
            select(Account.id, Account.session_version, AccountRole.role, School.name)
            .join(AccountRole, AccountRole.account_id == Account.id)
            .join(School, School.id == Account.school_id)
            .where(Account.status == AccountStatus.ACTIVE)
            .order_by(Account.id, AccountRole.role)
        ).all()
        cares = _cares()
        db.session.rollback()
    return list(_of_accounts(rows, cares))


def _of_accounts(rows: Iterable[Any], cares: dict[int, Care]) -> Iterator[Person]:
    seen: set[int] = set()
    for id_, version, role, school in rows:
        if id_ in seen:
            continue
        seen.add(id_)
        care = cares.get(id_)
        own = Role.FORM_MASTER if care is not None else role
        # A person who was master of a form in another year teaches now.
        own = Role.TEACHER if care is None and own is Role.FORM_MASTER else own
        yield Person(id_, version, own, f"<span>{html.escape(school)} · Formroom</span>".encode(), care)


def _cares() -> dict[int, Care]:
    """What stands in each present master's care, by the master's account; statements go over all schools at once."""
    masters = db.session.execute(
        select(FormMaster.account_id, FormMaster.form_id).where(holds_on(FormMaster, clock.now().date()))
    ).all()
    forms: dict[Any, Care] = {form_id: Care(form_id) for _, form_id in masters}
    students: dict[int, Care] = {}
    for id_, name, form_id in db.session.execute(
        select(Student.id, Student.family_name, Student.form_id).where(Student.is_active, Student.form_id.in_(forms))
    ):
        students[id_] = forms[form_id]
        forms[form_id].students.append((id_, name))
    for id_, student_id in db.session.execute(
        select(Alert.id, Alert.student_id).where(Alert.status == AlertStatus.OPEN)
    ):
        if student_id in students:
            students[student_id].alerts.append(id_)
    _put_registers(forms)
    return {account_id: forms[form_id] for account_id, form_id in masters if forms[form_id].students}


def _put_registers(forms: dict[Any, Care]) -> None:
    rows = db.session.execute(
        select(Register.form_id, Register.date, Register.session)
        .where(Register.form_id.in_(forms), Register.state == RegisterState.TAKEN)
        .order_by(Register.date.desc())
    )
    for form_id, on, part in rows:
        if len(forms[form_id].registers) < REGISTERS_KEPT:
            forms[form_id].registers.append((on, part.value))


class Crowd:
    """The sessions, by what their people are."""

    def __init__(self, visitors: Sequence[Visitor], dice: random.Random) -> None:
        self.visitors = visitors
        self._dice = dice
        self._by_role: defaultdict[Role, list[Visitor]] = defaultdict(list)
        for one in visitors:
            self._by_role[one.person.role].append(one)

    def at(self, port: int) -> Crowd:
        """The same sessions at another server, not connected yet."""
        return Crowd([Visitor(one.person, one.browser.at(port)) for one in self.visitors], self._dice)

    def has(self, role: Role) -> bool:
        """Whether anybody is that."""
        return bool(self._by_role[role])

    def pick(self, role: Role) -> Visitor:
        """A session of such a person that waits for nothing; where all do, any: it waits its turn in the browser."""
        found = self._by_role[role]
        for _ in range(20):
            one = self._dice.choice(found)
            if not one.browser.is_busy:
                return one
        return next((one for one in found if not one.browser.is_busy), one)

    @property
    def open_now(self) -> int:
        """How many are connected."""
        return sum(one.browser.is_open for one in self.visitors)

    @property
    def reconnects(self) -> int:
        """How often the server had ended a silent connection."""
        return sum(one.browser.reconnects for one in self.visitors)

    @property
    def repeats(self) -> int:
        """How often a page was asked for once more, as the server ended the silent connection in that moment."""
        return sum(one.browser.repeats for one in self.visitors)

    def close(self) -> None:
        """Everybody leaves."""
        for one in self.visitors:
            one.browser.close()


def crowd(app: Flask, found: Sequence[Person], *, sessions: int, port: int, dice: random.Random) -> Crowd:
    """So many sessions, shared among the people in turn; a person may have several, as on several devices."""
    shuffled = list(found)
    dice.shuffle(shuffled)
    with app.test_request_context():
        visitors = [
            Visitor(person, Browser(port, f"{COOKIE}={_logged_in(app, person)}"))
            for person in (shuffled[number % len(shuffled)] for number in range(sessions))
        ]
    return Crowd(visitors, dice)


def _logged_in(app: Flask, person: Person) -> str:
    """The key of a new session of a person, kept where and as a log-in keeps it."""
    session = ServerSession()
    session[PERSON] = str(SessionKey(person.account_id, person.version))
    app.session_interface.save_session(app, session, Response())
    if session.key is None:
        raise RuntimeError("The session was not kept.")
    return session.key
