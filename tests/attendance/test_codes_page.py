"""The admin's page of attendance codes: what counts as what stays, names and places change."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode
from tests.factories import TwoSchools
from tests.visits import log_in, send

NEW = {"code": "D", "name": "Dentist", "category": "absent_excused"}


def kept(session: Any, code: str) -> AttendanceCode | None:
    session.expire_all()
    found: AttendanceCode | None = session.scalar(select(AttendanceCode).where(AttendanceCode.code == code))
    return found


def test_a_code_is_added_and_registers_offer_it(client: Any, session: Any, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.admin)
    assert send(client, "/admin/codes", **NEW).status_code == 303
    made = kept(session, "D")
    assert made is not None
    assert (made.category, made.is_active) == (AttendanceCategory.ABSENT_EXCUSED, True)
    assert "no mark uses it yet" in client.get("/admin/codes").text
    path = f"/admin/codes/{made.id}"
    assert send(client, path, name="Doctor", ordinal="3").status_code == 303
    made = kept(session, "D")
    assert made is not None
    assert (made.name, made.ordinal, made.is_active) == ("Doctor", 3, False)
    assert made.category is AttendanceCategory.ABSENT_EXCUSED


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"code": ""}, "Code:"),
        ({"code": "two words"}, "Code:"),
        ({"code": "x" * 41}, "Code:"),
        ({"code": "LATE"}, "Code:"),
        ({"code": "Late", "category": "absent_excused"}, "Code:"),
        ({"name": " "}, "Name:"),
        ({"name": "x" * 81}, "Name:"),
        ({"category": "gone"}, "Counts as:"),
        ({"category": "present"}, "Counts as:"),
    ],
)
def test_what_cannot_stand_is_named_and_shown_again(
    client: Any, session: Any, two_schools: TwoSchools, changed: dict[str, str], word: str
) -> None:
    before = len(session.scalars(select(AttendanceCode.id)).all())
    log_in(client, two_schools.ours.admin)
    answer = send(client, "/admin/codes", **(NEW | changed))
    assert answer.status_code == 400
    assert word in answer.text
    assert len(session.scalars(select(AttendanceCode.id)).all()) == before


def test_the_place_of_a_code_is_a_number(client: Any, session: Any, two_schools: TwoSchools) -> None:
    code = next(iter(two_schools.ours.codes.values()))
    log_in(client, two_schools.ours.admin)
    for place in ("", "-1", "9999999", "x"):
        assert send(client, f"/admin/codes/{code.id}", name="Name", ordinal=place).status_code == 400
