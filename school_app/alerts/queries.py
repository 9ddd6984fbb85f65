"""What is stored of alerts: a school's thresholds, who decides, and which alerts wait.

alerts/ itself, and the features above it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus
from school_app.alerts.models import Alert, AlertDecision, AlertStatus, RiskProfile, SchoolThresholds
from school_app.alerts.thresholds import Thresholds
from school_app.schools.models import FormMaster
from school_app.schools.queries import holds_on
from school_app.students.access import Reach, in_care_of
from school_app.students.models import Student

AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A student's worst open alert, and how many more the student has."""

    alert: Alert
    student: Student
    others: int


def thresholds_of(session: AnySession) -> Thresholds:
    """The school's own cut points, or the defaults where it set none."""
    settings = session.scalar(select(SchoolThresholds.settings))
    return Thresholds() if settings is None else Thresholds.from_settings(settings)


def deciders(session: AnySession, form_ids: Collection[int], on: date) -> dict[int, int]:
    """Who decides on the alerts of each form: its master of the day, the primary one first."""
    rows = session.execute(
        select(FormMaster.form_id, FormMaster.account_id)
        .join(Account, Account.id == FormMaster.account_id)
        .where(FormMaster.form_id.in_(form_ids), holds_on(FormMaster, on), Account.status == AccountStatus.ACTIVE)
        .order_by(FormMaster.is_primary, FormMaster.starts_on)
    )
    return {form_id: account_id for form_id, account_id in rows}


def out_of_care(session: AnySession, alerts: Collection[Alert], *, today: date) -> set[int]:
    """The open ones of some alerts that wait for nobody, or for somebody who no longer has the student in their care.

    One statement, or none where no alert is open.
    """
    waiting = [alert.id for alert in alerts if alert.status is AlertStatus.OPEN]
    if not waiting:
        return set()
    cared_for = session.scalars(
        select(Alert.id)
        .join(Student, Student.id == Alert.student_id)
        .join(Account, Account.id == Alert.assigned_to)
        .where(Alert.id.in_(waiting), Account.status == AccountStatus.ACTIVE, in_care_of(Account.id, today))
    )
    return set(waiting) - set(cared_for)


def needs_decision(session: AnySession, account_id: int, reach: Reach) -> list[Waiting]:
    """The students about whom a person has to decide: one entry each, worst and oldest first.

    One statement: a person's open alerts are few, and the worst of each student is picked from them. A student who has
    left the person's care is not shown to them.
    """
    rows = session.execute(
        select(Alert, Student)
        .join(Student, Student.id == Alert.student_id)
        .where(Alert.assigned_to == account_id, Alert.status == AlertStatus.OPEN, reach.in_care())
        .order_by(Alert.severity.desc(), Alert.alert_date, Alert.id)
    ).all()
    found: dict[int, list[tuple[Alert, Student]]] = {}
    for alert, student in rows:
        found.setdefault(student.id, []).append((alert, student))
    return [Waiting(*entries[0], others=len(entries) - 1) for entries in found.values()]


def standing_alerts_of(session: AnySession, student_ids: Collection[int]) -> dict[int, list[Alert]]:
    """The alerts of some students whose facts still hold, answered or not, worst first."""
    found: dict[int, list[Alert]] = {}
    for alert in session.scalars(
        select(Alert)
        .where(Alert.student_id.in_(student_ids), Alert.status != AlertStatus.RESOLVED)
        .order_by(Alert.severity.desc(), Alert.alert_date, Alert.id)
    ):
        found.setdefault(alert.student_id, []).append(alert)
    return found


def decisions_on(session: AnySession, alert_ids: Collection[int]) -> dict[int, list[AlertDecision]]:
    """The decisions on some alerts, newest first."""
    found: dict[int, list[AlertDecision]] = {}
    for decision in session.scalars(
        select(AlertDecision)
        .where(AlertDecision.alert_id.in_(alert_ids))
        .order_by(AlertDecision.decided_at.desc(), AlertDecision.id.desc())
    ):
        found.setdefault(decision.alert_id, []).append(decision)
    return found


def risk_of(session: AnySession, student_ids: Collection[int]) -> dict[int, RiskProfile]:
    """The stored risk profiles of some students."""
    rows = session.scalars(select(RiskProfile).where(RiskProfile.student_id.in_(student_ids)))
    return {profile.student_id: profile for profile in rows}
