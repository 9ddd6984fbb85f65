"""The calendar's questions: school days, deadlines, years."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from school_app.schools.models import CalendarDay, DayType
from school_app.schools.queries import (
    add_school_days,
    duties_of,
    is_school_day,
    school_day_from,
    school_days,
    school_year_on,
)
from tests.days import TODAY
from tests.factories import TwoSchools


def test_holidays_and_unlisted_days_are_no_school_days(session: Any, two_schools: TwoSchools) -> None:
    day = session.scalar(select(CalendarDay).where(CalendarDay.date == TODAY - timedelta(3)))
    day.day_type = DayType.HOLIDAY
    session.flush()
    days = school_days(session, TODAY - timedelta(5), TODAY)
    assert days == [TODAY - timedelta(back) for back in (5, 4, 2, 1, 0)]
    assert not is_school_day(session, TODAY - timedelta(3))
    assert not is_school_day(session, TODAY + timedelta(400))


def test_a_deadline_counts_school_days_and_goes_on_by_weekdays_where_the_calendar_ends(
    session: Any, two_schools: TwoSchools
) -> None:
    assert add_school_days(session, TODAY - timedelta(10), 5) == TODAY - timedelta(5)
    session.execute(
        delete(CalendarDay).where(CalendarDay.date > TODAY), execution_options={"audit_reason": "calendar ends"}
    )
    due = add_school_days(session, TODAY, 5)
    assert due.weekday() < 5
    assert due - TODAY == timedelta(7) if TODAY.weekday() < 5 else due - TODAY < timedelta(7)


def test_the_first_school_day_from_a_day_on(session: Any, two_schools: TwoSchools) -> None:
    assert school_day_from(session, TODAY) == TODAY
    session.execute(delete(CalendarDay), execution_options={"audit_reason": "no calendar"})
    saturday = TODAY + timedelta(days=(5 - TODAY.weekday()) % 7)
    assert school_day_from(session, saturday) == saturday + timedelta(2)
    assert school_day_from(session, saturday + timedelta(2)) == saturday + timedelta(2)


def test_a_school_year_is_found_by_a_day_in_it(session: Any, two_schools: TwoSchools) -> None:
    year = two_schools.ours.things["year"]
    found = school_year_on(session, TODAY)
    assert found is not None
    assert found.id == year.id
    assert school_year_on(session, year.ends_on + timedelta(1)) is None


def test_a_masters_forms_are_those_of_the_day(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    assert [form.id for form in duties_of(session, ours.form_master.id, TODAY).forms] == [ours.form.id]
    assert duties_of(session, ours.form_master.id, TODAY - timedelta(300)).forms == ()
