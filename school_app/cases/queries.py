"""Lists of cases, and one case with its steps.

cases/ itself, and the features above it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, null, or_, select, type_coerce, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus, full_name
from school_app.cases.models import Case, CaseStatus, CaseStep, Outcome
from school_app.core import clock, paging
from school_app.core.errors import NotFound
from school_app.core.lasting import lasting
from school_app.core.permissions import Viewer
from school_app.schools.models import Form
from school_app.students.access import Reach, Shape, in_care_by, in_care_of, reach_of
from school_app.students.models import Student, student_name

AnySession = Session | scoped_session[Any]
PAGE, MOST_STEPS = 50, 100
# What a list shows of a case, and beside it the names of the form and of the champion.
LINE: tuple[Any, ...] = (*(Case.id, Case.status, Case.tier, Case.goal, Case.starts_on, Case.review_on, Case.outcome),)
WITH: tuple[Any, ...] = (Form.name, Account.given_name, Account.family_name)
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
class Line:
    """A case as a list shows it; `outcome` is None until it is closed."""

    id: int
    student: str
    form: str | None
    status: CaseStatus
    tier: int
    goal: str
    starts_on: date
    review_on: date
    outcome: Outcome | None
    champion: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A case with its student, the form's name, and its champion."""

    case: Case
    student: Student
    form_name: str | None
    champion: str


@dataclass(frozen=True, slots=True)
class Due:
    """An open case with its first open step; without one, or where the review comes before it, the review is due."""

    case_id: int
    goal: str
    starts_on: date
    closed_at: datetime | None
    review_on: date
    student_id: int
    given_name: str
    family_name: str
    step_id: int | None
    step_title: str | None
    step_due_on: date | None

    @property
    def student_name(self) -> str:
        """Both names of the student."""
        return student_name(self.given_name, self.family_name)

    @property
    def due_on(self) -> date:
        """The day on which the next thing is due."""
        return min(self.step_due_on or self.review_on, self.review_on)

    @property
    def is_step(self) -> bool:
        """Whether it is the step that is due, and not the review."""
        return self.step_due_on is not None and self.step_due_on <= self.review_on


def cases(session: AnySession, reach: Reach, filters: Filters, *, cursor: str | None = None) -> paging.Page[Line]:
    """A page of the cases of students in a person's care, the latest opened first; one statement."""
    columns = (*LINE, Case.created_at, Student.given_name, Student.family_name, *WITH)
    statement = _narrowed(_joined(select(*columns)).where(reach.in_care()), filters)
    if cursor:
        statement = statement.where(paging.behind(Case.created_at, Case.id, paging.decode(cursor, datetime, int)))
    rows = session.execute(statement.order_by(Case.created_at.desc(), Case.id.desc()).limit(PAGE + 1)).all()
    page = paging.page(rows, PAGE, lambda row: (row.created_at, row.id))
    return paging.Page([_line(row) for row in page.rows], page.next)


def _line(row: Any) -> Line:
    *own, _, given_name, family_name, form, champion_given, champion_family = row
    named = dict(zip((column.key for column in LINE), own, strict=True))
    champion = full_name(champion_given, champion_family)
    return Line(**named, student=student_name(given_name, family_name), form=form, champion=champion)


def how_many(session: AnySession, reach: Reach, filters: Filters) -> int:
    """How many cases a list would have: up to a page of them, and one more where there are more; one statement."""
    ids = _narrowed(_joined(select(Case.id)).where(reach.in_care()), filters).limit(PAGE + 1)
    return len(session.scalars(ids).all())


def case_in_care(session: AnySession, viewer: Viewer, case_id: int, *, today: date) -> Listed:
    """One case of a student in the person's care. Raises NotFound."""
    reach = reach_of(session, viewer, today=today)
    row = session.execute(_listed().where(Case.id == case_id, reach.in_care())).first()
    if row is None:
        raise NotFound("case")
    return _of(row)


