"""Alerts, the decisions on them, risk profiles, and each school's thresholds.

alerts/ and the features above it use these; what they mean is in the rules.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, Integer, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import Audited
from school_app.core import clock
from school_app.core.db import Base, Id, JsonText, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOwned, belongs, keyed


class AlertStatus(enum.StrEnum):
    """Open alerts need a decision; a decided one stays so unless it worsens; a resolved one's facts are gone."""

    OPEN = "open"
    DECIDED = "decided"
    RESOLVED = "resolved"


class DecisionKind(enum.StrEnum):
    """The three answers to an alert."""

    OPEN_CASE = "open_case"
    ALREADY_HANDLED = "already_handled"
    NOT_A_CONCERN = "not_a_concern"


class Alert(Audited, SchoolOwned, Base):
    """One episode of one rule for one student in one window.

    `indicator` is A, B or C; `severity` 1 to 4; `reason` the words; `inputs` the counts behind them. `decided_severity`
    is the severity that was decided on, above which the alert is raised again. `assigned_to` is whoever has to decide,
    None where a form has no master: then the school's admins see it.
    """

    __tablename__ = "alert"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "student_id", "rule", "window_key"),
        Index("ix_alert_assigned_to_status_alert_date", "assigned_to", "status", "alert_date"),
        Index("ix_alert_school_id_status_alert_date", "school_id", "status", "alert_date"),
        Index("ix_alert_student_id_status", "student_id", "status"),
        belongs("student_id", "student"),
        belongs("assigned_to", "account"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    student_id: Mapped[int] = mapped_column(Id)
    rule: Mapped[str] = mapped_column(exact(60))
    window_key: Mapped[str] = mapped_column(exact(120))
    indicator: Mapped[str] = mapped_column(String(1))
    severity: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[AlertStatus] = mapped_column(one_of(AlertStatus), default=AlertStatus.OPEN)
    reason: Mapped[str] = mapped_column(Text)
    inputs: Mapped[dict[str, Any]] = mapped_column(JsonText)
    alert_date: Mapped[date] = mapped_column(Date)
    assigned_to: Mapped[int | None] = mapped_column(Id)
    handed_on_by_name: Mapped[str | None] = mapped_column(String(200))
    handed_on_because: Mapped[str | None] = mapped_column(String(500))
    decide_by: Mapped[date | None] = mapped_column(Date)
    decided_severity: Mapped[int | None] = mapped_column(SmallInteger)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    worsened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AlertDecision(Audited, SchoolOwned, Base):
    """One person's answer to an alert, with its reason."""

    __tablename__ = "alert_decision"
    __table_args__ = keyed(
        Index("ix_alert_decision_alert_id_decided_at", "alert_id", "decided_at"),
        belongs("alert_id", "alert"),
        belongs("case_id", "intervention_case"),
        belongs("decided_by", "account"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    alert_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[DecisionKind] = mapped_column(one_of(DecisionKind))
    reason: Mapped[str | None] = mapped_column(String(500))
    severity: Mapped[int] = mapped_column(SmallInteger)
    case_id: Mapped[int | None] = mapped_column(Id)
    decided_by: Mapped[int] = mapped_column(Id)
    decided_by_name: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class RiskProfile(SchoolOwned, Base):
    """A student's risk as of a date: level 0 to 4, or None for "not enough data", with what produced it.

    It is computed anew from the facts at every evaluation, so its history is that of the facts and alerts;
    `computed_at` is when that last gave something else than before.
    """

    __tablename__ = "risk_profile"
    __table_args__ = (
        UniqueConstraint("school_id", "student_id"),
        Index("ix_risk_profile_school_id_level", "school_id", "level"),
        belongs("student_id", "student"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    student_id: Mapped[int] = mapped_column(Id)
    level: Mapped[int | None] = mapped_column(SmallInteger)
    triggers: Mapped[list[str]] = mapped_column(JsonText)
    inputs: Mapped[dict[str, Any]] = mapped_column(JsonText)
    as_of: Mapped[date] = mapped_column(Date)
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class SchoolThresholds(Audited, SchoolOwned, Base):
    """A school's own cut points, as alerts.thresholds.Thresholds; without a row the defaults hold."""

    __tablename__ = "school_thresholds"
    __table_args__ = (UniqueConstraint("school_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JsonText)
    version: Mapped[int] = mapped_column(Integer, default=1)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
