"""The reads that pages do most often, each by itself, with values of a form and a student of one school.

flask explain prints the server's plans of them, and tests/plans hold these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.login import SessionKey, load_viewer
from school_app.accounts.models import Account
from school_app.alerts import lists as alert_lists
from school_app.alerts.queries import alerts_for
from school_app.attendance.history import histories, noted_marks
from school_app.attendance.parts import sessions_of
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.cases import queries as case_queries
from school_app.cases.queries import cases_for
from school_app.core import clock
from school_app.core.errors import DomainError
from school_app.schools.models import Form, FormMaster
from school_app.schools.queries import holds_on, school_year_on
from school_app.students.access import Reach
from school_app.students.notes import notes_on
from school_app.students.queries import search_students, students_of_form
from school_app.summaries.periods import Span
from school_app.summaries.queries import figures_by_form

AnySession = Session | scoped_session[Any]
MONTH = timedelta(days=30)
SHOWN = 50
LETTER = "a"


class NothingToRead(DomainError):
    """A school has no form with a master, or nobody is in it, so that there are no values to read by."""


@dataclass(frozen=True, slots=True)
class Values:
    """What the reads ask for: a form of today with its master and students, and one of these."""

    master_id: int
    session_key: str
    form_id: int
    student_ids: frozenset[int]
    today: date
    since: date

    @property
    def student_id(self) -> int:
        """One student of the form."""
        return min(self.student_ids)

    @property
    def reach(self) -> Reach:
        """What the form's master sees."""
        return Reach(form_ids=frozenset({self.form_id}))


def values_of(session: AnySession, *, today: date) -> Values:
    """The first form of the school that has a master and students today. Raises NothingToRead."""
    rows = session.execute(
        select(FormMaster.form_id, Account.id, Account.session_version)
        .join(Form, Form.id == FormMaster.form_id)
        .join(Account, Account.id == FormMaster.account_id)
        .where(holds_on(FormMaster, today), Form.is_active)
        .order_by(Form.name, Form.id)
    ).all()
    year = school_year_on(session, today)
    for form_id, account_id, version in rows:
        students = frozenset(one.id for one in students_of_form(session, form_id, today))
        if students and year is not None:
            key = str(SessionKey(account_id, version))
            return Values(account_id, key, form_id, students, today, year.starts_on)
    raise NothingToRead("The school has no form with a master and students today; choose another with --school.")


def hottest(session: AnySession, values: Values) -> dict[str, Callable[[], object]]:
    """The reads by the page that does them."""
    student, reach, today = values.student_id, values.reach, values.today
    part = sessions_of(session)[0]
    slot, group, everyone = Slot(today, part), Group(values.form_id, ""), Reach(everyone=True)
    return {
        "every page: who asks": lambda: load_viewer(session, values.session_key),
        "home: the form": lambda: students_of_form(session, values.form_id, today),
        "home: its year": lambda: histories(session, values.student_ids, first=values.since, last=today),
        "home: alerts": lambda: alerts_for(
            session, values.master_id, reach, student_ids=values.student_ids, since=clock.now() - MONTH
        ),
        "home: cases": lambda: cases_for(session, values.master_id, reach, student_ids=values.student_ids, today=today),
        "register": lambda: roll_of(session, group, slot),
        "alerts: first page": lambda: alert_lists.alerts(session, everyone, alert_lists.Filters()),
        "cases: first page": lambda: case_queries.cases(session, everyone, case_queries.Filters()),
        "search: a letter": lambda: search_students(session, everyone, LETTER, limit=SHOWN),
        "student: marks": lambda: noted_marks(session, student, first=values.since, last=today),
        "student: notes": lambda: notes_on(session, student, reads_restricted=False),
        "figures: a month": lambda: figures_by_form(session, everyone, Span(today - MONTH, today)),
    }
