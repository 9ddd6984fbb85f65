"""What a saved register writes, what it records, and what it raises at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.models import Alert
from school_app.attendance.models import AttendanceMark, Register, Session, Source
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.attendance.service import Entry, InvalidRegister, RegisterChanged, record_register, take_back
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core.acting import By
from school_app.core.errors import NotFound
from school_app.students.models import Enrolment
from tests.days import TODAY
from tests.factories import TwoSchools, World, added, mark
from tests.visits import hidden, log_in, send

SLOT = Slot(TODAY, Session.DAY)


def group_of(world: World) -> Group:
    return Group(world.form.id, world.form.name)


def entries(world: World, **codes: AttendanceCategory) -> list[Entry]:
    """An entry for each student of the form; `first`, `second` and `third` say who is not present."""
    names = ("first", "second", "third")
    chosen = [codes.get(name, AttendanceCategory.PRESENT) for name in names]
    return [Entry(one.id, world.codes[category].code) for one, category in zip(world.students[:3], chosen, strict=True)]


def take(session: Any, world: World, found: list[Entry], slot: Slot = SLOT, seen: str | None = None) -> Register:
    group = group_of(world)
    by = By(world.form_master.id, world.form_master.name)
    seen = roll_of(session, group, slot).seen if seen is None else seen
    return record_register(session, group, slot=slot, entries=found, seen=seen, by=by, today=TODAY)


def test_taking_and_correcting_are_told_apart_in_the_history(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    register = take(session, ours, entries(ours))
    take(session, ours, entries(ours, first=AttendanceCategory.LATE))
    take_back(session, group_of(ours), slot=SLOT, reason="Wrong day")
    events = select(AuditRow.event).where(
        AuditRow.entity_type == "register", AuditRow.entity_id == register.id, AuditRow.event.like("register.%")
    )
    assert sorted(session.scalars(events)) == [
        Event.REGISTER_CORRECTED,
        Event.REGISTER_TAKEN,
        Event.REGISTER_TAKEN_BACK,
    ]


def test_each_changed_mark_is_in_its_students_history(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    take(session, ours, entries(ours, second=AttendanceCategory.ABSENT_EXCUSED))
    take(session, ours, entries(ours, second=AttendanceCategory.LATE))
    rows = session.scalars(
        select(AuditRow.event).where(
            AuditRow.entity_type == "attendance_mark", AuditRow.student_id == ours.students[1].id
        )
    ).all()
    assert sorted(rows) == [Event.ROW_ADDED, Event.ROW_ADDED, Event.ROW_REMOVED]


def test_a_correction_leaves_the_marks_that_did_not_change(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    found = entries(ours, first=AttendanceCategory.LATE, second=AttendanceCategory.ABSENT_EXCUSED)
    register = take(session, ours, found)
    kept = select(AttendanceMark.id).where(
        AttendanceMark.register_id == register.id, AttendanceMark.student_id == ours.students[1].id
    )
    before = session.scalar(kept)
    take(session, ours, entries(ours, second=AttendanceCategory.ABSENT_EXCUSED))
    assert session.scalar(kept) == before


def test_two_marks_of_a_file_stand_until_a_person_says_otherwise(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    register = ours.things["register"]
    mark(session, ours, register, AttendanceCategory.LATE, Session.AM, minutes_late=7, source=Source.IMPORT)
    slot = Slot(register.date, Session.DAY)
    same = entries(ours, first=AttendanceCategory.ABSENT_UNEXCUSED)
    same[0] = Entry(same[0].student_id, same[0].code, reason=f"Reason {ours.canary}")
    marks = select(AttendanceMark).where(AttendanceMark.register_id == register.id)
    take(session, ours, same, slot)
    assert len(session.scalars(marks).all()) == 2
    take(session, ours, entries(ours), slot)
    assert session.scalars(marks).all() == []


def test_a_student_who_joined_meanwhile_is_not_present_unseen(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    seen = roll_of(session, group_of(ours), SLOT).seen
    added(session, Enrolment(student_id=ours.students[4].id, form_id=ours.form.id, starts_on=TODAY))
    with pytest.raises(RegisterChanged):
        take(session, ours, entries(ours), seen=seen)


@pytest.mark.parametrize("minutes", [-1, 1441])
def test_minutes_are_those_of_a_day(session: Any, two_schools: TwoSchools, minutes: int) -> None:
    ours = two_schools.ours
    found = entries(ours)
    found[0] = Entry(ours.student.id, ours.codes[AttendanceCategory.LATE].code, minutes_late=minutes)
    with pytest.raises(InvalidRegister, match="minutes late are from 0 to 1440"):
        take(session, ours, found)


def test_a_register_names_a_code_for_everyone_and_for_nobody_else(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    with pytest.raises(InvalidRegister, match="choose a code for every student"):
        take(session, ours, entries(ours)[:2])
    with pytest.raises(InvalidRegister, match="no attendance code"):
        take(session, ours, [Entry(one.student_id, "unheard") for one in entries(ours)])
    with pytest.raises(NotFound):
        take(session, ours, [*entries(ours), Entry(ours.students[4].id, "present")])
    with pytest.raises(NotFound):
        take_back(session, group_of(ours), slot=SLOT, reason="Nothing was taken")


def test_unexplained_days_in_a_row_raise_an_alert_with_the_save(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    second = ours.students[1]
    log_in(client, ours.form_master)
    for back in (2, 1, 0):
        path = f"/register/{ours.form.id}/{TODAY - timedelta(back)}?session=DAY"
        page = client.get(path).text
        marks = {f"code-{one.id}": "present" for one in ours.students[:3]}
        marks[f"code-{second.id}"] = ours.codes[AttendanceCategory.ABSENT_UNEXCUSED].code
        assert send(client, path, seen=hidden(page, "seen"), **marks).status_code == 303
    raised = session.scalars(select(Alert).where(Alert.student_id == second.id)).all()
    assert [(one.indicator, one.assigned_to) for one in raised] == [("A", ours.form_master.id)]
    assert "2 days absent so far" in client.get(path).text
