"""The page of a case: what was done and said stands there, and what is refused is shown again as it was typed."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.cases import service
from school_app.cases.course import courses_of
from school_app.cases.models import CaseEventKind, CaseStatus, CaseStep, Outcome
from school_app.cases.service import Ending, HandOver
from school_app.core.acting import By
from school_app.core.fingerprint import new_once
from school_app.core.permissions import Role
from school_app.core.words import full_day
from school_app.students.models import Note
from tests.days import TODAY
from tests.factories import TwoSchools, account
from tests.visits import hidden, log_in, send


@pytest.fixture
def by(two_schools: TwoSchools) -> By:
    master = two_schools.ours.form_master
    return By(master.id, master.name)


def section(page: str, name: str) -> str:
    """One panel of a page."""
    start = page.index(f'id="{name}"')
    return unescape(page[start : page.index("</section>", start)])


def form(page: str, name: str) -> str:
    """One form of a page, with the fold around it."""
    start = page.index(f'id="form-{name}"')
    return unescape(
        page[page.rindex("<details" if name != "note" else "<form", 0, start) : page.index("</form>", start)]
    )


def test_what_was_said_when_a_case_was_passed_on_is_read_by_whoever_works_on_it_next(
    client: Any, session: Any, two_schools: TwoSchools, by: By
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    later = TODAY + timedelta(20)
    service.extend(session, case.id, review_on=later, reason="Two weeks were holidays.", by=by, today=TODAY)
    service.escalate(session, case.id, reason="The home does not answer.", by=by)
    service.hand_over(session, case.id, HandOver(ours.head.id, "Ring the aunt first."), by=by)
    session.commit()
    page = log_in(client, ours.head).get(f"/cases/{case.id}").text
    course = section(page, "course")
    told = re.findall(r'timeline-kind">([^<]+)<', course)
    assert told == ["Handed over", "Escalated", "Extended", "Opened"]
    for words in ("Ring the aunt first.", "The home does not answer.", "Two weeks were holidays.", ours.head.name):
        assert words in course, words
    assert f"review moved from {full_day(TODAY)} to {full_day(later)}" in course


def test_the_students_timeline_tells_the_course_of_a_case_with_its_tier_as_opened(
    client: Any, session: Any, two_schools: TwoSchools, by: By
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    service.escalate(session, case.id, reason="The home does not answer.", by=by)
    service.hand_over(session, case.id, HandOver(ours.head.id, "Ring the aunt first."), by=by)
    session.commit()
    told = section(log_in(client, ours.form_master).get(f"/students/{ours.student.id}").text, "timeline")
    assert "tier 2 · " in told
    for words in ("Case opened", case.goal, "Case escalated", "The home does not answer.", "Ring the aunt first."):
        assert words in told, words
    client = client.application.test_client()
    seen = log_in(client, ours.teacher).get(f"/students/{ours.student.id}").text
    assert "Ring the aunt" not in seen
    assert "does not answer" not in seen
    client = client.application.test_client()
    assert log_in(client, ours.other_master).get(f"/cases/{case.id}").status_code == 404


REFUSED: tuple[tuple[str, dict[str, str], str, tuple[str, ...]], ...] = (
    (
        "extend",
        {"until": "2020-01-01", "note": "Two weeks <were> holidays."},
        "Review: choose a day between today and a year from now.",
        ('value="2020-01-01"', 'value="Two weeks <were> holidays."'),
    ),
    ("extend", {"until": "", "note": "More time."}, "New review date: choose a day.", ('value="More time."',)),
    ("escalate", {"note": "E" * 501}, "Reason: 501 characters", ("E" * 501,)),
    (
        "step",
        {"title": "Call the aunt", "due_on": "2020-01-01"},
        "Due: choose a day",
        ('value="Call the aunt"', 'value="2020-01-01"'),
    ),
    ("note", {"note": "N" * 4001, "restricted": "yes"}, "Note: 4001 characters", ("N" * 4001, "checked")),
    ("close", {"outcome": "", "outcome_note": "She came daily."}, "Outcome: choose", ("She came daily.",)),
    (
        "close",
        {"outcome": "improved", "outcome_note": "x" * 2001},
        "What came of it: 2001 characters",
        ('<option value="improved" selected>', "x" * 2001),
    ),
)


@pytest.mark.parametrize(("action", "entered", "why", "kept"), REFUSED)
def test_what_is_refused_stands_in_its_open_form_with_the_reason_beside_it(
    client: Any,
    session: Any,
    two_schools: TwoSchools,
    action: str,
    entered: dict[str, str],
    why: str,
    kept: tuple[str, ...],
) -> None:
    case = two_schools.ours.things["case"]
    session.commit()
    log_in(client, two_schools.ours.form_master)
    path = f"/cases/{case.id}/close" if action == "close" else f"/cases/{case.id}"
    answer = send(client, path, action=action, **entered)
    assert answer.status_code == 400
    shown = form(answer.text, action)
    if action != "note":
        assert re.match(r"<details[^>]* open>", shown)
    assert why in shown
    for words in kept:
        assert words in shown, words
    assert f'href="#form-{action}"' in answer.text
    # The positive control: no other form is open, and none has the reason.
    assert answer.text.count("field-error") == 1
    assert len(re.findall(r'<details class="chooser[^>]* open>', answer.text)) == (action != "note")


def test_what_the_home_posts_without_a_day_is_shown_again_on_the_page_of_the_case(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    case, step = ours.things["case"], ours.things["step"]
    session.commit()
    log_in(client, ours.form_master)
    answer = send(client, f"/cases/{case.id}", action="extend", note="More time.", until="", back="home")
    assert 'value="More time."' in form(answer.text, "extend")
    long = {"action": "done", "step_id": str(step.id), "note": "N" * 4001, "back": "home"}
    shown = form(send(client, f"/cases/{case.id}", **long).text, "note")
    assert "N" * 4001 in shown
    # The step is not done yet: the same form does both.
    session.refresh(step)
    assert step.done_at is None
    assert hidden(shown, "step_id") == str(step.id)
    assert "Done, with this note" in shown


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        ({"action": "note", "note": "He told me <why>.", "restricted": "yes"}, "He told me <why>."),
        ({"action": "extend", "note": "More time.", "until": "2031-01-01"}, "More time."),
        ({"action": "escalate", "note": "The home does not answer."}, "The home does not answer."),
        ({"action": "step", "title": "Call the aunt", "due_on": "2031-01-01"}, "Call the aunt"),
    ],
)
def test_what_somebody_types_while_another_closes_the_case_is_not_lost(
    client: Any, session: Any, two_schools: TwoSchools, by: By, entered: dict[str, str], kept: str
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    service.close(session, case.id, Ending(Outcome.IMPROVED, "Better."), by=by)
    session.commit()
    log_in(client, ours.form_master)
    answer = send(client, f"/cases/{case.id}", **entered)
    assert answer.status_code == 409
    assert "This case is closed." in answer.text
    unsent = section(answer.text, "unsent")
    assert f"{kept}</textarea>" in unsent
    assert ("checked" in unsent) == ("restricted" in entered)
    # It can be kept where it stands.
    where = re.search(r'action="([^"]+)"', unsent)
    assert where is not None
    assert send(client, where.group(1), body=kept, restricted=entered.get("restricted", "")).status_code == 303
    note = session.scalars(select(Note).order_by(Note.id.desc()).limit(1)).one()
    assert (note.student_id, note.body, note.is_restricted) == (case.student_id, kept, "restricted" in entered)


def test_who_escalates_after_somebody_else_is_told_and_keeps_the_words(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    service.escalate(session, case.id, reason="I know more.", by=By(ours.head.id, ours.head.name))
    session.commit()
    log_in(client, ours.form_master)
    answer = send(client, f"/cases/{case.id}", action="escalate", note="The home does not answer.")
    assert answer.status_code == 409
    assert f"{ours.head.name} has already escalated this case." in unescape(answer.text)
    assert "The home does not answer.</textarea>" in section(answer.text, "unsent")


def test_a_form_sent_twice_from_the_page_makes_one_step_and_one_note(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    session.commit()
    page = log_in(client, ours.form_master).get(f"/cases/{case.id}").text
    step = {"action": "step", "title": "Ring the aunt", "due_on": TODAY.isoformat()}
    note = {"action": "note", "note": "The aunt is well."}
    for sent, name in ((step, "step"), (note, "note")):
        once = hidden(form(page, name), "once")
        for _ in range(2):
            assert send(client, f"/cases/{case.id}", once=once, **sent).status_code == 303
    made = select(func.count()).select_from(CaseStep).where(CaseStep.title == "Ring the aunt")
    assert session.scalar(made) == 1
    assert session.scalar(select(func.count()).select_from(Note).where(Note.body == "The aunt is well.")) == 1


def test_a_case_is_opened_once_though_its_form_is_sent_twice(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    path = f"/cases/new/{ours.students[1].id}"
    once = hidden(log_in(client, ours.form_master).get(path).text, "once")
    entered = {"goal": "Come daily.", "strategy": "Check in.", "tier": "2", "monitoring": "weekly", "once": once}
    first, second = (send(client, path, **entered).headers["Location"] for _ in range(2))
    assert first == second


def test_a_case_is_not_offered_to_its_champion(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    session.commit()
    page = log_in(client, ours.form_master).get(f"/cases/{case.id}/hand-over").text
    assert f'value="{ours.head.id}"' in page
    assert f'name="to" id="to-{ours.form_master.id}"' not in page


def test_a_case_that_was_handed_over_meanwhile_is_not_handed_over_unseen(
    client: Any, session: Any, two_schools: TwoSchools, by: By
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    other = account(session, "second.ours", Role.SCHOOL_ADMIN, name="Second Admin")
    session.commit()
    path = f"/cases/{case.id}/hand-over"
    seen = hidden(log_in(client, ours.form_master).get(path).text, "from")
    service.hand_over(session, case.id, HandOver(ours.head.id, "Ring the aunt."), by=by)
    session.commit()
    entered = {"to": str(other.id), "reason": "He knows the family.", "from": seen}
    answer = send(client, path, **entered)
    assert answer.status_code == 409
    assert f"its champion now is {ours.head.name}" in unescape(answer.text)
    assert 'value="He knows the family."' in answer.text
    assert re.search(rf'id="to-{other.id}" value="{other.id}" required checked', answer.text)
    # Who has read it may go on: the page now names the champion of now.
    entered["from"] = hidden(answer.text, "from")
    assert send(client, path, **entered).status_code == 303
    assert courses_of(session, [case.id])[case.id][0].kind is CaseEventKind.HANDED_OVER


def test_days_stand_in_words(client: Any, session: Any, two_schools: TwoSchools) -> None:
    case = two_schools.ours.things["case"]
    session.commit()
    log_in(client, two_schools.ours.form_master)
    until = TODAY + timedelta(30)
    send(client, f"/cases/{case.id}", action="extend", until=until.isoformat(), note="More time.")
    page = client.get(f"/cases/{case.id}").text
    assert f"The review is moved to {full_day(until)}." in page
    assert full_day(date(2026, 12, 20)) == "20 December 2026"


def test_the_plan_names_its_parts_and_shows_beside_the_review_when_it_is_due(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    case = two_schools.ours.things["case"]
    session.commit()
    plan = section(log_in(client, two_schools.ours.form_master).get(f"/cases/{case.id}").text, "plan")
    for label, value in (("Goal", case.goal), ("Strategy", case.strategy)):
        assert re.search(rf"<dt>{label}</dt><dd[^>]*>{value}</dd>", plan)
    assert re.search(r"<dt>Review</dt><dd>[^<]+<span[^>]*>due today</span></dd>", plan)


def test_a_restricted_note_is_marked_for_those_who_may_read_it(
    client: Any, session: Any, two_schools: TwoSchools, by: By
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    service.add_note(session, case.id, "He told me why.", is_restricted=True, by=by)
    service.add_note(session, case.id, "He came.", by=by)
    session.commit()
    log_in(client, ours.form_master)
    notes = section(client.get(f"/cases/{case.id}").text, "notes")
    told = section(client.get(f"/students/{ours.student.id}").text, "timeline")
    for shown in (notes, told):
        one = next(item for item in shown.split("<li>") if "He told me why." in item)
        other = next(item for item in shown.split("<li>") if "He came." in item)
        assert "restricted</span>" in one
        assert "restricted" not in other


def test_an_extended_case_still_waits_at_the_head_of_year(
    client: Any, session: Any, two_schools: TwoSchools, by: By
) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    service.escalate(session, case.id, reason="The home does not answer.", by=by)
    session.commit()
    log_in(client, ours.form_master)
    until = (TODAY + timedelta(30)).isoformat()
    assert send(client, f"/cases/{case.id}", action="extend", until=until, note="x", once=new_once()).status_code == 303
    session.refresh(case)
    assert case.status is CaseStatus.ESCALATED
    page = log_in(client.application.test_client(), ours.head).get("/").text
    assert f"/cases/{case.id}" in page[page.index("Escalated") :]
