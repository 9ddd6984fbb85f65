"""Incidents: one row for each student who took part, and positive records.

behaviour/ and the features above it use these.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import Audited
from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOwned, belongs, keyed


class IncidentKind(enum.StrEnum):
    """A concern counts in the rules; a positive record is good news."""

    CONCERN = "concern"
    POSITIVE = "positive"


class Incident(Audited, SchoolOwned, Base):
    """A student's part in an incident, severity 1 (slight) to 5 (grave), or a positive record, severity 0.

    `reported_by` is None where the reporter has no account at this school, as with staff of another school;
    `reported_by_name` then still says who it was. An incident recorded by mistake is withdrawn, not deleted: it is
    shown as such, and counts nowhere.
    """

    __tablename__ = "incident"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id", "student_id"),
        Index("ix_incident_student_id_occurred_on", "student_id", "occurred_on"),
        Index("ix_incident_school_id_recorded_at", "school_id", "recorded_at"),
        belongs("student_id", "student"),
        belongs("reported_by", "account"),
        CheckConstraint("severity BETWEEN 0 AND 5", name="severity"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    student_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[IncidentKind] = mapped_column(one_of(IncidentKind), default=IncidentKind.CONCERN)
    occurred_on: Mapped[date] = mapped_column(Date)
    category: Mapped[str] = mapped_column(String(120))
    severity: Mapped[int] = mapped_column(SmallInteger)
    description: Mapped[str] = mapped_column(Text)
    reported_by: Mapped[int | None] = mapped_column(Id)
    reported_by_name: Mapped[str | None] = mapped_column(String(200))
    reported_by_sourced_id: Mapped[str | None] = mapped_column(exact())
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by_name: Mapped[str | None] = mapped_column(String(200))
    withdrawn_because: Mapped[str | None] = mapped_column(String(500))
