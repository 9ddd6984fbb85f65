"""The table of retention, and the holds that stop destruction.

audit.retention works by it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import Audited
from school_app.audit.retention.rules import DataClass
from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime, one_of
from school_app.core.tenancy import SchoolOrPlatform, SchoolOwned, belongs


class RetentionRule(Audited, SchoolOrPlatform, Base):
    """How many years a class of data is kept: by one school, or, without one, where a school says nothing else.

    `years_before` held before the change at `changed_at`; a shorter time holds after a notice (rules.in_force).
    """

    __tablename__ = "retention_rule"
    __table_args__ = (UniqueConstraint("school_id", "data_class"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    data_class: Mapped[DataClass] = mapped_column(one_of(DataClass))
    years: Mapped[int] = mapped_column(SmallInteger)
    years_before: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[str] = mapped_column(String(500))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    changed_by_name: Mapped[str] = mapped_column(String(200))


class LegalHold(Audited, SchoolOwned, Base):
    """Nothing of a school's log is destroyed while it stands; with a student, no file that names the student.

    The foreign key to the school makes whoever writes a hold wait until a removal that is under way has ended, and a
    removal wait for a hold that is being written.
    """

    __tablename__ = "legal_hold"
    __table_args__ = (
        belongs("student_id", "student"),
        Index("ix_legal_hold_school_id_released_at", "school_id", "released_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    student_id: Mapped[int | None] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(String(500))
    set_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    set_by_name: Mapped[str] = mapped_column(String(200))
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by_name: Mapped[str | None] = mapped_column(String(200))
    released_because: Mapped[str | None] = mapped_column(String(500))
