"""Assessments and the students' results in them.

marks/ and the features above it use these.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Date, Index, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import Audited
from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime, exact
from school_app.core.tenancy import SchoolOwned, belongs, keyed


class Assessment(Audited, SchoolOwned, Base):
    """A piece of work of a class, marked from `minimum` to `maximum`."""

    __tablename__ = "assessment"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id"),
        Index("ix_assessment_teaching_group_id_due_on", "teaching_group_id", "due_on"),
        belongs("teaching_group_id", "teaching_group"),
        belongs("term_id", "term"),
        CheckConstraint("minimum < maximum", name="range"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    teaching_group_id: Mapped[int] = mapped_column(Id)
    term_id: Mapped[int | None] = mapped_column(Id)
    title: Mapped[str] = mapped_column(String(200))
    category: Mapped[str | None] = mapped_column(String(120))
    assigned_on: Mapped[date | None] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    minimum: Mapped[Decimal] = mapped_column(Numeric(9, 3), default=Decimal(0))
    maximum: Mapped[Decimal] = mapped_column(Numeric(9, 3), default=Decimal(100))


class AssessmentResult(Audited, SchoolOwned, Base):
    """A student's result. A mark above the maximum is kept as it is (extra credit); None has not been marked."""

    __tablename__ = "assessment_result"
    __table_args__ = (
        UniqueConstraint("school_id", "assessment_id", "student_id"),
        Index("ix_assessment_result_student_id_scored_on", "student_id", "scored_on"),
        belongs("assessment_id", "assessment"),
        belongs("student_id", "student"),
        belongs("entered_by", "account"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    assessment_id: Mapped[int] = mapped_column(Id)
    student_id: Mapped[int] = mapped_column(Id)
    score: Mapped[Decimal | None] = mapped_column(Numeric(9, 3))
    score_status: Mapped[str] = mapped_column(String(40), default="fully graded")
    scored_on: Mapped[date] = mapped_column(Date)
    comment: Mapped[str | None] = mapped_column(Text)
    entered_by: Mapped[int | None] = mapped_column(Id)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
