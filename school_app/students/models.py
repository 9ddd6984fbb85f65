"""Students, their guardians, where they were enrolled from day to day, the classes they attend, and notes on them.

students/ and the features above it use these.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, PrimaryKeyConstraint, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import REDACT, Audited
from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime, exact, one_of
from school_app.core.fingerprint import LENGTH
from school_app.core.tenancy import SchoolOwned, belongs, keyed
from school_app.students.spelling import LONGEST_ENTRY


class NoteKind(enum.StrEnum):
    """What a note is about; a contact is a call, message or talk with the home."""

    GENERAL = "general"
    CONTACT = "contact"
    MEETING = "meeting"


def student_name(given_name: str, family_name: str) -> str:
    """Both names as they are said."""
    return f"{given_name} {family_name}".strip()


def student_sort_name(given_name: str, family_name: str) -> str:
    """Both names as they stand in a list in the order of names."""
    return f"{family_name}, {given_name}".strip(", ")


class Student(Audited, SchoolOwned, Base):
    """A student. `form_id` and `year_group_id` repeat the present enrolment, for lists."""

    __tablename__ = "student"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id"),
        Index("ix_student_form_id_is_active", "form_id", "is_active"),
        Index("ix_student_school_id_name", "school_id", "family_name", "given_name"),
        Index("ix_student_school_id_given_name", "school_id", "given_name"),
        belongs("form_id", "form"),
        belongs("year_group_id", "year_group"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    given_name: Mapped[str] = mapped_column(String(120))
    middle_name: Mapped[str | None] = mapped_column(String(120))
    family_name: Mapped[str] = mapped_column(String(120))
    birth_date: Mapped[date | None] = mapped_column(Date)
    sex: Mapped[str | None] = mapped_column(String(20))
    year_group_id: Mapped[int | None] = mapped_column(Id)
    form_id: Mapped[int | None] = mapped_column(Id)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    @property
    def name(self) -> str:
        return student_name(self.given_name, self.family_name)

    @property
    def sort_name(self) -> str:
        return student_sort_name(self.given_name, self.family_name)


class NameEntry(SchoolOwned, Base):
    """A student's name, folded, from one of its words on: what a search by name reads instead of students.

    It follows from the student and goes with them, so its changes are no history. `is_active` repeats the student's,
    because a search that reads an index in its order shows leavers last only where the index knows them. `part` is a
    spelling.Part. students.name_index alone writes it.
    """

    __tablename__ = "student_name_entry"
    __table_args__ = (
        PrimaryKeyConstraint("school_id", "student_id", "name"),
        Index("ix_student_name_entry_search", "school_id", "part", "is_active", "name"),
        belongs("student_id", "student", ondelete="CASCADE"),
    )

    student_id: Mapped[int] = mapped_column(Id)
    part: Mapped[int] = mapped_column(SmallInteger)
    is_active: Mapped[bool]
    name: Mapped[str] = mapped_column(exact(LONGEST_ENTRY))


class Guardian(Audited, SchoolOwned, Base):
    """A parent, relative or other person answerable for students."""

    __tablename__ = "guardian"
    __table_args__ = keyed(UniqueConstraint("school_id", "sourced_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    given_name: Mapped[str] = mapped_column(String(120))
    family_name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(40), default="guardian")
    email: Mapped[str | None] = mapped_column(String(191))
    phone: Mapped[str | None] = mapped_column(String(60))
    is_active: Mapped[bool] = mapped_column(default=True)


class StudentGuardian(Audited, SchoolOwned, Base):
    """Which guardian answers for which student."""

    __tablename__ = "student_guardian"
    __table_args__ = (
        UniqueConstraint("school_id", "student_id", "guardian_id"),
        belongs("student_id", "student"),
        belongs("guardian_id", "guardian"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    student_id: Mapped[int] = mapped_column(Id)
    guardian_id: Mapped[int] = mapped_column(Id)


class Enrolment(Audited, SchoolOwned, Base):
    """A student's place in a form, from a day to a day (None: until further notice), both included."""

    __tablename__ = "enrolment"
    __table_args__ = (
        UniqueConstraint("school_id", "student_id", "form_id", "starts_on"),
        Index("ix_enrolment_school_id_form_id_starts_on", "school_id", "form_id", "starts_on"),
        belongs("student_id", "student"),
        belongs("form_id", "form"),
        CheckConstraint("ends_on IS NULL OR starts_on <= ends_on", name="order"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    student_id: Mapped[int] = mapped_column(Id)
    form_id: Mapped[int] = mapped_column(Id)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)


class TeachingGroupMember(Audited, SchoolOwned, Base):
    """A student's place in a class, from a day to a day (None: until further notice), both included."""

    __tablename__ = "teaching_group_member"
    __table_args__ = (
        UniqueConstraint("school_id", "teaching_group_id", "student_id"),
        Index("ix_teaching_group_member_student_id", "student_id"),
        belongs("teaching_group_id", "teaching_group"),
        belongs("student_id", "student"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    teaching_group_id: Mapped[int] = mapped_column(Id)
    student_id: Mapped[int] = mapped_column(Id)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)


class Note(Audited, SchoolOwned, Base):
    """A note on a student, perhaps within a case. A restricted one shows that it exists, not what it says.

    `once` is of the form that made it: sent again, it finds it. One written by mistake is withdrawn: it stays, and
    nobody reads it any more.
    """

    __tablename__ = "note"
    __table_args__ = keyed(
        Index("ix_note_student_id_created_at", "student_id", "created_at"),
        Index("ix_note_case_id_created_at", "case_id", "created_at"),
        Index("ix_note_school_id_once", "school_id", "once", unique=True),
        belongs("student_id", "student"),
        belongs("case_id", "intervention_case"),
        belongs("author_id", "account"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    student_id: Mapped[int] = mapped_column(Id)
    case_id: Mapped[int | None] = mapped_column(Id)
    kind: Mapped[NoteKind] = mapped_column(one_of(NoteKind), default=NoteKind.GENERAL)
    is_restricted: Mapped[bool] = mapped_column(default=False)
    body: Mapped[str] = mapped_column(Text, info=REDACT)
    author_id: Mapped[int] = mapped_column(Id)
    author_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    once: Mapped[str | None] = mapped_column(exact(LENGTH))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by_name: Mapped[str | None] = mapped_column(String(200))
    withdrawn_because: Mapped[str | None] = mapped_column(String(500))
