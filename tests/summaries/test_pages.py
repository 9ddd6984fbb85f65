"""The pages of figures show the forms in reach, from summaries alone, and say what is not counted yet."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from school_app.schools.due import note_due
from school_app.schools.models import Form
from school_app.students.models import Enrolment, Student
from school_app.summaries.queries import Figures
from tests.factories import TwoSchools, World, added
from tests.summaries.keeping import TODAY, YESTERDAY, refresh
from tests.visits import log_in

RAW = {"register", "attendance_mark", "attendance_code", "enrolment", "incident", "alert", "alert_decision"}
RAW_OF_PAGES = {*RAW, "intervention_case", "risk_profile", "calendar_day"}
PERIODS = ("day", "week", "month", "term", "year")


@pytest.fixture
def ours(session: Any, two_schools: TwoSchools) -> World:
    refresh(session)
    session.commit()
    return two_schools.ours


def tables(statements: list[str]) -> set[str]:
    return {name for one in statements for name in re.findall(r"(?:FROM|JOIN) `?(\w+)", one)}


def form_rows(page: str) -> dict[str, list[str]]:
    """The cells of the table of forms by the form's name, without what is said beside them."""
    body = page[page.index('id="forms"') :]
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", body[body.index("<tbody>") :], re.DOTALL):
        cells = [
            re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        found[cells[0]] = cells[1:]
    return found


def test_a_day_is_shown_by_form_and_by_name(client: Any, ours: World) -> None:
    page = log_in(client, ours.admin).get(f"/figures?period=day&on={YESTERDAY}").text
    rows = form_rows(page)
    assert list(rows) == [ours.form.name, ours.other_form.name]
    assert rows[ours.form.name][0].startswith("66.7")
    assert rows[ours.other_form.name][0] == "–", "nothing is known of a form without a register"
    assert rows[ours.other_form.name][3] == "3"
    assert ours.canary in page


@pytest.mark.parametrize("period", PERIODS)
def test_no_page_of_figures_reads_the_rows_behind_the_summaries(
    client: Any, ours: World, statements: list[str], period: str
) -> None:
    log_in(client, ours.admin)
    client.get("/figures")
    statements.clear()
    assert client.get(f"/figures?period={period}").status_code == 200
    allowed = {"calendar_day"} if period == "day" else set()
    assert "form_day" in tables(statements)
    assert tables(statements) & RAW_OF_PAGES <= allowed
    statements.clear()
    assert ours.student.name in client.get(f"/figures/forms/{ours.form.id}").text
    assert "student_figures" in tables(statements)
    assert not tables(statements) & RAW_OF_PAGES


def test_a_page_takes_the_same_statements_whatever_the_school(
    client: Any, session: Any, ours: World, statements: list[str]
) -> None:
    def asked() -> list[int]:
        numbers = []
        for path in ("/figures?period=year", f"/figures/forms/{ours.form.id}"):
            statements.clear()
            client.get(path)
            numbers.append(len(statements))
        return numbers

    log_in(client, ours.admin)
    client.get("/figures")
    small = asked()
    year = ours.things["year"]
    for number in range(12):
        form = added(session, Form(school_year_id=year.id, name=f"F{number}"))
        one = added(session, Student(given_name="More", family_name=str(number), form_id=ours.form.id))
        added(session, Enrolment(student_id=one.id, form_id=form.id, starts_on=TODAY - timedelta(days=60)))
    note_due(session, TODAY - timedelta(days=60), None)
    session.flush()
    refresh(session)
    session.commit()
    assert asked() == small
    assert max(small) <= 12


def test_a_head_sees_the_own_year_and_a_master_the_own_form(client: Any, session: Any, ours: World) -> None:
    year = ours.things["year"]
    other = added(session, Form(school_year_id=year.id, name="10A"))
    one = added(session, Student(given_name="Older", family_name="One", form_id=other.id))
    added(session, Enrolment(student_id=one.id, form_id=other.id, starts_on=TODAY - timedelta(days=60)))
    note_due(session, TODAY - timedelta(days=60), None)
    session.flush()
    refresh(session)
    session.commit()
    seen = {
        name: list(form_rows(log_in(client.application.test_client(), who).get("/figures?period=month").text))
        for name, who in (("admin", ours.admin), ("head", ours.head), ("master", ours.form_master))
    }
    assert seen["admin"] == ["10A", ours.form.name, ours.other_form.name]
    assert seen["head"] == [ours.form.name, ours.other_form.name]
    assert seen["master"] == [ours.form.name]
    master = log_in(client.application.test_client(), ours.form_master)
    assert master.get(f"/figures/forms/{ours.other_form.id}").status_code == 404


def test_a_register_that_is_not_counted_yet_is_told_to_those_who_see_its_form(
    client: Any, session: Any, ours: World
) -> None:
    note_due(session, TODAY, TODAY, form_id=ours.form.id)
    session.commit()
    words = "1 register is still being counted."
    told = {
        name: words in log_in(client.application.test_client(), who).get("/figures").text
        for name, who in (("admin", ours.admin), ("master", ours.form_master), ("other", ours.other_master))
    }
    assert told == {"admin": True, "master": True, "other": False}


def test_before_anything_is_counted_the_page_says_so(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    page = log_in(client, two_schools.ours.admin).get("/figures").text
    assert "Nothing has been counted yet" in page
    form = client.get(f"/figures/forms/{two_schools.ours.form.id}").text
    assert two_schools.ours.student.name in form


@pytest.mark.parametrize(("asked", "words"), [("period=decade", "choose one of day"), ("on=tomorrow", "is no day")])
def test_what_is_no_period_or_day_is_told(client: Any, ours: World, asked: str, words: str) -> None:
    found = log_in(client, ours.admin).get(f"/figures?{asked}")
    assert found.status_code == 400
    assert words in found.text


def test_no_sessions_make_no_percentage() -> None:
    assert Figures({"unknown": 3}).percent is None
    assert str(Figures({"present": 2, "absent_excused": 1}).percent) == "66.7"
