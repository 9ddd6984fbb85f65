"""What is stored of alerts: a school's thresholds, who decides, and which alerts wait.

alerts/ itself, and the features above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Date, bindparam, null, or_, select, type_coerce, union_all
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
    return _thresholds(session.scalar(SETTINGS))


SETTINGS = lasting(select(SchoolThresholds.settings))


def _thresholds(settings: Mapping[str, object] | None) -> Thresholds:
    return Thresholds() if settings is None else Thresholds.from_settings(settings)


def deciders(session: AnySession, form_ids: Collection[int], on: date) -> dict[int, int]:
    """Who decides on the alerts of each form: its master of the day, the primary one first."""
    rows = session.execute(DECIDERS, {"form_ids": list(form_ids), "on": on})
    return {form_id: account_id for form_id, account_id in rows}


DECIDERS = lasting(
    select(FormMaster.form_id, FormMaster.account_id)
    .join(Account, Account.id == FormMaster.account_id)
    .where(
        FormMaster.form_id.in_(bindparam("form_ids", expanding=True)),
        holds_on(FormMaster, bindparam("on", type_=Date)),
        Account.status == AccountStatus.ACTIVE,
    )
    .order_by(FormMaster.is_primary, FormMaster.starts_on)
)


def out_of_care(session: AnySession, alerts: Collection[Alert], *, today: date) -> set[int]:
    """The open ones of some alerts that wait for nobody, or for somebody who no longer has the student in their care.

    One statement, or none where no alert is open.
    """
    waiting = [alert.id for alert in alerts if alert.status is AlertStatus.OPEN]
    if not waiting:
        return set()
    return set(waiting) - set(session.scalars(CARED_FOR, {"ids": waiting, "today": today}))


CARED_FOR = lasting(
    select(Alert.id)
    .join(Student, Student.id == Alert.student_id)
    .join(Account, Account.id == Alert.assigned_to)
    .where(
        Alert.id.in_(bindparam("ids", expanding=True)),
        Account.status == AccountStatus.ACTIVE,
        in_care_of(Account.id, bindparam("today", type_=Date)),
    )
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


@dataclass(frozen=True, slots=True)
class ForMaster:
    """The alerts that a form's master is shown: the students who wait for their decision, and the form's own alerts.

    One entry for each student who waits, the worst alert of each; both are worst and oldest first.
    """

    waiting: Sequence[Waiting]
    told: Sequence[Told]


def alerts_for(
    session: AnySession, account_id: int, reach: Reach, *, student_ids: Collection[int], since: datetime
) -> ForMaster:
    """What a person has to decide, and what stands about some students or has risen since a moment; one statement.

    A person's open alerts are few, and the worst of each student is picked from them. A student who has left the
    person's care is not shown to them.
    """
    values = {"ids": list(student_ids), "since": since, "account_id": account_id, **reach.care}
    found = session.execute(_for_master(reach.shape), values).all()
    rows = sorted(found, key=lambda row: (-row.severity, row.alert_date, row.id))
    told = [Told(*(getattr(row, one.name) for one in fields(Told))) for row in rows if row.indicator is not None]
    return ForMaster(_worst([row for row in rows if row.indicator is None]), told)


def _worst(rows: Sequence[Any]) -> list[Waiting]:
    numbers = Counter(row.student_id for row in rows)
    worst: dict[int, Any] = {}
    for row in rows:
        worst.setdefault(row.student_id, row)
    return [
        Waiting(
            *(row.id, row.severity, row.reason, row.worsened_at, row.decide_by, id_),
            *(row.given_name, row.family_name),
            others=numbers[id_] - 1,
        )
        for id_, row in worst.items()
    ]


@cache
def _for_master(shape: Shape) -> Any:
    nothing = (type_coerce(null(), Date()).label("decide_by"), null().label("given_name"), null().label("family_name"))
    rises = (column > bindparam("since") for column in (Alert.opened_at, Alert.worsened_at))
    return lasting(
        union_all(
            select(*SHOWN, Alert.indicator, Alert.status, Alert.opened_at, *nothing).where(
                Alert.student_id.in_(IDS), or_(Alert.status != AlertStatus.RESOLVED, *rises)
            ),
            select(*SHOWN, null(), null(), null(), Alert.decide_by, Student.given_name, Student.family_name)
            .join(Student, Student.id == Alert.student_id)
            .where(Alert.assigned_to == bindparam("account_id"), Alert.status == AlertStatus.OPEN, in_care_by(shape)),
        )
    )


SHOWN: Any = (Alert.id, Alert.student_id, Alert.severity, Alert.reason, Alert.worsened_at, Alert.alert_date)
IDS: Any = bindparam("ids", expanding=True)


@dataclass(frozen=True, slots=True)
class Judged:
    """By what the alerts of some students are judged, and the rules that stand in the risk profiles, by student."""

    thresholds: Thresholds
    triggers: Mapping[int, Sequence[str]]


def judged(session: AnySession, student_ids: Collection[int]) -> Judged:
    """The school's cut points and what some students' risk profiles say; one statement."""
    found = {student_id: value for student_id, value in session.execute(JUDGED, {"ids": list(student_ids)})}
    return Judged(_thresholds(found.pop(None, None)), found)


# Both are JSON. The school's own settings are of no student.
JUDGED = lasting(
    union_all(
        select(RiskProfile.student_id, RiskProfile.triggers).where(RiskProfile.student_id.in_(IDS)),
        select(null(), SchoolThresholds.settings),
    )
)


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


PROFILES = lasting(select(RiskProfile).where(RiskProfile.student_id.in_(IDS)))


def profiles_of(session: AnySession, student_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What the stored risk profiles of some students say, by column; one statement."""
    rows = session.execute(TOLD_PROFILES, {"ids": list(student_ids)})
    return {student_id: dict(zip(PROFILE, told, strict=True)) for student_id, *told in rows}


PROFILE = ("level", "triggers", "inputs", "as_of")
TOLD_PROFILES = lasting(
    select(RiskProfile.student_id, *(getattr(RiskProfile, name) for name in PROFILE)).where(
        RiskProfile.student_id.in_(IDS)
    )
)
