"""The register's page: taken in one go, corrected, taken back, and kept from those whose form it is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session
from school_app.schools.models import CalendarDay, DayType, FormMaster, SessionScheme
from tests.days import TODAY
from tests.factories import TwoSchools, World
from tests.visits import hidden, log_in, send


def url(world: World, back: int = 0, tail: str = "", part: str = "DAY") -> str:
    return f"/register/{world.form.id}/{TODAY - timedelta(back)}{tail}?session={part}"


def everyone(world: World, **marks: str) -> dict[str, str]:
    return {f"code-{one.id}": "present" for one in world.students[:3]} | marks


def code(world: World, category: AttendanceCategory) -> str:
    return world.codes[category].code


def save(client: Any, path: str, **data: str) -> Any:
    """Save a register as its page shows it now; a page without a form gives nothing to send back."""
    page = client.get(path).text
    seen = hidden(page, "seen") if "data-register-form" in page else ""
    return send(client, path, seen=seen, **data)


def register_of(session: Any, world: World, back: int = 0) -> Register | None:
    session.expire_all()
    return session.scalar(
        select(Register).where(Register.form_id == world.form.id, Register.date == TODAY - timedelta(back))
    )


def marks_of(session: Any, register: Register) -> list[tuple[int, AttendanceCategory, int | None, str | None]]:
    rows = session.scalars(select(AttendanceMark).where(AttendanceMark.register_id == register.id))
    return sorted((one.student_id, one.code_id, one.minutes_late, one.reason) for one in rows)


def test_everyone_starts_as_present_and_saving_states_it(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    page = client.get(url(ours)).text
    assert page.count("checked") == 3
    assert "not taken" not in page
    answer = send(client, url(ours), seen=hidden(page, "seen"), **everyone(ours))
    assert answer.status_code == 303
    register = register_of(session, ours)
    assert register is not None
    assert (register.state, register.taken_by_name) == (RegisterState.TAKEN, ours.form_master.name)
    assert marks_of(session, register) == []


def test_exceptions_are_kept_with_minutes_and_reason(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    late, away = ours.students[0], ours.students[1]
    marks = {
        f"code-{late.id}": code(ours, AttendanceCategory.LATE),
        f"minutes-{late.id}": "12",
        f"reason-{late.id}": " bus ",
        f"code-{away.id}": code(ours, AttendanceCategory.ABSENT_EXCUSED),
        f"minutes-{away.id}": "99",
    }
    assert save(client, url(ours), **everyone(ours, **marks)).status_code == 303
    register = register_of(session, ours)
    assert register is not None
    assert marks_of(session, register) == [
        (late.id, ours.codes[AttendanceCategory.LATE].id, 12, "bus"),
        (away.id, ours.codes[AttendanceCategory.ABSENT_EXCUSED].id, None, None),
    ]
    page = client.get(url(ours)).text
    assert 'value="12"' in page
    assert ours.form_master.name in page


def test_saving_twice_is_harmless(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    marks = everyone(ours, **{f"code-{ours.student.id}": code(ours, AttendanceCategory.ABSENT_UNEXCUSED)})
    assert [save(client, url(ours), **marks).status_code for _ in range(2)] == [303, 303]
    register = register_of(session, ours)
    assert register is not None
    assert len(marks_of(session, register)) == 1


def test_two_people_do_not_overwrite_each_other_unseen(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    seen = hidden(client.get(url(ours)).text, "seen")
    other = log_in(client.application.test_client(), ours.head)
    absent = everyone(ours, **{f"code-{ours.student.id}": code(ours, AttendanceCategory.ABSENT_UNEXCUSED)})
    assert send(other, url(ours), seen=seen, **absent).status_code == 303
    late = everyone(ours, **{f"code-{ours.student.id}": code(ours, AttendanceCategory.LATE)})
    answer = send(client, url(ours), seen=seen, **late)
    assert (answer.status_code, answer.location) == (409, None)
    assert ours.head.name in answer.text
    assert "You had entered: late" in answer.text
    assert send(client, url(ours), seen=hidden(answer.text, "seen"), **late).status_code == 303
    register = register_of(session, ours)
    assert register is not None
    assert [mark[1] for mark in marks_of(session, register)] == [ours.codes[AttendanceCategory.LATE].id]


def test_what_was_refused_need_not_be_entered_again(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    late = {
        f"code-{ours.student.id}": code(ours, AttendanceCategory.LATE),
        f"minutes-{ours.student.id}": "soon",
        f"reason-{ours.student.id}": "bus strike",
    }
    answer = save(client, url(ours), **everyone(ours, **late))
    assert answer.status_code == 400
    assert f"{ours.student.name}: “soon” is no number of minutes" in answer.text
    assert 'value="soon"' in answer.text
    assert "bus strike" in answer.text
    assert register_of(session, ours) is None


def test_a_code_that_is_out_of_use_is_still_shown_where_it_stands(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    absent = ours.codes[AttendanceCategory.ABSENT_UNEXCUSED]
    absent.is_active = False
    session.flush()
    log_in(client, ours.form_master)
    page = client.get(url(ours, 1)).text
    assert f'value="{absent.code}"' in page
    seen = hidden(page, "seen")
    kept = everyone(ours, **{f"code-{ours.student.id}": absent.code, f"reason-{ours.student.id}": "Reason canary-ours"})
    assert send(client, url(ours, 1), seen=seen, **kept).status_code == 303
    register = register_of(session, ours, 1)
    assert register is not None
    assert [mark[1] for mark in marks_of(session, register)] == [absent.id]


def test_a_register_that_a_file_states_can_be_corrected(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    register = ours.things["register"]
    register.taken_at = register.taken_by = register.taken_by_name = None
    session.flush()
    log_in(client, ours.form_master)
    page = client.get(url(ours, 1)).text
    assert "Save the correction" in page
    assert send(client, url(ours, 1), seen=hidden(page, "seen"), **everyone(ours)).status_code == 303
    again = register_of(session, ours, 1)
    assert again is not None
    assert (again.taken_by_name, marks_of(session, again)) == (ours.form_master.name, [])


def test_a_register_taken_back_is_unknown_and_says_why(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    path = url(ours, 1, "/take-back")
    assert send(client, path, reason="x").status_code == 400
    assert send(client, path, reason="Wrong form").status_code == 303
    assert send(client, path, reason="Wrong form").status_code == 303
    register = register_of(session, ours, 1)
    assert register is not None
    assert (register.state, register.taken_at) == (RegisterState.NOT_TAKEN, None)


def test_a_holiday_has_no_register_and_the_future_none_yet(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    day = session.scalar(select(CalendarDay).where(CalendarDay.date == TODAY - timedelta(3)))
    day.day_type, day.note = DayType.HOLIDAY, "Founders’ day"
    session.flush()
    log_in(client, ours.form_master)
    page = client.get(url(ours, 3))
    assert "Founders’ day" in page.text
    assert "data-register-form" not in page.text
    assert save(client, url(ours, 3), **everyone(ours)).status_code == 400
    assert "data-register-form" not in client.get(url(ours, -1)).text
    answer = save(client, url(ours, -1), **everyone(ours))
    assert (answer.status_code, answer.location) == (400, None)
    assert register_of(session, ours, 3) is None
    assert register_of(session, ours, -1) is None


def test_the_days_around_are_school_days(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.scalar(select(CalendarDay).where(CalendarDay.date == TODAY - timedelta(3))).day_type = DayType.HOLIDAY
    session.flush()
    log_in(client, ours.form_master)
    page = client.get(url(ours, 2)).text
    assert f"/{TODAY - timedelta(4)}?" in page
    assert f"/{TODAY - timedelta(1)}?" in page
    assert f"/{TODAY + timedelta(1)}?" not in client.get(url(ours)).text


def test_a_school_of_half_days_has_two_registers(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.school.session_scheme = SessionScheme.AM_PM
    session.flush()
    log_in(client, ours.form_master)
    assert client.get(url(ours)).status_code == 404
    assert save(client, url(ours, part="PM"), **everyone(ours)).status_code == 303
    register = register_of(session, ours)
    assert register is not None
    assert register.session is Session.PM
    # Yesterday's register is of the whole day, and can still be opened.
    assert client.get(url(ours, 1)).status_code == 200


@pytest.mark.parametrize("who", ["form_master", "head", "admin"])
def test_no_page_asks_how_often_registers_are_taken(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str], who: str
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, getattr(ours, who))
    addresses = ("/", "/registers", url(ours), f"/students/{ours.student.id}", f"/cases/{ours.things['case'].id}")
    # What is kept of the school is kept from the first page on.
    client.get("/password")
    for address in addresses:
        statements.clear()
        assert client.get(address).status_code == 200
        assert statements
        assert not [one for one in statements if "session_scheme" in one], address


@pytest.mark.parametrize("who", ["other_master", "teacher"])
def test_another_form_is_not_found(client: Any, session: Any, two_schools: TwoSchools, who: str) -> None:
    ours = two_schools.ours
    log_in(client, getattr(ours, who))
    assert client.get(url(ours)).status_code == 404
    assert save(client, url(ours), **everyone(ours)).status_code == 404
    assert send(client, url(ours, 1, "/take-back"), reason="Because").status_code == 404
    assert register_of(session, ours) is None


def test_another_schools_form_is_not_found(client: Any, session: Any, two_schools: TwoSchools) -> None:
    theirs = two_schools.theirs
    for account in (two_schools.ours.form_master, two_schools.ours.head, two_schools.ours.admin):
        answer = log_in(client.application.test_client(), account).get(url(theirs))
        assert answer.status_code == 404
        assert theirs.canary not in answer.text


def test_a_form_master_of_the_past_cannot_save(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    duty = session.scalar(select(FormMaster).where(FormMaster.account_id == ours.form_master.id))
    duty.ends_on = TODAY - timedelta(1)
    session.flush()
    log_in(client, ours.form_master)
    assert save(client, url(ours), **everyone(ours)).status_code == 404


@pytest.mark.parametrize("stranger", ["another form's", "another school's"])
def test_a_student_of_elsewhere_is_refused_and_nothing_is_saved(
    client: Any, session: Any, two_schools: TwoSchools, stranger: str
) -> None:
    ours = two_schools.ours
    other = ours.students[4] if stranger == "another form's" else two_schools.theirs.student
    log_in(client, ours.form_master)
    marks = everyone(ours, **{f"code-{other.id}": code(ours, AttendanceCategory.ABSENT_UNEXCUSED)})
    assert save(client, url(ours), **marks).status_code == 404
    assert register_of(session, ours) is None


def test_an_admin_sees_a_register_but_takes_none(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.admin)
    page = client.get(url(ours, 1))
    assert page.status_code == 200
    assert "data-register-form" not in page.text
    assert save(client, url(ours), **everyone(ours)).status_code == 403


def test_an_address_that_is_no_day_is_not_found(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    for path in ("yesterday", "2026-02-30", "20260101"):
        assert client.get(f"/register/{ours.form.id}/{path}").status_code == 404
    assert client.get(url(ours, part="NIGHT")).status_code == 404


def test_todays_registers_are_those_in_reach(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    page = log_in(client, ours.form_master).get("/registers").text
    assert ours.form.name in page
    assert ours.other_form.name not in page
    assert ours.other_form.name in log_in(client.application.test_client(), ours.head).get("/registers").text


def test_a_page_takes_the_same_statements_whatever_the_form(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    client.get(url(ours))
    counts = []
    for keep in (1, 3):
        from school_app.students.models import Enrolment

        for one in session.scalars(select(Enrolment).where(Enrolment.form_id == ours.form.id)):
            outside = one.student_id not in {student.id for student in ours.students[:keep]}
            one.ends_on = TODAY - timedelta(1) if outside else None
        session.flush()
        statements.clear()
        assert client.get(url(ours)).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 15


def test_a_correction_leaves_who_took_the_register_and_when(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    save(client, url(ours), **everyone(ours))
    taken = select(Register).where(Register.form_id == ours.form.id, Register.date == TODAY)
    first = session.scalars(taken).one()
    assert (first.corrected_at, first.taken_by_name) == (None, ours.form_master.name)
    at = first.taken_at
    head = log_in(client.application.test_client(), ours.head)
    late = {f"code-{ours.student.id}": code(ours, AttendanceCategory.LATE)}
    assert save(head, url(ours), **everyone(ours, **late)).status_code == 303
    session.expire_all()
    again = session.scalars(taken).one()
    assert (again.taken_at, again.taken_by_name, again.corrected_by_name) == (at, ours.form_master.name, ours.head.name)
    assert f"corrected by {ours.head.name}" in client.get(url(ours)).text
