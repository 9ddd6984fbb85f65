"""What is counted ahead: one row for each form and day, and one for each student.

summaries/ writes them, and pages read them; what they hold is always what the rows behind them say, or due.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Integer, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime
from school_app.core.tenancy import SchoolOwned, belongs

# The columns of form_day that add up over forms and days.
FIGURES = (
    *("enrolled", "registers_taken", "registers_missing"),
    *("present", "late", "absent_excused", "absent_unexcused", "not_required", "unknown"),
    *("incidents", "positives", "alerts_opened", "alerts_decided", "cases_opened", "cases_closed"),
)
# The columns of student_figures that are counted from rows.
STUDENT_FIGURES = (
    *("year_counted", "year_absent", "year_late", "year_unknown"),
    *("recent_counted", "recent_absent", "recent_late", "recent_unknown"),
    *("weeks_counted", "weeks_absent", "before_counted", "before_absent"),
    *("incidents", "open_alerts", "open_cases"),
)


class FormDay(SchoolOwned, Base):
    """One form's day: how many students were enrolled in it, and what became of their sessions.

    Sessions are counted once for each student: those of known outcome by what they count as, and `unknown` ones, whose
    register was not taken. `place` is the form's id, or NO_FORM for what happened to students in no form, so that the
    sum over a day's rows is the school's day. Events are counted on the day on which they happened at the school.
    """

    __tablename__ = "form_day"
    __table_args__ = (
        PrimaryKeyConstraint("school_id", "date", "place"),
        belongs("form_id", "form"),
        CheckConstraint("place = COALESCE(form_id, 0)", name="place"),
    )

    date: Mapped[date] = mapped_column(Date)
    place: Mapped[int] = mapped_column(Id)
    form_id: Mapped[int | None] = mapped_column(Id)
    enrolled: Mapped[int] = mapped_column(Integer, default=0)
    registers_taken: Mapped[int] = mapped_column(Integer, default=0)
    registers_missing: Mapped[int] = mapped_column(Integer, default=0)
    present: Mapped[int] = mapped_column(Integer, default=0)
    late: Mapped[int] = mapped_column(Integer, default=0)
    absent_excused: Mapped[int] = mapped_column(Integer, default=0)
    absent_unexcused: Mapped[int] = mapped_column(Integer, default=0)
    not_required: Mapped[int] = mapped_column(Integer, default=0)
    unknown: Mapped[int] = mapped_column(Integer, default=0)
    incidents: Mapped[int] = mapped_column(Integer, default=0)
    positives: Mapped[int] = mapped_column(Integer, default=0)
    alerts_opened: Mapped[int] = mapped_column(Integer, default=0)
    alerts_decided: Mapped[int] = mapped_column(Integer, default=0)
    cases_opened: Mapped[int] = mapped_column(Integer, default=0)
    cases_closed: Mapped[int] = mapped_column(Integer, default=0)
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class StudentFigures(SchoolOwned, Base):
    """One student's attendance as of a day, in sessions: this school year, its last 20 school days, the last four weeks
    and the four before; and what is open.

    `incidents` are those of the school's own window for incidents. A row that `is_stale` waits to be counted anew.
    """

    __tablename__ = "student_figures"
    __table_args__ = (PrimaryKeyConstraint("school_id", "student_id"), belongs("student_id", "student"))

    student_id: Mapped[int] = mapped_column(Id)
    as_of: Mapped[date] = mapped_column(Date)
    is_stale: Mapped[bool] = mapped_column(default=False)
    year_counted: Mapped[int] = mapped_column(Integer, default=0)
    year_absent: Mapped[int] = mapped_column(Integer, default=0)
    year_late: Mapped[int] = mapped_column(Integer, default=0)
    year_unknown: Mapped[int] = mapped_column(Integer, default=0)
    recent_counted: Mapped[int] = mapped_column(Integer, default=0)
    recent_absent: Mapped[int] = mapped_column(Integer, default=0)
    recent_late: Mapped[int] = mapped_column(Integer, default=0)
    recent_unknown: Mapped[int] = mapped_column(Integer, default=0)
    weeks_counted: Mapped[int] = mapped_column(Integer, default=0)
    weeks_absent: Mapped[int] = mapped_column(Integer, default=0)
    before_counted: Mapped[int] = mapped_column(Integer, default=0)
    before_absent: Mapped[int] = mapped_column(Integer, default=0)
    incidents: Mapped[int] = mapped_column(Integer, default=0)
    open_alerts: Mapped[int] = mapped_column(Integer, default=0)
    open_cases: Mapped[int] = mapped_column(Integer, default=0)
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class SummaryState(SchoolOwned, Base):
    """How far a school's days are counted; None before they are for the first time.

    Whoever counts locks the row, so that what was read earlier is never written later.
    """

    __tablename__ = "summary_state"
    __table_args__ = (PrimaryKeyConstraint("school_id"),)

    counted_to: Mapped[date | None] = mapped_column(Date)
    refreshed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
