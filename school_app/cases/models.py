"""Intervention cases, their steps and their course; notes on a case are students.models.Note.

cases/ and the features above it use these.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, Index, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import REDACT, Audited
from school_app.core import clock
from school_app.core.db import Base, Id, JsonText, UtcDateTime, exact, one_of
from school_app.core.fingerprint import LENGTH
from school_app.core.tenancy import SchoolOwned, belongs, keyed


class CaseStatus(enum.StrEnum):
    """The life of a case."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Monitoring(enum.StrEnum):
    """How often the champion looks at the student's figures."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"


class Outcome(enum.StrEnum):
    """How a case ended, in the champion's judgement; `figures` beside it say what was measured."""

    GOAL_MET = "goal_met"
    IMPROVED = "improved"
    NO_CHANGE = "no_change"
    WORSE = "worse"
    LEFT_SCHOOL = "left_school"


class CaseEventKind(enum.StrEnum):
    """What is done in a case."""

    OPENED = "opened"
    EXTENDED = "extended"
    REVIEW_STARTED = "review_started"
    ESCALATED = "escalated"
    HANDED_OVER = "handed_over"
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class Case(Audited, SchoolOwned, Base):
    """An intervention case of MTSS tier 2 or 3. `assigned_to` is its champion, `figures` the measured outcome."""

    __tablename__ = "intervention_case"
    __table_args__ = keyed(
        Index("ix_case_assigned_to_status_created_at", "assigned_to", "status", "created_at"),
        Index("ix_case_school_id_status_created_at", "school_id", "status", "created_at"),
        Index("ix_case_student_id_status", "student_id", "status"),
        belongs("student_id", "student"),
        belongs("alert_id", "alert"),
        belongs("assigned_to", "account"),
        CheckConstraint("tier IN (2, 3)", name="tier"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    student_id: Mapped[int] = mapped_column(Id)
    alert_id: Mapped[int | None] = mapped_column(Id)
    assigned_to: Mapped[int] = mapped_column(Id)
    status: Mapped[CaseStatus] = mapped_column(one_of(CaseStatus), default=CaseStatus.OPEN)
    tier: Mapped[int] = mapped_column(SmallInteger, default=2)
    goal: Mapped[str] = mapped_column(String(500))
    strategy: Mapped[str] = mapped_column(String(500))
    monitoring: Mapped[Monitoring] = mapped_column(one_of(Monitoring), default=Monitoring.WEEKLY)
    starts_on: Mapped[date] = mapped_column(Date)
    review_on: Mapped[date] = mapped_column(Date)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    opened_by: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[Outcome | None] = mapped_column(one_of(Outcome))
    outcome_note: Mapped[str | None] = mapped_column(Text)
    figures: Mapped[dict[str, Any] | None] = mapped_column(JsonText)


class CaseStep(Audited, SchoolOwned, Base):
    """Something to do in a case, by a day. `once` is of the form that made it: sent again, it finds it."""

    __tablename__ = "case_step"
    __table_args__ = keyed(
        Index("ix_case_step_case_id_done_at_due_on", "case_id", "done_at", "due_on"),
        Index("ix_case_step_school_id_once", "school_id", "once", unique=True),
        belongs("case_id", "intervention_case"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(Id)
    title: Mapped[str] = mapped_column(String(200))
    due_on: Mapped[date] = mapped_column(Date)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    once: Mapped[str | None] = mapped_column(exact(LENGTH))


class CaseEvent(Audited, SchoolOwned, Base):
    """One thing done in a case, with the words of whoever did it: the next person works from them.

    `tier` is the case's afterwards. Names are those of the time. `once` is of the form that was sent.
    """

    __tablename__ = "case_event"
    __table_args__ = (
        UniqueConstraint("school_id", "once"),
        Index("ix_case_event_case_id_happened_at", "case_id", "happened_at"),
        belongs("case_id", "intervention_case"),
        belongs("done_by", "account"),
        belongs("from_champion", "account"),
        belongs("to_champion", "account"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[CaseEventKind] = mapped_column(one_of(CaseEventKind))
    # The audit log has the words already, as the reason of the event that it records.
    text: Mapped[str | None] = mapped_column(Text, info=REDACT)
    tier: Mapped[int | None] = mapped_column(SmallInteger)
    review_before: Mapped[date | None] = mapped_column(Date)
    review_after: Mapped[date | None] = mapped_column(Date)
    from_champion: Mapped[int | None] = mapped_column(Id)
    from_champion_name: Mapped[str | None] = mapped_column(String(200))
    to_champion: Mapped[int | None] = mapped_column(Id)
    to_champion_name: Mapped[str | None] = mapped_column(String(200))
    done_by: Mapped[int | None] = mapped_column(Id)
    done_by_name: Mapped[str] = mapped_column(String(200))
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    once: Mapped[str | None] = mapped_column(exact(LENGTH))
