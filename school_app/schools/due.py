"""What has still to be counted anew in the summaries of a school's days: written down by whatever changes a day.

Every feature that changes what summaries count calls note_due() in its own transaction; summaries/ takes the rows away.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, scoped_session

from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime
from school_app.core.tenancy import SchoolOwned, belongs
from school_app.schools.models import SchoolYear

AnySession = Session | scoped_session[Any]
DAY = timedelta(days=1)
# In a session's info, where a form's register was noted in it: its day is counted when the request has ended.
FORM_NOTED = "formroom.form_noted"


class SummaryDue(SchoolOwned, Base):
    """Days whose summaries no longer tell what the rows say, from a day to a day (None: until today).

    `form_id` is set where a register of one form was changed, `student_id` where something of one student was: their
    own figures are counted anew too, and everyone's where neither is set.
    """

    __tablename__ = "summary_due"
    __table_args__ = (
        Index("ix_summary_due_school_id_first_on", "school_id", "first_on"),
        belongs("form_id", "form"),
        belongs("student_id", "student"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    first_on: Mapped[date] = mapped_column(Date)
    last_on: Mapped[date | None] = mapped_column(Date)
    form_id: Mapped[int | None] = mapped_column(Id)
    student_id: Mapped[int | None] = mapped_column(Id)
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


def note_due(
    session: AnySession, first: date, last: date | None, *, form_id: int | None = None, student_id: int | None = None
) -> None:
    """Write down that the summaries from a day to a day (None: until today) have to be counted anew."""
    session.add(SummaryDue(first_on=first, last_on=last, form_id=form_id, student_id=student_id))
    if form_id is not None:
        session.info[FORM_NOTED] = True


def note_moment_due(session: AnySession, moment: datetime, student_id: int | None = None) -> None:
    """As note_due(), for the day on which a moment lies at the school; wide enough for every time zone."""
    on = moment.date()
    note_due(session, on - DAY, on + DAY, student_id=student_id)


def note_everything_due(session: AnySession) -> None:
    """As note_due(), for every day of every year of the school, as where it counts its sessions in another way."""
    first = session.scalar(select(func.min(SchoolYear.starts_on)))
    if first is not None:
        note_due(session, first, None)