@dataclass(frozen=True, slots=True)
class ForMaster:
    """The cases that a form's master is shown: their own that are due, and the latest open one of each student.

    Those due are the longest overdue first; `open` is how many are the master's own, and `latest` is by student, as
    id and tier.
    """

    due: Sequence[Due]
    open: int
    latest: Mapping[int, tuple[int, int]]


def cases_for(
    session: AnySession, account_id: int, reach: Reach, *, student_ids: Collection[int], today: date
) -> ForMaster:
    """A champion's cases of which a step or the review is due, and the open cases of some students; one statement.

    A champion's open cases are few. A student who has left the champion's care is not shown to them.
    """
    values = {"account_id": account_id, "ids": list(student_ids), **reach.care}
    rows = session.execute(_for_master(reach.shape), values).all()
    own = [Due(*row[:-2]) for row in rows if row.tier is None]
    first: dict[int, Due] = {}
    for one in sorted(own, key=lambda one: (one.case_id, one.step_due_on or date.min, one.step_id or 0)):
        first.setdefault(one.case_id, one)
    due = [one for one in first.values() if one.due_on <= today]
    others = sorted((row for row in rows if row.tier is not None), key=lambda row: (row.created_at, row.id))
    return ForMaster(
        sorted(due, key=lambda one: (one.due_on, one.case_id)),
        len(first),
        {row.student_id: (row.id, row.tier) for row in others},
    )


@cache
def _for_master(shape: Shape) -> Any:
    # The first part says the types of both.
    nothing = (null().label("tier"), type_coerce(null(), Case.created_at.type).label("created_at"))
    own = (
        select(
            *(Case.id, Case.goal, Case.starts_on, Case.closed_at, Case.review_on),
            *(Case.student_id, Student.given_name, Student.family_name),
            *(CaseStep.id.label("step_id"), CaseStep.title, CaseStep.due_on),
            *nothing,
        )
        .join(Student, Student.id == Case.student_id)
        .join(CaseStep, and_(CaseStep.case_id == Case.id, CaseStep.done_at.is_(None)), isouter=True)
        .where(Case.assigned_to == bindparam("account_id"), Case.status != CaseStatus.CLOSED, in_care_by(shape))
    )
    latest = select(
        *(Case.id, null(), null(), null(), null()),
        *(Case.student_id, null(), null()),
        *(null(), null(), null()),
        *(Case.tier, Case.created_at),
    ).where(Case.student_id.in_(bindparam("ids", expanding=True)), Case.status != CaseStatus.CLOSED)
    return lasting(union_all(own, latest))


def steps_of(session: AnySession, case_id: int) -> Sequence[CaseStep]:
    """A case's steps, open ones first by day, then done ones; a hundred at most."""
    order = (CaseStep.done_at.is_not(None), CaseStep.due_on, CaseStep.id)
    return session.scalars(select(CaseStep).where(CaseStep.case_id == case_id).order_by(*order).limit(MOST_STEPS)).all()


def cases_about(session: AnySession, student_id: int) -> Sequence[Case]:
    """A student's cases, open ones first and then the latest, as many as are on a page."""
    return session.scalars(ABOUT, {"student_id": student_id}).all()


ABOUT = lasting(
    select(Case)
    .where(Case.student_id == bindparam("student_id"))
    .order_by(Case.status == CaseStatus.CLOSED, Case.created_at.desc(), Case.id.desc())
    .limit(PAGE)
)


def is_stale(case: Case) -> bool:
    """Whether an open case waits to be confirmed or closed: nobody has touched it for four weeks past its review."""
    if case.status is CaseStatus.CLOSED:
        return False
    return clock.now() - case.confirmed_at > STALE_AFTER and case.review_on < clock.now().date()


def _listed() -> Any:
    return _joined(select(Case, Student, *WITH))


def _joined(statement: Any) -> Any:
    return (
        statement.join(Student, Student.id == Case.student_id)
        .join(Form, Form.id == Student.form_id, isouter=True)
        .join(Account, Account.id == Case.assigned_to)
    )


def _of(row: Any) -> Listed:
    return Listed(row[0], row[1], row[2], champion=full_name(row[3], row[4]))


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
