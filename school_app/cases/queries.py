"""Lists of cases, and one case with its steps.

cases/ itself, and the features above it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus
from school_app.cases.models import Case, CaseStatus, CaseStep
from school_app.core import clock, paging
from school_app.core.errors import NotFound
from school_app.core.permissions import Viewer
from school_app.schools.models import Form
from school_app.students.access import Reach, in_care_of, reach_of
from school_app.students.models import Student

AnySession = Session | scoped_session[Any]
PAGE = 50
# A case that nobody has touched for so long asks to be confirmed or closed.
STALE_AFTER = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of cases is narrowed to; None and False narrow nothing. `open` means any status but closed."""

    status: CaseStatus | None = None
    open: bool = True
    assigned_to: int | None = None
    overdue_on: date | None = None
    to_hand_over_on: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A case with its student, the form's name, and its champion."""

    case: Case
    student: Student
    form_name: str | None
    champion: str


@dataclass(frozen=True, slots=True)
class Due:
    """An open case with its next step, or None: then its review is what is due."""

    case: Case
    student: Student
    step: CaseStep | None

    @property
    def due_on(self) -> date:
        """The day on which the next thing is due."""
        return min(self.step.due_on, self.case.review_on) if self.step else self.case.review_on

    @property
    def next_step(self) -> CaseStep | None:
        """The step, where it comes before the review."""
        return self.step if self.step and self.step.due_on <= self.case.review_on else None


def cases(session: AnySession, reach: Reach, filters: Filters, *, cursor: str | None = None) -> paging.Page[Listed]:
    """A page of the cases of students in a person's care, the latest opened first; one statement."""
    statement = _narrowed(_listed().where(reach.in_care()), filters)
    if cursor:
        statement = statement.where(paging.behind(Case.created_at, Case.id, paging.decode(cursor, datetime, int)))
    rows = session.execute(statement.order_by(Case.created_at.desc(), Case.id.desc()).limit(PAGE + 1)).all()
    page = paging.page(rows, PAGE, lambda row: (row[0].created_at, row[0].id))
    return paging.Page([_of(row) for row in page.rows], page.next)


def case_in_care(session: AnySession, viewer: Viewer, case_id: int, *, today: date) -> Listed:
    """One case of a student in the person's care. Raises NotFound."""
    reach = reach_of(session, viewer, today=today)
    row = session.execute(_listed().where(Case.id == case_id, reach.in_care())).first()
    if row is None:
        raise NotFound("case")
    return _of(row)


def due_or_overdue(session: AnySession, account_id: int, reach: Reach, *, today: date) -> tuple[list[Due], int]:
    """A champion's cases of which a step or the review is due, the longest overdue first, and how many are open.

    Two statements: a champion's open cases are few. A student who has left the champion's care is not shown to them.
    """
    rows = session.execute(
        select(Case, Student)
        .join(Student, Student.id == Case.student_id)
        .where(Case.assigned_to == account_id, Case.status != CaseStatus.CLOSED, reach.in_care())
        .order_by(Case.created_at)
    ).all()
    next_steps: dict[int, CaseStep] = {}
    for step in session.scalars(
        select(CaseStep)
        .where(CaseStep.case_id.in_([case.id for case, _ in rows]), CaseStep.done_at.is_(None))
        .order_by(CaseStep.due_on, CaseStep.id)
    ):
        next_steps.setdefault(step.case_id, step)
    found = [Due(case, student, next_steps.get(case.id)) for case, student in rows]
    return sorted((one for one in found if one.due_on <= today), key=lambda one: (one.due_on, one.case.id)), len(rows)


def steps_of(session: AnySession, case_id: int) -> Sequence[CaseStep]:
    """A case's steps, open ones first by day, then done ones."""
    rows = session.scalars(select(CaseStep).where(CaseStep.case_id == case_id).order_by(CaseStep.due_on, CaseStep.id))
    return sorted(rows, key=lambda step: step.done_at is not None)


def cases_of(session: AnySession, student_ids: Collection[int], *, open_only: bool) -> dict[int, list[Case]]:
    """The cases of some students, the latest first."""
    statement = select(Case).where(Case.student_id.in_(student_ids)).order_by(Case.created_at.desc(), Case.id.desc())
    if open_only:
        statement = statement.where(Case.status != CaseStatus.CLOSED)
    found: dict[int, list[Case]] = {}
    for case in session.scalars(statement):
        found.setdefault(case.student_id, []).append(case)
    return found


def is_stale(case: Case) -> bool:
    """Whether an open case waits to be confirmed or closed: nobody has touched it for four weeks past its review."""
    if case.status is CaseStatus.CLOSED:
        return False
    return clock.now() - case.confirmed_at > STALE_AFTER and case.review_on < clock.now().date()


def _listed() -> Any:
    return (
        select(Case, Student, Form.name, Account.given_name, Account.family_name)
        .join(Student, Student.id == Case.student_id)
        .join(Form, Form.id == Student.form_id, isouter=True)
        .join(Account, Account.id == Case.assigned_to)
    )


def _of(row: Any) -> Listed:
    return Listed(row[0], row[1], row[2], champion=f"{row[3]} {row[4]}".strip())


def _narrowed(statement: Select[Any], filters: Filters) -> Select[Any]:
    if filters.status is not None:
        statement = statement.where(Case.status == filters.status)
    elif filters.open:
        statement = statement.where(Case.status != CaseStatus.CLOSED)
    if filters.assigned_to is not None:
        statement = statement.where(Case.assigned_to == filters.assigned_to)
    if filters.overdue_on is not None:
        statement = statement.where(Case.review_on < filters.overdue_on)
    if filters.to_hand_over_on is not None:
        statement = statement.where(Case.status != CaseStatus.CLOSED, _left(filters.to_hand_over_on))
    return statement


def _left(on: date) -> Any:
    """The champion is no longer there for the student: disabled, or neither master, head nor admin now."""
    return or_(Account.status != AccountStatus.ACTIVE, ~in_care_of(Case.assigned_to, on))
