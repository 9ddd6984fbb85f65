"""The attendance calendar draws every day with school, numbered, and lists the days not fully attended with reasons."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_app.alerts.facts import AttendanceCategory, SessionFact
from school_app.attendance.history import History, Noted
from school_app.attendance.models import AttendanceMark, Session
from school_app.dashboards.attendance_calendar import calendar, months_shown, week
from tests.factories import TwoSchools, added
from tests.visits import log_in

MONDAY = date(2026, 11, 2)
SATURDAY = date(2026, 11, 7)
EXCUSED = AttendanceCategory.ABSENT_EXCUSED


def days(*weekdays: int) -> list[date]:
    return [MONDAY + timedelta(7 * number + weekday) for number in range(10) for weekday in weekdays]


@pytest.mark.parametrize(
    ("school_days", "columns"),
    [
        ([], [0, 1, 2, 3, 4]),
        (days(0, 1, 2, 3, 4), [0, 1, 2, 3, 4]),
        (days(0, 1, 2, 3, 4, 5), [0, 1, 2, 3, 4, 5]),
        ([*days(0, 1, 2, 3, 4), SATURDAY], [0, 1, 2, 3, 4, 5]),
        ([*days(0, 1, 2, 3, 4), SATURDAY + timedelta(1)], [0, 1, 2, 3, 4, 6]),
        (days(6, 0, 1, 2, 3), [6, 0, 1, 2, 3]),
        (days(5, 6, 0, 1, 2), [5, 6, 0, 1, 2]),
        (days(0, 1, 2, 3, 4, 5, 6), [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_week_has_the_days_on_which_there_is_school(school_days: list[date], columns: list[int]) -> None:
    assert week(school_days) == columns


@given(st.lists(st.dates(date(2026, 9, 1), date(2026, 11, 30)), unique=True, min_size=1))
def test_every_day_with_school_is_drawn_once(school_days: list[date]) -> None:
    months = months_shown(date(2026, 6, 1), date(2026, 11, 30))
    found = calendar(History(()), (), school_days, months=months, today=SATURDAY, reasons=True)
    drawn = [square.date for month in found.months for row in month.weeks for square in row if square]
    assert len(drawn) == len(set(drawn))
    assert set(school_days) <= set(drawn)
    assert {len(row) for month in found.months for row in month.weeks} <= {len(found.weekdays)}


def test_a_saturday_with_school_is_drawn_and_listed_with_its_reason() -> None:
    history = History([[SessionFact(SATURDAY, "DAY", EXCUSED)]])
    noted = [Noted(SATURDAY, "Excused", None, "dentist", counts=True)]
    kept = {reasons: _shown(history, noted, reasons=reasons) for reasons in (True, False)}
    assert [(one.date, one.state, one.note) for one in kept[True].missed] == [(SATURDAY, "absent_excused", "dentist")]
    assert kept[True].weekdays == ["Mo", "Tu", "We", "Th", "Fr", "Sa"]
    assert [one.note for one in kept[False].missed] == [None]


def _shown(history: History, noted: list[Noted], *, reasons: bool) -> Any:
    return calendar(history, noted, days(0, 1, 2, 3, 4), months=[date(2026, 11, 1)], today=SATURDAY, reasons=reasons)


def test_days_before_the_student_came_are_no_missing_registers() -> None:
    found = _shown(History([[SessionFact(SATURDAY, "DAY", AttendanceCategory.PRESENT)]]), [], reasons=True)
    states = {square.date: square.state for month in found.months for row in month.weeks for square in row if square}
    assert states[MONDAY] == "not_enrolled"
    assert states[SATURDAY] == "present"
    assert states[SATURDAY + timedelta(2)] == "ahead"


def test_the_months_are_the_last_four_of_the_year() -> None:
    assert months_shown(date(2026, 6, 24), date(2026, 11, 21))[0] == date(2026, 8, 1)
    assert months_shown(date(2026, 9, 7), date(2026, 10, 1)) == [date(2026, 9, 1), date(2026, 10, 1)]
    assert months_shown(date(2025, 9, 1), date(2026, 2, 28))[0] == date(2025, 11, 1)


def test_the_page_tells_reasons_to_those_who_care_for_the_student_alone(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    today = datetime.now(UTC).date()
    yesterday, before = today - timedelta(1), today - timedelta(40)
    added(
        session,
        AttendanceMark(
            student_id=ours.student.id,
            date=before,
            session=Session.DAY,
            code_id=ours.codes[AttendanceCategory.LATE].id,
            minutes_late=7,
            reason="Bus canary-ours",
            recorded_at=datetime.now(UTC),
        ),
    )
    session.commit()
    page = log_in(client, ours.form_master).get(f"/students/{ours.student.id}").text
    title = f"{yesterday:%A} {yesterday.day} {yesterday:%B %Y}: absent, no reason"
    assert f"<title>{title} (Reason canary-ours)</title>" in page
    assert f'">{yesterday.day}</text>' in page
    assert "The days not fully attended: " in page
    assert "7 min, Bus canary-ours" in page
    other = log_in(client.application.test_client(), ours.teacher).get(f"/students/{ours.student.id}").text
    assert f"<title>{title}</title>" in other
    assert "Reason canary-ours" not in other
    assert "Bus canary-ours" not in other
