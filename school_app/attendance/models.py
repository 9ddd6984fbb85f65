"""Attendance codes, registers and marks, and those of closed school years.

A register that was taken states that everyone enrolled was present; a mark is an exception to it.
attendance/ and the features above it use these; attendance.rows says in which tables the rows of a day lie.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from school_app.alerts.facts import AttendanceCategory
from school_app.audit.capture import Audited
from school_app.core.db import Base, Id, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOwned, belongs, keyed


class Session(enum.StrEnum):
    """The part of a day that a register is for."""

    AM = "AM"
    PM = "PM"
    DAY = "DAY"


class RegisterState(enum.StrEnum):
    """A register that was not taken, or was taken back, states nothing: its students' attendance is unknown."""

    NOT_TAKEN = "not_taken"
    TAKEN = "taken"


class Source(enum.StrEnum):
    """Where a register or mark came from."""

    PERSON = "person"
    IMPORT = "import"


class AttendanceCode(Audited, SchoolOwned, Base):
    """A school's own code and the category it counts as; `code` is how files and the keyboard write it."""

    __tablename__ = "attendance_code"
    __table_args__ = keyed(UniqueConstraint("school_id", "code"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    code: Mapped[str] = mapped_column(exact(40))
    name: Mapped[str] = mapped_column(String(80))
    category: Mapped[AttendanceCategory] = mapped_column(one_of(AttendanceCategory))
    ordinal: Mapped[int] = mapped_column(SmallInteger, default=0)
    is_active: Mapped[bool] = mapped_column(default=True)


class RegisterColumns(SchoolOwned):
    """The columns of a register, in the order in which they are copied."""

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    form_id: Mapped[int | None] = mapped_column(Id)
    teaching_group_id: Mapped[int | None] = mapped_column(Id)
    date: Mapped[date] = mapped_column(Date)
    session: Mapped[Session] = mapped_column(one_of(Session))
    state: Mapped[RegisterState] = mapped_column(one_of(RegisterState), default=RegisterState.NOT_TAKEN)
    source: Mapped[Source] = mapped_column(one_of(Source), default=Source.PERSON)
    taken_by: Mapped[int | None] = mapped_column(Id)
    taken_by_name: Mapped[str | None] = mapped_column(String(200))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    corrected_by_name: Mapped[str | None] = mapped_column(String(200))
    corrected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Register(Audited, RegisterColumns, Base):
    """The register of a form or of a class for one session of one day: taken, or not."""

    __tablename__ = "register"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "form_id", "date", "session"),
        UniqueConstraint("school_id", "teaching_group_id", "date", "session"),
        Index("ix_register_school_id_date", "school_id", "date"),
        belongs("form_id", "form"),
        belongs("teaching_group_id", "teaching_group"),
        belongs("taken_by", "account"),
        CheckConstraint("(form_id IS NULL) <> (teaching_group_id IS NULL)", name="of_form_or_class"),
    )


class MarkColumns(SchoolOwned):
    """The columns of a mark, in the order in which they are copied."""

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    register_id: Mapped[int | None] = mapped_column(Id)
    student_id: Mapped[int] = mapped_column(Id)
    date: Mapped[date] = mapped_column(Date)
    session: Mapped[Session] = mapped_column(one_of(Session))
    code_id: Mapped[int] = mapped_column(Id)
    minutes_late: Mapped[int | None] = mapped_column(SmallInteger)
    reason: Mapped[str | None] = mapped_column(String(300))
    source: Mapped[Source] = mapped_column(one_of(Source), default=Source.PERSON)
    recorded_by: Mapped[int | None] = mapped_column(Id)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AttendanceMark(Audited, MarkColumns, Base):
    """An exception to "present" for one student.

    `register_id` is None for a mark on a date without a register, such as a tardy on a Sunday: it is kept and shown,
    and counts in no rate. `session` is the part of the day the mark itself names, which on a DAY register may be AM.
    """

    __tablename__ = "attendance_mark"
    __table_args__ = (
        UniqueConstraint("school_id", "student_id", "date", "session", "register_id"),
        Index("ix_attendance_mark_register_id", "register_id"),
        Index("ix_attendance_mark_school_id_date", "school_id", "date"),
        belongs("register_id", "register"),
        belongs("student_id", "student"),
        belongs("code_id", "attendance_code"),
        CheckConstraint("minutes_late IS NULL OR minutes_late BETWEEN 0 AND 1440", name="minutes_late"),
    )


class Archived:
    """Mixin of rows of closed school years, which only a run moves: they have been held to their school by the keys of
    the tables that they come from, and are again when they go back. Partitioned tables take no foreign keys.
    """

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    date: Mapped[date] = mapped_column(Date, primary_key=True)

    @declared_attr
    def school_id(cls) -> Mapped[int]:
        return mapped_column(Id, nullable=False)


class ArchivedRegister(Archived, RegisterColumns, Base):
    """A register of a closed school year."""

    __tablename__ = "register_archive"
    __table_args__ = (
        UniqueConstraint("school_id", "form_id", "date", "session"),
        UniqueConstraint("school_id", "teaching_group_id", "date", "session"),
        Index("ix_register_archive_school_id_date", "school_id", "date"),
    )


class ArchivedMark(Archived, MarkColumns, Base):
    """A mark of a closed school year."""

    __tablename__ = "attendance_mark_archive"
    __table_args__ = (
        UniqueConstraint(
            *("school_id", "student_id", "date", "session", "register_id"), name="uq_attendance_mark_archive_seat"
        ),
        Index("ix_attendance_mark_archive_register_id", "register_id"),
        Index("ix_attendance_mark_archive_school_id_date", "school_id", "date"),
        Index("ix_attendance_mark_archive_school_id_code_id", "school_id", "code_id"),
    )
