"""What is stored of alerts: a school's thresholds, who decides, and which alerts wait.

alerts/ itself, and the features above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus
from school_app.alerts.models import Alert, AlertDecision, AlertStatus, RiskProfile, SchoolThresholds
from school_app.alerts.thresholds import Thresholds
from school_app.core.lasting import lasting
from school_app.schools.models import FormMaster
from school_app.schools.queries import holds_on
from school_app.students.access import Reach, Shape, in_care_by, in_care_of
from school_app.students.models import Student, student_name

AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A student's worst open alert, and how many more the student has."""

    alert_id: int
    severity: int
    reason: str
    worsened_at: datetime | None
    decide_by: date | None
    student_id: int
    given_name: str
    family_name: str
    others: int

    @property
    def student_name(self) -> str:
        """Both names of the student."""
        return student_name(self.given_name, self.family_name)


def thresholds_of(session: AnySession) -> Thresholds:
    """The school's own cut points, or the defaults where it set none."""
    settings = session.scalar(SETTINGS)
    return Thresholds() if settings is None else Thresholds.from_settings(settings)


SETTINGS = lasting(select(SchoolThresholds.settings))


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
    rows = session.execute(_waiting(reach.shape), {"account_id": account_id, **reach.care}).all()
    numbers = Counter(row.student_id for row in rows)
    worst: dict[int, Any] = {}
    for row in rows:
        worst.setdefault(row.student_id, row)
    return [Waiting(**row._mapping, others=numbers[id_] - 1) for id_, row in worst.items()]


@cache
def _waiting(shape: Shape) -> Any:
    return lasting(
        select(
            *(Alert.id.label("alert_id"), Alert.severity, Alert.reason, Alert.worsened_at, Alert.decide_by),
            *(Alert.student_id, Student.given_name, Student.family_name),
        )
        .join(Student, Student.id == Alert.student_id)
        .where(Alert.assigned_to == bindparam("account_id"), Alert.status == AlertStatus.OPEN, in_care_by(shape))
        .order_by(Alert.severity.desc(), Alert.alert_date, Alert.id)
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What a form's page tells of an alert."""

    id: int
    student_id: int
    indicator: str
    severity: int
    status: AlertStatus
    reason: str
    opened_at: datetime
    worsened_at: datetime | None

    @property
    def is_standing(self) -> bool:
        """Whether its facts still hold, answered or not."""
        return self.status is not AlertStatus.RESOLVED

    @property
    def rose_at(self) -> datetime:
        """When it was opened, or last became worse."""
        return max(self.opened_at, self.worsened_at or self.opened_at)


def told_alerts_of(session: AnySession, student_ids: Collection[int], since: datetime) -> list[Told]:
    """The alerts of some students that stand, and those that have risen since a moment; worst first, one statement."""
    return [Told(*row) for row in session.execute(TOLD, {"ids": list(student_ids), "since": since})]


IDS: Any = bindparam("ids", expanding=True)
TOLD = lasting(
    select(*(getattr(Alert, one.name) for one in fields(Told)))
    .where(
        Alert.student_id.in_(IDS),
        or_(
            Alert.status != AlertStatus.RESOLVED,
            Alert.opened_at > bindparam("since"),
            Alert.worsened_at > bindparam("since"),
        ),
    )
    .order_by(Alert.severity.desc(), Alert.alert_date, Alert.id)
)


def triggers_of(session: AnySession, student_ids: Collection[int]) -> dict[int, list[str]]:
    """The rules that stand in the risk profiles of some students; one statement."""
    return {student_id: triggers for student_id, triggers in session.execute(TRIGGERS, {"ids": list(student_ids)})}


TRIGGERS = lasting(select(RiskProfile.student_id, RiskProfile.triggers).where(RiskProfile.student_id.in_(IDS)))


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
    rows = session.scalars(PROFILES, {"ids": list(student_ids)})
    return {profile.student_id: profile for profile in rows}


PROFILES = lasting(select(RiskProfile).where(RiskProfile.student_id.in_(bindparam("ids", expanding=True))))
