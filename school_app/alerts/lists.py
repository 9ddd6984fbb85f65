"""Lists of alerts with their filters, and one alert with what was decided on it.

alerts.routes uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, full_name
from school_app.alerts.models import Alert, AlertDecision, AlertStatus
from school_app.core import paging
from school_app.core.errors import NotFound
from school_app.core.lasting import lasting
from school_app.core.permissions import Viewer
from school_app.schools.models import Form
from school_app.students.access import Reach, reach_of
from school_app.students.models import Student, student_name

AnySession = Session | scoped_session[Any]
PAGE = 50
# What a list shows of an alert, and beside it the names of the form and of who has to decide.
LINE: tuple[Any, ...] = (
    *(Alert.id, Alert.severity, Alert.status, Alert.reason, Alert.rule, Alert.alert_date, Alert.decide_by),
)
WITH: tuple[Any, ...] = (Form.name, Account.given_name, Account.family_name)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of alerts is narrowed to; None and False narrow nothing."""

    status: AlertStatus | None = AlertStatus.OPEN
    indicator: str | None = None
    form_id: int | None = None
    assigned_to: int | None = None
    overdue_on: date | None = None
    unassigned: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """An alert as a list shows it; `decider` is None where the admins have to decide."""

    id: int
    student: str
    form: str | None
    severity: int
    status: AlertStatus
    reason: str
    rule: str
    alert_date: date
    decide_by: date | None
    decider: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert with its student, the form's name, and who has to decide (None: the admins)."""

    alert: Alert
    student: Student
    form_name: str | None
    decider: str | None


def alerts(session: AnySession, reach: Reach, filters: Filters, *, cursor: str | None = None) -> paging.Page[Line]:
    """A page of the alerts on students in a person's care, the latest first; one statement."""
    columns = (*LINE, Student.given_name, Student.family_name, *WITH)
    statement = _narrowed(_joined(select(*columns)).where(reach.in_care()), filters)
    if cursor:
        statement = statement.where(paging.behind(Alert.alert_date, Alert.id, paging.decode(cursor, date, int)))
    rows = session.execute(statement.order_by(Alert.alert_date.desc(), Alert.id.desc()).limit(PAGE + 1)).all()
    page = paging.page(rows, PAGE, lambda row: (row.alert_date, row.id))
    return paging.Page([_line(row) for row in page.rows], page.next)


def _line(row: Any) -> Line:
    *own, given_name, family_name, form, decider_given, decider_family = row
    named = dict(zip((column.key for column in LINE), own, strict=True))
    decider = full_name(decider_given, decider_family) if decider_given is not None else None
    return Line(**named, student=student_name(given_name, family_name), form=form, decider=decider)


def alert_in_care(session: AnySession, viewer: Viewer, alert_id: int, *, today: date) -> Listed:
    """One alert on a student in the person's care. Raises NotFound."""
    reach = reach_of(session, viewer, today=today)
    row = session.execute(_listed().where(Alert.id == alert_id, reach.in_care())).first()
    if row is None:
        raise NotFound("alert")
    return _of(row)


def decisions(session: AnySession, student_id: int) -> Sequence[tuple[AlertDecision, Alert]]:
    """The answers given to a student's alerts, newest first, with the alerts; twenty at most."""
    rows = session.execute(DECISIONS, {"student_id": student_id}).all()
    return [(decision, alert) for decision, alert in rows]


DECISIONS = lasting(
    select(AlertDecision, Alert)
    .join(Alert, Alert.id == AlertDecision.alert_id)
    .where(Alert.student_id == bindparam("student_id"))
    .order_by(AlertDecision.decided_at.desc(), AlertDecision.id.desc())
    .limit(20)
)


def _listed() -> Any:
    return _joined(select(Alert, Student, *WITH))


def _joined(statement: Any) -> Any:
    return (
        statement.join(Student, Student.id == Alert.student_id)
        .join(Form, Form.id == Student.form_id, isouter=True)
        .join(Account, Account.id == Alert.assigned_to, isouter=True)
    )


def _of(row: Any) -> Listed:
    decider = full_name(row[3], row[4]) if row[3] is not None else None
    return Listed(row[0], row[1], row[2], decider=decider)


def _narrowed(statement: Select[Any], filters: Filters) -> Select[Any]:
    if filters.status is not None:
        statement = statement.where(Alert.status == filters.status)
    if filters.indicator is not None:
        statement = statement.where(Alert.indicator == filters.indicator)
    if filters.form_id is not None:
        statement = statement.where(Student.form_id == filters.form_id)
    if filters.assigned_to is not None:
        statement = statement.where(Alert.assigned_to == filters.assigned_to)
    if filters.unassigned:
        statement = statement.where(Alert.assigned_to.is_(None))
    if filters.overdue_on is not None:
        statement = statement.where(Alert.decide_by < filters.overdue_on)
    return statement
