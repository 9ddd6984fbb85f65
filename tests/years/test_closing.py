"""A closed year says what it said, can be read and not be changed, and comes back as it was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.archiving.lease import ArchiveBusy, LeaseLost
from school_app.archiving.models import ArchiveLease
from school_app.archiving.pace import Measure
from school_app.attendance.models import ArchivedMark, ArchivedRegister, AttendanceMark, Register, Session
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.attendance.service import Entry, record_register, take_back
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.tenancy import all_schools, use_school
from school_app.schools.closed import YearClosed
from school_app.schools.context import school_changed
from school_app.schools.models import DayType, SchoolYear
from school_app.schools.service import set_day
from school_app.summaries import service as summaries
from school_app.summaries.checking import check
from school_app.years import moving, service
from school_app.years.moving import YearRun, YearTurned
from school_app.years.queries import unanswered
from school_app.years.service import InvalidClosing
from tests.factories import TwoSchools, added
from tests.years.past import ARCHIVE, ENDS, LIVE, STARTS, TODAY, Past, carried_out, differing, rows_in, stored, told

pytestmark = pytest.mark.usefixtures("_known_at_once")


def closed(session: Any, past: Past) -> None:
    service.close(session, past.year_id, by="Ada Admin", today=TODAY)
    school_changed(session)


def reopened(session: Any, past: Past) -> None:
    service.reopen(session, past.year_id, reason="a register was wrong")
    school_changed(session)


def test_a_year_goes_to_the_archive_whole_and_comes_back_as_it_was(session: Any, past: Past) -> None:
    before = stored(session, *LIVE)
    closed(session, past)
    assert carried_out(session, past.year_id).moved == 9
    assert [rows_in(session, one) for one in (*LIVE, *ARCHIVE)] == [0, 0, 5, 4]
    assert stored(session, *LIVE, *ARCHIVE) == before
    assert past.year(session).moved_at is not None
    reopened(session, past)
    assert carried_out(session, past.year_id).moved == 9
    assert stored(session, *LIVE) == before
    year = past.year(session)
    assert (year.closed_at, year.closed_by, year.moved_at, year.reopening_since) == (None, None, None, None)


def test_what_is_read_is_the_same_while_rows_are_on_their_way(
    session: Any, two_schools: TwoSchools, past: Past
) -> None:
    school_id, before = two_schools.ours.school.id, told(session, past)
    assert before["noted"][0]
    assert before["facts"]
    closed(session, past)
    assert differing(told(session, past), before) == []
    moments = 0
    for _ in range(2):
        with all_schools(session):
            steps = YearRun(session, past.year_id, started_by="a test", batch=3).steps()
            for rows in steps:
                session.flush()
                session.expire_all()
                with use_school(session, school_id):
                    assert differing(told(session, past), before) == []
                moments += bool(rows)
        session.expire_all()
        assert differing(told(session, past), before) == []
        if past.year(session).closed_at is not None:
            reopened(session, past)
    assert moments == 8


def test_the_summaries_of_a_closed_year_are_what_the_rows_say(session: Any, past: Past) -> None:
    list(summaries.refresh(session, today=TODAY))
    closed(session, past)
    carried_out(session, past.year_id)
    checked = check(session, STARTS, TODAY)
    assert (checked.rows > 5, checked.differences) == (True, [])
    list(summaries.rebuild(session, STARTS, ENDS, today=TODAY))
    assert check(session, STARTS, TODAY).differences == []


def test_closing_stands_in_the_history_and_the_rows_that_move_do_not(session: Any, past: Past) -> None:
    last = session.scalar(select(func.max(AuditRow.id)))
    closed(session, past)
    carried_out(session, past.year_id)
    reopened(session, past)
    carried_out(session, past.year_id)
    rows = session.execute(
        select(AuditRow.event, AuditRow.entity_type, AuditRow.reason).where(AuditRow.id > last).order_by(AuditRow.id)
    ).all()
    assert {row.entity_type for row in rows} == {"school_year"}
    said = {row.event: row.reason for row in rows if row.event != Event.ROW_CHANGED}
    assert said[Event.YEAR_CLOSED] == "1 register taken back, and not taken anew"
    assert said[Event.YEAR_REOPENED] == "a register was wrong"
    assert said[Event.YEAR_MOVED] == "9 rows of registers and marks brought back by this run"


def test_a_register_of_a_closed_year_cannot_be_saved_or_taken_back(
    session: Any, two_schools: TwoSchools, past: Past
) -> None:
    group, slot = past.group, Slot(past.days[0], Session.DAY)
    master, roll = two_schools.ours.form_master, roll_of(session, group, slot)
    entries = [Entry(one.id, "present") for one in roll.students]
    closed(session, past)
    with pytest.raises(YearClosed, match=r"The school year Before is closed.*can reopen it"):
        record_register(
            session, group, slot=slot, entries=entries, seen=roll.seen, by=By(master.id, master.name), today=TODAY
        )
    with pytest.raises(YearClosed):
        take_back(session, group, slot=slot, reason="a mistake")
    # What is not of the closed year is taken as ever.
    take_back(
        session, Group(two_schools.ours.form.id, "9A"), slot=Slot(TODAY - timedelta(1), Session.DAY), reason="slip"
    )


def test_the_calendar_of_a_closed_year_stays(session: Any, past: Past) -> None:
    closed(session, past)
    with pytest.raises(YearClosed):
        set_day(session, past.days[0], DayType.HOLIDAY, note="")
    set_day(session, ENDS + timedelta(1), DayType.HOLIDAY, note="")


def test_a_year_that_is_not_over_cannot_be_closed(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(InvalidClosing, match="can be closed from the day after it"):
        service.close(session, two_schools.ours.things["year"].id, by="Ada", today=TODAY)


def test_a_year_is_closed_once_and_reopened_once(session: Any, past: Past) -> None:
    with pytest.raises(InvalidClosing, match="Before is not closed"):
        service.reopen(session, past.year_id, reason="why not")
    closed(session, past)
    with pytest.raises(InvalidClosing, match="closed already"):
        service.close(session, past.year_id, by="Ada", today=TODAY)
    with pytest.raises(InvalidClosing, match="say in 3 to 300"):
        service.reopen(session, past.year_id, reason=" ")
    reopened(session, past)
    with pytest.raises(InvalidClosing, match="being reopened already"):
        service.reopen(session, past.year_id, reason="once more")
    with pytest.raises(InvalidClosing, match="Close it again when its registers are back"):
        service.close(session, past.year_id, by="Ada", today=TODAY)


def test_a_year_that_shares_days_with_another_cannot_be_closed(session: Any, past: Past) -> None:
    added(session, SchoolYear(name="Odd", starts_on=ENDS, ends_on=ENDS + timedelta(5)))
    with pytest.raises(InvalidClosing, match="Before and Odd share days"):
        service.close(session, past.year_id, by="Ada", today=TODAY)


@pytest.mark.parametrize("on", [STARTS + timedelta(13), ENDS + timedelta(3)], ids=["of the year", "after the year"])
def test_a_mark_in_a_register_of_another_day_is_told_before_anything_moves(session: Any, past: Past, on: date) -> None:
    mark = session.scalars(select(AttendanceMark).where(AttendanceMark.date == past.days[0])).one()
    mark.date = on
    session.flush()
    with pytest.raises(InvalidClosing, match="1 mark of Before stand in a register of another day"):
        service.close(session, past.year_id, by="Ada", today=TODAY)


def test_what_waits_is_said_before_the_closing(session: Any, past: Past) -> None:
    assert unanswered(session, past.year(session)) == ["1 register taken back, and not taken anew"]
    list(summaries.refresh(session, today=TODAY))
    assert unanswered(session, past.year(session)) == [
        "2 registers not taken: these sessions stay unknown",
        "1 register taken back, and not taken anew",
    ]


def test_nothing_moves_until_every_page_knows(session: Any, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "KNOWN_AFTER", timedelta(minutes=2))
    monkeypatch.setattr(moving, "LOOK_EVERY_SECONDS", 0)
    closed(session, past)
    now = clock.now
    with all_schools(session):
        run = YearRun(session, past.year_id, started_by="a test", batch=3)
        steps = run.steps()
        assert [next(steps) for _ in range(20)] == [0] * 20
        assert rows_in(session, ArchivedRegister) == 0
        monkeypatch.setattr(moving.clock, "now", lambda: now() + timedelta(minutes=3))
        monkeypatch.setattr(moving, "compare_clocks", lambda session: None)
        assert sum(steps) == 9


def test_a_run_stops_where_its_year_is_reopened_meanwhile(session: Any, past: Past) -> None:
    closed(session, past)
    with all_schools(session):
        steps = YearRun(session, past.year_id, started_by="a test", batch=3).steps()
        while not next(steps):
            pass
        past.year(session).reopening_since = clock.now()
        session.flush()
        with pytest.raises(YearTurned):
            list(steps)


def test_a_run_that_waits_sees_that_its_year_is_reopened_and_lets_others_in(
    session: Any, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "KNOWN_AFTER", timedelta(minutes=2))
    monkeypatch.setattr(moving, "LOOK_EVERY_SECONDS", 0)
    closed(session, past)
    with all_schools(session):
        waiting = YearRun(session, past.year_id, started_by="the first")
        steps = waiting.steps()
        assert [next(steps) for _ in range(3)] == [0] * 3
        past.year(session).reopening_since = clock.now()
        session.flush()
        with pytest.raises(YearTurned) as turned:
            next(steps)
        waiting.failed(turned.value)
    assert carried_out(session, past.year_id).is_finished
    assert past.year(session).closed_at is None


def test_of_two_runs_over_a_schools_years_one_works(session: Any, past: Past) -> None:
    closed(session, past)
    with all_schools(session):
        first = YearRun(session, past.year_id, started_by="the first", batch=3).steps()
        next(first)
        with pytest.raises(ArchiveBusy, match="the first"):
            next(YearRun(session, past.year_id, started_by="the second").steps())
        session.scalars(select(ArchiveLease)).one().expires_at = clock.now() - timedelta(seconds=1)
        session.flush()
        assert sum(YearRun(session, past.year_id, started_by="the third").steps()) == 9
        with pytest.raises(LeaseLost):
            list(first)


def test_limits_hold_and_the_next_run_goes_on(session: Any, past: Past) -> None:
    closed(session, past)
    first = carried_out(session, past.year_id, measure=Measure(max_rows=3))
    assert (first.moved, first.is_finished, past.year(session).moved_at) == (5, False, None)
    second = carried_out(session, past.year_id)
    assert (second.moved, second.is_finished) == (4, True)


def test_other_schools_and_other_years_stay_where_they_are(session: Any, two_schools: TwoSchools, past: Past) -> None:
    closed(session, past)
    carried_out(session, past.year_id)
    with all_schools(session):
        assert set(session.scalars(select(ArchivedRegister.school_id))) == {two_schools.ours.school.id}
        assert set(session.scalars(select(ArchivedMark.school_id))) == {two_schools.ours.school.id}
        left = session.scalars(select(Register.date)).all()
    assert left
    assert min(left) > ENDS
