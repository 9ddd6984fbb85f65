"""The form whose register was saved is counted in the same request, by itself, and nobody waits for another's count."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError

from school_app.attendance.models import Register, RegisterState, Session
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.config import Settings
from school_app.core import clock
from school_app.core.jobs import JobRun
from school_app.schools.due import SummaryDue, note_due
from school_app.students.models import Enrolment, Student
from school_app.summaries import at_once, service
from school_app.summaries.counting import counted_days
from school_app.summaries.known import known_of
from school_app.summaries.models import FormDay, StudentFigures
from school_app.summaries.rules import Key, Tally
from tests.databases import app_of_its_own
from tests.factories import TwoSchools, World, added
from tests.summaries.keeping import TODAY, YESTERDAY, counted, due, kept, refresh
from tests.summaries.test_meanwhile import Apart
from tests.visits import log_in, send


@pytest.fixture
def ours(session: Any, two_schools: TwoSchools) -> World:
    refresh(session)
    session.commit()
    return two_schools.ours


def save(client: Any, session: Any, world: World, code: str) -> Any:
    """Save today's register of the form as its master does, the first student with a code."""
    group, slot = Group(world.form.id, world.form.name), Slot(TODAY, Session.DAY)
    roll = roll_of(session, group, slot)
    fields = {f"code-{one.id}": "present" for one in roll.students} | {f"code-{world.student.id}": code}
    return send(client, f"/register/{world.form.id}/{TODAY}", seen=roll.seen, **fields)


def test_a_register_that_is_saved_is_counted_before_the_answer(client: Any, session: Any, ours: World) -> None:
    log_in(client, ours.form_master)
    jobs = session.scalar(select(func.count()).select_from(JobRun))
    assert save(client, session, ours, "absent_unexcused").status_code == 303
    assert kept(session)[TODAY, ours.form.id]["absent_unexcused"] == 1
    assert kept(session) == counted(session)
    figures = session.scalars(select(StudentFigures).where(StudentFigures.student_id == ours.student.id)).one()
    assert (figures.year_absent, figures.is_stale) == (2, False)
    assert session.scalars(select(SummaryDue.form_id)).all().count(ours.form.id) == 0
    assert session.scalar(select(func.count()).select_from(JobRun)) == jobs


def test_what_cannot_be_counted_now_stays_due_and_the_register_is_saved(
    client: Any, session: Any, ours: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **more: Any) -> Any:
        raise OperationalError("SELECT", {}, Exception("gone away"))

    log_in(client, ours.form_master)
    monkeypatch.setattr(at_once, "counted_days", fail)
    assert save(client, session, ours, "absent_unexcused").status_code == 303
    session.expire_all()
    assert ours.form.id in session.scalars(select(SummaryDue.form_id)).all()
    assert kept(session) != counted(session)
    refresh(session)
    assert kept(session) == counted(session)


def test_a_form_counted_by_itself_has_the_figures_that_it_has_among_all(session: Any, ours: World) -> None:
    _move(session, ours)
    everything = counted_days(session, YESTERDAY, TODAY)
    for on in (YESTERDAY, TODAY):
        for form in (ours.form, ours.other_form):
            session.execute(delete(FormDay), execution_options={"synchronize_session": False})
            day = at_once._day(session, on, {form.id})
            known = known_of(session, {row.student_id for row in day.placed}, as_of=TODAY)
            at_once._count_day(session, day, known)
            rows = kept(session)
            assert rows
            assert rows == {key: +everything[key] for key in rows}
            assert (on, form.id) in rows


def _move(session: Any, world: World) -> None:
    """One student is in both forms, and one has gone over today."""
    both, gone = world.students[1:3]
    added(session, Enrolment(student_id=both.id, form_id=world.other_form.id, starts_on=TODAY - timedelta(days=9)))
    place = session.scalars(select(Enrolment).where(Enrolment.student_id == gone.id)).one()
    place.ends_on = YESTERDAY
    added(session, Enrolment(student_id=gone.id, form_id=world.other_form.id, starts_on=TODAY))


def keep(session: Any, world: World) -> None:
    """Keep a register of today in which everybody is present, and note it."""
    taken = {"state": RegisterState.TAKEN, "taken_at": clock.now()}
    added(session, Register(form_id=world.form.id, date=TODAY, session=Session.DAY, **taken))
    note_due(session, TODAY, TODAY, form_id=world.form.id)
    session.flush()


