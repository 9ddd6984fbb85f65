"""Before and since a case: the same figures on the home, on the page of the case, and in the outcome that is kept."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from school_app.attendance.history import histories
from school_app.attendance.models import Register, RegisterState, Session
from school_app.dashboards.case_figures import Known, histories_around
from school_app.schools.models import CalendarDay, DayType
from tests.days import TODAY
from tests.factories import TwoSchools, World, added, mark
from tests.visits import log_in, send

NBSP = "\N{NARROW NO-BREAK SPACE}"


def registers(session: Any, world: World, starts: Any, *, absent_before: int) -> None:
    """A register on each of ten days: five within the twelve weeks before the case, and five before these; the student
    was away on all of the older days."""
    for number in range(10):
        on = starts - timedelta(days=10 + number if number < 5 else 100 + number)
        if session.scalar(select(CalendarDay).where(CalendarDay.date == on)) is None:
            added(session, CalendarDay(date=on, day_type=DayType.INSTRUCTIONAL))
        register = added(
            session, Register(form_id=world.form.id, date=on, session=Session.DAY, state=RegisterState.TAKEN)
        )
        if number >= 5 or number < absent_before:
            mark(session, world, register)


def test_before_means_the_twelve_weeks_before_wherever_it_is_said(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    registers(session, ours, case.starts_on, absent_before=1)
    session.commit()
    log_in(client, ours.form_master)
    home = unescape(client.get("/").text)
    # One day of five, not six of ten; since then the one register of the factories, missed.
    assert f"0.0{NBSP}% since the start (1 session), 80.0{NBSP}% in the twelve weeks before (5)" in home
    page = unescape(client.get(f"/cases/{case.id}").text)
    assert re.search(rf"twelve weeks before</dt><dd>80.0{NBSP}% of 5<", page)
    send(client, f"/cases/{case.id}/close", outcome="worse", outcome_note="Away.")
    session.refresh(case)
    assert (case.figures["attendance_before"], case.figures["sessions_before"]) == (80.0, 5)
    assert (case.figures["attendance_since"], case.figures["sessions_since"]) == (0.0, 1)


@pytest.mark.parametrize("days_ago", [5, 20, 105, 400])
def test_what_a_page_knows_already_gives_the_figures_that_reading_everything_gives(
    session: Any, two_schools: TwoSchools, days_ago: int
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    registers(session, ours, case.starts_on, absent_before=2)
    everyone, first = [one.id for one in ours.students], TODAY - timedelta(days=days_ago)
    known = Known(first, histories(session, everyone, first=first, last=TODAY))
    read = histories_around(session, [case], today=TODAY)[case.student_id]
    found = histories_around(session, [case], today=TODAY, known=known)[case.student_id]
    stretches = [case.starts_on + timedelta(days=7 * weeks) for weeks in range(-12, 3)]
    assert read.share().counted > 0
    assert [found.share(one, one + timedelta(days=6)) for one in stretches] == [
        read.share(one, one + timedelta(days=6)) for one in stretches
    ]
