"""Ids and days that no database or calendar can hold are no page, and no failure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from school_app.core import asked
from tests.factories import TwoSchools
from tests.visits import log_in, send

LONG = "9" * 20


@pytest.mark.parametrize(
    ("text", "found"),
    [("12", 12), (" 7 ", 7), ("", None), ("-1", None), ("²", None), ("9" * 18, int("9" * 18)), (LONG, None)],
)
def test_an_id_is_a_number_that_fits(text: str, found: int | None) -> None:
    assert asked.number(text) == found


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "2026-02-30", "", "soon"])
def test_a_day_is_of_our_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        asked.day(text)


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-23:59"])
def test_a_moment_has_a_zone_and_is_of_our_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        asked.moment(text)


PAGES = {
    "form_master": (
        (f"/students/{LONG}", 404),
        (f"/students?form={LONG}", 200),
        (f"/alerts/{LONG}", 404),
        (f"/cases/{LONG}", 404),
        ("/register/1/0001-01-01", 404),
        ("/register/1/9999-12-31", 404),
        (f"/register/{LONG}/2026-03-02", 404),
    ),
    "admin": (("/admin/calendar?month=0001-01", 404), ("/admin/calendar?month=9999-12", 404)),
    "auditor": (
        ("/audit?to=0001-01-01", 400),
        ("/audit?from=9999-12-31&to=9999-12-31", 400),
        (f"/audit?actor={LONG}", 400),
        ("/audit/1/9999-12-31T23:59:59-23:59", 404),
    ),
}


@pytest.mark.parametrize("who", list(PAGES))
def test_no_page_fails_on_them(client: Any, session: Any, two_schools: TwoSchools, who: str) -> None:
    session.commit()
    log_in(client, getattr(two_schools.ours, who))
    for path, status in PAGES[who]:
        assert client.get(path).status_code == status, path


def test_a_character_that_no_key_makes_is_refused_where_it_stands(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    answer = send(
        client, "/admin/school", name="L\0inden", timezone="UTC", register_closes="09:15", session_scheme="day"
    )
    assert (answer.status_code, "name: it holds a character" in answer.text) == (400, True)
    assert client.get("/search?q=%00").status_code == 400
    assert client.get("/search?q=a%09b").status_code == 200


@pytest.mark.parametrize("name", ["score-", "code-"])
def test_a_field_with_an_endless_number_is_none(client: Any, session: Any, two_schools: TwoSchools, name: str) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.teacher if name == "score-" else ours.form_master)
    today = datetime.now(UTC).date().isoformat()
    path = f"/assessments/{ours.things['assessment'].id}" if name == "score-" else f"/register/{ours.form.id}/{today}"
    assert send(client, path, **{name + "9" * 5000: "1"}).status_code in (303, 400)


@pytest.mark.parametrize("path", ["/login", "/admin/school", "/admin/imports", "/nowhere"])
def test_a_body_that_no_form_has_is_refused_before_it_is_read(client: Any, session: Any, path: str) -> None:
    body = "&".join(f"a{number}=b" for number in range(60_000))
    answer = client.post(path, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (404, 413)
    assert answer.status_code == 413 or path == "/nowhere"


def test_every_link_of_the_header_leads_somewhere(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.form_master)
    page = client.get(f"/students/{ours.student.id}").text
    assert 'href=""' not in page
    assert ">Password and log-ins</a>" in page
    assert re.findall(r'aria-current="page">([^<]+)</a>', page)[0] == "Students"
