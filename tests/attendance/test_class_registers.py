"""The registers of classes: taken by who teaches them, kept apart from the rates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import AttendanceMark, Register, RegisterState
from school_app.attendance.queries import attendance_facts_of
from school_app.schools.models import TeachingGroupTeacher
from tests.days import TODAY
from tests.factories import TwoSchools, World
from tests.visits import hidden, log_in, send


def url(world: World, back: int = 0, tail: str = "") -> str:
    return f"/class-register/{world.things['teaching_group'].id}/{TODAY - timedelta(back)}{tail}?session=DAY"


def absent(world: World) -> dict[str, str]:
    return {f"code-{world.student.id}": world.codes[AttendanceCategory.ABSENT_UNEXCUSED].code}


def register_of(session: Any, world: World) -> Register | None:
    session.expire_all()
    return session.scalar(select(Register).where(Register.teaching_group_id == world.things["teaching_group"].id))


def test_a_teacher_takes_the_register_of_a_class(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    assert ours.things["teaching_group"].name in client.get("/registers").text
    page = client.get(url(ours)).text
    assert ours.student.name in page
    assert ours.students[1].name not in page
    assert send(client, url(ours), seen=hidden(page, "seen"), **absent(ours)).status_code == 303
    register = register_of(session, ours)
    assert register is not None
    assert (register.form_id, register.state, register.taken_by) == (None, RegisterState.TAKEN, ours.teacher.id)
    assert f"by {ours.teacher.name}" in client.get("/registers").text


def test_a_class_register_enters_no_rate(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours

    def facts() -> Any:
        return attendance_facts_of(session, [ours.student.id], as_of=TODAY, thresholds=Thresholds())

    before = facts()
    log_in(client, ours.teacher)
    seen = hidden(client.get(url(ours)).text, "seen")
    assert send(client, url(ours), seen=seen, **absent(ours)).status_code == 303
    assert len(session.scalars(select(AttendanceMark).where(AttendanceMark.date == TODAY)).all()) == 1
    assert facts() == before


def test_a_class_register_is_taken_back(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    seen = hidden(client.get(url(ours)).text, "seen")
    send(client, url(ours), seen=seen, **absent(ours))
    assert send(client, url(ours, tail="/take-back"), reason="Wrong class").status_code == 303
    register = register_of(session, ours)
    assert register is not None
    assert register.state is RegisterState.NOT_TAKEN


def test_nobody_else_opens_the_register_of_a_class(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    for account in (ours.form_master, ours.head):
        other = log_in(client.application.test_client(), account)
        assert other.get(url(ours)).status_code == 404
        assert send(other, url(ours), seen="", **absent(ours)).status_code == 404
    log_in(client, ours.teacher)
    answer = client.get(url(theirs))
    assert answer.status_code == 404
    assert theirs.canary not in answer.text
    session.scalar(select(TeachingGroupTeacher).where(TeachingGroupTeacher.account_id == ours.teacher.id)).ends_on = (
        TODAY - timedelta(1)
    )
    session.flush()
    assert client.get(url(ours)).status_code == 404


def test_a_class_links_to_its_register_of_today(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    page = client.get(f"/marks/{ours.things['teaching_group'].id}").text
    assert url(ours).split("?")[0] in page
    assert 'href="/registers"' in page