def test_a_register_changes_the_row_of_the_other_form_of_a_student_who_is_in_both(session: Any, ours: World) -> None:
    _move(session, ours)
    note_due(session, TODAY - timedelta(days=20), TODAY)
    session.flush()
    refresh(session)
    before = kept(session)[TODAY, ours.other_form.id]
    keep(session, ours)
    list(at_once.count_saved(session, today=TODAY))
    assert kept(session)[TODAY, ours.other_form.id] != before, "the register says nothing of the other form here"
    assert kept(session) == counted(session)


def test_a_day_that_was_never_counted_is_left_to_the_scheduler(session: Any, two_schools: TwoSchools) -> None:
    refresh(session, YESTERDAY)
    keep(session, two_schools.ours)
    assert list(at_once.count_saved(session, today=TODAY)) == []
    assert (TODAY, two_schools.ours.form.id) not in kept(session)
    refresh(session)
    assert kept(session) == counted(session)


@pytest.mark.parametrize("more", [0, 20])
def test_a_count_takes_as_many_statements_however_many_students_the_school_has(
    session: Any, ours: World, statements: list[str], more: int
) -> None:
    for number in range(more):
        form = (ours.form, ours.other_form)[number % 2]
        one = added(session, Student(given_name="More", family_name=str(number), form_id=form.id))
        added(session, Enrolment(student_id=one.id, form_id=form.id, starts_on=TODAY - timedelta(days=60)))
    refresh(session)
    keep(session, ours)
    statements.clear()
    list(at_once.count_saved(session, today=TODAY))
    assert len(statements) == 19


def test_a_correction_takes_so_many_statements_with_its_alerts_and_its_summaries(
    client: Any, session: Any, ours: World, statements: list[str]
) -> None:
    log_in(client, ours.form_master)
    for code in ("present", "absent_unexcused"):
        assert save(client, session, ours, code).status_code == 303
    statements.clear()
    assert save(client, session, ours, "late").status_code == 303
    # With three for what the page shows, and three for a page with a token.
    assert len(statements) == 52, statements


@pytest.fixture(scope="module")
def apart(settings: Settings) -> Iterator[Apart]:
    with app_of_its_own(settings, "at_once") as server:
        made = Apart(server)
        made.refresh()
        yield made


def note_saved(apart: Apart, form_id: int) -> None:
    """Note, and commit, that a register of today was saved."""
    with apart.session() as session:
        note_due(session, TODAY, TODAY, form_id=form_id)
        session.commit()


def count_saved(apart: Apart) -> int:
    """Count what was saved as the request does; how many rounds there were."""
    rounds = 0
    with apart.session() as session:
        for _ in at_once.count_saved(session, today=TODAY):
            session.commit()
            rounds += 1
    return rounds


def forms_of(apart: Apart) -> list[int]:
    with apart.session() as session:
        return list(session.scalars(select(Enrolment.form_id).distinct().order_by(Enrolment.form_id)))


def test_nobody_who_saves_waits_for_a_count_of_the_school(apart: Apart) -> None:
    form_id = forms_of(apart)[0]
    with apart.session() as session:
        service.locked_state(session)
        note_saved(apart, form_id)
        found: list[int] = []
        other = threading.Thread(target=lambda: found.append(count_saved(apart)))
        other.start()
        other.join(20)
        assert found == [0], "it should pass by what another counts"
        session.rollback()
    assert count_saved(apart) == 1
    assert apart.is_right()


def test_what_is_saved_while_another_counts_is_counted_by_the_other(
    apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = forms_of(apart)
    passed: list[int] = []
    read = at_once.counted_days

    def read_and_save(session: Any, begin: date, last: date, **more: Any) -> dict[Key, Tally]:
        found = read(session, begin, last, **more)
        if not passed:
            passed.append(-1)
            other = threading.Thread(target=save_meanwhile)
            other.start()
            other.join(20)
        return found

    def save_meanwhile() -> None:
        note_saved(apart, second)
        passed[0] = count_saved(apart)

    note_saved(apart, first)
    monkeypatch.setattr(at_once, "counted_days", read_and_save)
    assert count_saved(apart) == 2
    assert passed == [0]
    with apart.session() as session:
        assert due(session) == 0
    assert apart.is_right()
