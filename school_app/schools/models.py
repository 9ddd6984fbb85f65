"""A school, its years, terms and calendar, its year groups and forms, and who answers for them by date.

schools/ and the features above it use these; nothing here knows a student.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import Audited
from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime, exact, one_of
from school_app.core.tenancy import IsSchool, SchoolOwned, belongs, keyed


class SessionScheme(enum.StrEnum):
    """How often a school takes the register on one day."""

    DAY = "day"
    AM_PM = "am_pm"


class DayType(enum.StrEnum):
    """What a day of the calendar is; a date that is not listed is no school day."""

    INSTRUCTIONAL = "instructional"
    HOLIDAY = "holiday"
    NON_INSTRUCTIONAL = "non_instructional"


class TermKind(enum.StrEnum):
    """A part of the school year, by its OneRoster type."""

    TERM = "term"
    SEMESTER = "semester"
    GRADING_PERIOD = "grading_period"


class School(Audited, IsSchool, Base):
    """A tenant. `timezone` is an IANA name; `register_closes` is the local time by which registers are due, "09:15"."""

    __tablename__ = "school"

    slug: Mapped[str] = mapped_column(exact(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    sourced_id: Mapped[str | None] = mapped_column(exact(), unique=True)
    timezone: Mapped[str] = mapped_column(String(60), default="UTC")
    session_scheme: Mapped[SessionScheme] = mapped_column(one_of(SessionScheme), default=SessionScheme.DAY)
    register_closes: Mapped[str] = mapped_column(String(5), default="09:15")
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class SchoolYear(Audited, SchoolOwned, Base):
    """One year of school, first and last day included.

    Its registers can only be read from `closed_at` on. They lie in the archive, all of them, since `moved_at`; while
    `reopening_since` is set they are brought back, and only then the year is open again.
    """

    __tablename__ = "school_year"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id"), CheckConstraint("starts_on <= ends_on", name="order")
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    name: Mapped[str] = mapped_column(String(80))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(200))
    moved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reopening_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Term(Audited, SchoolOwned, Base):
    """A semester, term or grading period of a school year."""

    __tablename__ = "term"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id"),
        belongs("school_year_id", "school_year"),
        belongs("parent_id", "term"),
        CheckConstraint("starts_on <= ends_on", name="order"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    school_year_id: Mapped[int] = mapped_column(Id)
    parent_id: Mapped[int | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[TermKind] = mapped_column(one_of(TermKind))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)


class CalendarDay(Audited, SchoolOwned, Base):
    """What one date is at a school."""

    __tablename__ = "calendar_day"
    __table_args__ = (UniqueConstraint("school_id", "date"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    date: Mapped[date] = mapped_column(Date)
    day_type: Mapped[DayType] = mapped_column(one_of(DayType))
    note: Mapped[str | None] = mapped_column(String(200))


class YearGroup(Audited, SchoolOwned, Base):
    """The students of one age; `code` is the grade as rosters write it, "09", `ordinal` sorts."""

    __tablename__ = "year_group"
    __table_args__ = keyed(UniqueConstraint("school_id", "code"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    code: Mapped[str] = mapped_column(exact(20))
    name: Mapped[str] = mapped_column(String(80))
    ordinal: Mapped[int] = mapped_column(SmallInteger, default=0)


class Form(Audited, SchoolOwned, Base):
    """A form (homeroom) of one school year."""

    __tablename__ = "form"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "school_year_id", "name"),
        UniqueConstraint("school_id", "sourced_id"),
        belongs("school_year_id", "school_year"),
        belongs("year_group_id", "year_group"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    school_year_id: Mapped[int] = mapped_column(Id)
    year_group_id: Mapped[int | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(80))
    is_active: Mapped[bool] = mapped_column(default=True)


class FormMaster(Audited, SchoolOwned, Base):
    """Who is master of a form, from a day to a day (None: until further notice), both included.

    `sourced_id` is the row of the roster that says so; None where the school appointed somebody itself.
    """

    __tablename__ = "form_master"
    __table_args__ = keyed(
        Index("ix_form_master_account_id_ends_on", "account_id", "ends_on"),
        UniqueConstraint("school_id", "form_id", "account_id", "starts_on"),
        belongs("form_id", "form"),
        belongs("account_id", "account"),
        CheckConstraint("ends_on IS NULL OR starts_on <= ends_on", name="order"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    form_id: Mapped[int] = mapped_column(Id)
    account_id: Mapped[int] = mapped_column(Id)
    is_primary: Mapped[bool] = mapped_column(default=True)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)


class HeadOfYear(Audited, SchoolOwned, Base):
    """Who is head of a year group, from a day to a day (None: until further notice), both included."""

    __tablename__ = "head_of_year"
    __table_args__ = keyed(
        Index("ix_head_of_year_account_id_ends_on", "account_id", "ends_on"),
        UniqueConstraint("school_id", "year_group_id", "account_id", "starts_on"),
        belongs("year_group_id", "year_group"),
        belongs("account_id", "account"),
        CheckConstraint("ends_on IS NULL OR starts_on <= ends_on", name="order"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    year_group_id: Mapped[int] = mapped_column(Id)
    account_id: Mapped[int] = mapped_column(Id)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)


class Subject(Audited, SchoolOwned, Base):
    """A subject; failing marks in a core subject raise an alert."""

    __tablename__ = "subject"
    __table_args__ = keyed(UniqueConstraint("school_id", "name"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(120))
    is_core: Mapped[bool] = mapped_column(default=False)


class TeachingGroup(Audited, SchoolOwned, Base):
    """A class that is taught a subject in a term; not a form."""

    __tablename__ = "teaching_group"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id"),
        belongs("school_year_id", "school_year"),
        belongs("term_id", "term"),
        belongs("subject_id", "subject"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    school_year_id: Mapped[int] = mapped_column(Id)
    term_id: Mapped[int | None] = mapped_column(Id)
    subject_id: Mapped[int | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(160))
    course_code: Mapped[str | None] = mapped_column(String(80))
    is_active: Mapped[bool] = mapped_column(default=True)


class TeachingGroupTeacher(Audited, SchoolOwned, Base):
    """Who teaches a class, from a day to a day (None: until further notice), both included.

    `sourced_id` is the row of the roster that says so.
    """

    __tablename__ = "teaching_group_teacher"
    __table_args__ = keyed(
        Index("ix_teaching_group_teacher_account_id_ends_on", "account_id", "ends_on"),
        UniqueConstraint("school_id", "teaching_group_id", "account_id"),
        belongs("teaching_group_id", "teaching_group"),
        belongs("account_id", "account"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    teaching_group_id: Mapped[int] = mapped_column(Id)
    account_id: Mapped[int] = mapped_column(Id)
    is_primary: Mapped[bool] = mapped_column(default=True)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
