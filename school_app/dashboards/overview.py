"""The first page of those who watch over several forms: a year, or the whole school.

dashboards.routes alone uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, full_name
from school_app.alerts.models import Alert, AlertStatus, RiskProfile
from school_app.attendance.parts import sessions_of
from school_app.attendance.queries import FormDay, registers_of_day
from school_app.cases.models import Case, CaseStatus
from school_app.cases.queries import PAGE, Filters, how_many
from school_app.core.permissions import Viewer
from school_app.schools.queries import is_school_day
from school_app.students.access import Reach, reach_of
from school_app.students.models import Student
from school_app.summaries.periods import Span
from school_app.summaries.queries import Figures, figures_by_form, together

AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Load:
    """What waits for one person: open alerts, of them late, and open cases."""

    name: str
    alerts: int
    late: int
    cases: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Registers not taken, alerts nobody has to decide, escalations, and who carries how much.

    `day` are today's sessions as far as they are counted. `left_behind` are the open cases whose champion has left, up
    to a page of them; then `more_left_behind`.
    """

    is_school_day: bool
    missing: Sequence[FormDay]
    forms: int
    students: int
    unknown: int
    unassigned: int
    left_behind: int
    more_left_behind: bool
    escalated: Sequence[tuple[Case, Student]]
    loads: Sequence[Load]
    day: Figures


def overview(session: AnySession, viewer: Viewer, *, today: date) -> Overview:
    """What a head of year or an admin has to see to; eleven statements."""
    reach = reach_of(session, viewer, today=today)
    forms = registers_of_day(session, viewer, today)
    sessions = len(sessions_of(session))
    left_behind = how_many(session, reach, Filters(to_hand_over_on=today))
    students = select(func.count()).select_from(Student).where(reach.in_care(), Student.is_active)
    return Overview(
        is_school_day=is_school_day(session, today),
        missing=[form for form in forms if len(form.registers) < sessions],
        forms=len(forms),
        students=session.scalar(students) or 0,
        unknown=_unknown(session, reach),
        unassigned=_unassigned(session, reach),
        left_behind=min(left_behind, PAGE),
        more_left_behind=left_behind > PAGE,
        escalated=_escalated(session, reach),
        loads=_loads(session, reach, today),
        day=together(one.figures for one in figures_by_form(session, reach, Span(today, today))),
    )


def _unknown(session: AnySession, reach: Reach) -> int:
    statement = (
        select(func.count())
        .select_from(RiskProfile)
        .join(Student, Student.id == RiskProfile.student_id)
        .where(reach.in_care(), Student.is_active, RiskProfile.level.is_(None))
    )
    return session.scalar(statement) or 0


def _unassigned(session: AnySession, reach: Reach) -> int:
    statement = (
        select(func.count())
        .select_from(Alert)
        .join(Student, Student.id == Alert.student_id)
        .where(reach.in_care(), Alert.status == AlertStatus.OPEN, Alert.assigned_to.is_(None))
    )
    return session.scalar(statement) or 0


def _escalated(session: AnySession, reach: Reach) -> list[tuple[Case, Student]]:
    rows = session.execute(
        select(Case, Student)
        .join(Student, Student.id == Case.student_id)
        .where(reach.in_care(), Case.status == CaseStatus.ESCALATED)
        .order_by(Case.review_on, Case.id)
        .limit(10)
    ).all()
    return [(case, student) for case, student in rows]


def _loads(session: AnySession, reach: Reach, today: date) -> list[Load]:
    alerts = session.execute(
        select(Alert.assigned_to, func.count(), func.sum(Alert.decide_by < today))
        .join(Student, Student.id == Alert.student_id)
        .where(reach.in_care(), Alert.status == AlertStatus.OPEN, Alert.assigned_to.is_not(None))
        .group_by(Alert.assigned_to)
    ).all()
    carried = session.execute(
        select(Case.assigned_to, func.count())
        .join(Student, Student.id == Case.student_id)
        .where(reach.in_care(), Case.status != CaseStatus.CLOSED)
        .group_by(Case.assigned_to)
    ).all()
    waiting = {id_: (int(number), int(late or 0)) for id_, number, late in alerts}
    open_cases = {id_: int(number) for id_, number in carried}
    people = session.execute(
        select(Account.id, Account.given_name, Account.family_name).where(
            Account.id.in_(waiting.keys() | open_cases.keys())
        )
    )
    loads = [
        Load(full_name(given, family), *waiting.get(id_, (0, 0)), cases=open_cases.get(id_, 0))
        for id_, given, family in people
    ]
    return sorted(loads, key=lambda load: (-load.alerts, -load.cases, load.name))
