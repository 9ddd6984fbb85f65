"""The life of a case, from opening to its outcome."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts.models import AccountStatus
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.cases import service
from school_app.cases.course import courses_of
from school_app.cases.models import CaseEventKind, CaseStatus, Outcome
from school_app.cases.service import CaseAlreadyClosed, CaseChanged, Ending, HandOver, InvalidCase, Plan
from school_app.core.acting import By
from school_app.core.errors import NotFound
from school_app.core.fingerprint import new_once
from tests.days import TODAY
from tests.factories import TwoSchools


def events(session: Any, case_id: int) -> list[str]:
    rows = select(AuditRow.event).where(AuditRow.entity_type == "intervention_case", AuditRow.entity_id == case_id)
    return [event for event in session.scalars(rows.order_by(AuditRow.id)) if event.startswith("case.")]


def test_a_case_lives_from_opening_to_outcome_and_its_history_says_so(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    by = By(ours.form_master.id, ours.form_master.name)
    case = service.open_case(session, ours.student.id, Plan("Come daily.", "Check in."), by=by, today=TODAY)
    assert case.assigned_to == by.id
    # Six weeks from now, or on the first school day after it.
    assert timedelta(42) <= case.review_on - TODAY <= timedelta(44)
    assert case.review_on.weekday() < 5
    step = service.add_step(session, case.id, title="Call home", due_on=TODAY + timedelta(1), today=TODAY)
    done = service.finish_step(session, case.id, step.id, by=by).done_at
    assert service.finish_step(session, case.id, step.id, by=by).done_at == done
    service.start_review(session, case.id, by=by)
    service.extend(session, case.id, review_on=TODAY + timedelta(60), reason="More time.", by=by, today=TODAY)
    assert case.status is CaseStatus.OPEN
    service.escalate(session, case.id, reason="No change.", by=by)
    assert (case.status, case.tier) == (CaseStatus.ESCALATED, 3)
    service.hand_over(session, case.id, HandOver(ours.head.id, "Tier 3."), by=by)
    service.confirm(session, case.id, by=by)
    service.close(session, case.id, Ending(Outcome.GOAL_MET, "Came daily since May.", {"a": 1}), by=by)
    assert events(session, case.id) == [
        Event.CASE_OPENED,
        Event.CASE_STEP_DONE,
        Event.CASE_EXTENDED,
        Event.CASE_ESCALATED,
        Event.CASE_HANDED_OVER,
        Event.CASE_CONFIRMED,
        Event.CASE_CLOSED,
    ]


def test_the_course_of_a_case_keeps_who_did_what_and_their_words(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    by, review_on = By(ours.form_master.id, ours.form_master.name), TODAY + timedelta(60)
    case = service.open_case(session, ours.student.id, Plan("Come daily.", "Check in."), by=by, today=TODAY)
    before = case.review_on
    service.extend(session, case.id, review_on=review_on, reason="More time.", by=by, today=TODAY)
    service.escalate(session, case.id, reason="No change.", by=by)
    service.hand_over(session, case.id, HandOver(ours.head.id, "Call before ten."), by=by)
    service.confirm(session, case.id, by=by)
    service.close(session, case.id, Ending(Outcome.IMPROVED, "Came daily."), by=by)
    course = courses_of(session, [case.id])[case.id]
    assert [(one.kind, one.text, one.tier) for one in reversed(course)] == [
        (CaseEventKind.OPENED, None, 2),
        (CaseEventKind.EXTENDED, "More time.", 2),
        (CaseEventKind.ESCALATED, "No change.", 3),
        (CaseEventKind.HANDED_OVER, "Call before ten.", 3),
        (CaseEventKind.CONFIRMED, None, 3),
        (CaseEventKind.CLOSED, "Came daily.", 3),
    ]
    assert {one.done_by_name for one in course} == {ours.form_master.name}
    extended, handed = course[4], course[2]
    assert (extended.review_before, extended.review_after) == (before, review_on)
    assert (handed.from_champion, handed.to_champion) == (by.id, ours.head.id)
    assert (handed.from_champion_name, handed.to_champion_name) == (by.name, ours.head.name)


def test_an_event_of_a_case_cannot_be_kept_without_its_audit_row(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    case, by = ours.things["case"], By(ours.form_master.id, ours.form_master.name)
    service.escalate(session, case.id, reason="No change.", by=by)
    added = select(AuditRow).where(AuditRow.entity_type == "case_event").order_by(AuditRow.id.desc()).limit(1)
    changes = session.scalars(added).one().changes
    assert changes["kind"] == [None, "escalated"]
    assert changes["text"] == [None, "[not recorded]"]


def test_an_escalated_case_stays_escalated_when_it_is_extended_or_reviewed(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    case, by = ours.things["case"], By(ours.form_master.id, ours.form_master.name)
    service.escalate(session, case.id, reason="No change.", by=by)
    service.extend(session, case.id, review_on=TODAY + timedelta(30), reason="After the break.", by=by, today=TODAY)
    assert (case.status, case.tier) == (CaseStatus.ESCALATED, 3)
    with pytest.raises(CaseChanged, match=by.name):
        service.start_review(session, case.id, by=by)
    assert case.status is CaseStatus.ESCALATED


def test_what_refuses_a_review_names_the_day_in_words(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    case = ours.things["case"]
    case.review_on = date(2031, 12, 20)
    session.flush()
    with pytest.raises(InvalidCase, match="after 20 December 2031,"):
        service.extend(
            session, case.id, review_on=date(2031, 12, 20), reason="x", by=By(1, "x"), today=date(2031, 12, 1)
        )


def test_a_form_that_is_sent_twice_does_one_thing(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    case, by, once = ours.things["case"], By(ours.form_master.id, ours.form_master.name), new_once()
    later = TODAY + timedelta(9)
    before = len(courses_of(session, [case.id])[case.id])

    def twice(act: Any) -> None:
        first, second = act(), act()
        assert first.id == second.id

    twice(lambda: service.add_step(session, case.id, title="Call", due_on=TODAY, today=TODAY, once=once))
    twice(lambda: service.add_note(session, case.id, "He came.", by=by, once=once))
    twice(lambda: service.extend(session, case.id, review_on=later, reason="More.", by=by, today=TODAY, once=once))
    twice(lambda: service.escalate(session, case.id, reason="No change.", by=by, once=once))
    twice(lambda: service.hand_over(session, case.id, HandOver(ours.head.id, "Call."), by=by, once=once))
    twice(lambda: service.confirm(session, case.id, by=by, once=once))
    twice(lambda: service.close(session, case.id, Ending(Outcome.IMPROVED, "Better."), by=by, once=once))
    plan = Plan("Come daily.", "Check in.")
    twice(lambda: service.open_case(session, ours.student.id, plan, by=by, today=TODAY, once=once))
    assert len(courses_of(session, [case.id])[case.id]) == before + 5


def test_the_same_form_with_other_words_is_another_note(session: Any, two_schools: TwoSchools) -> None:
    case, by = two_schools.ours.things["case"], By(two_schools.ours.form_master.id, "M")
    once = new_once()
    first = service.add_note(session, case.id, "He came.", by=by, once=once)
    assert service.add_note(session, case.id, "He came late.", by=by, once=once).id != first.id
    assert service.add_note(session, case.id, "He came.", is_restricted=True, by=by, once=once).is_restricted


def test_a_text_of_many_lines_may_be_as_long_as_the_browser_counts(session: Any, two_schools: TwoSchools) -> None:
    case, by = two_schools.ours.things["case"], By(two_schools.ours.form_master.id, "M")
    note = service.add_note(session, case.id, "a\r\n" * 1999 + "ab", by=by)
    assert note.body == "a\n" * 1999 + "ab"


def test_a_closed_case_takes_no_more_changes(session: Any, two_schools: TwoSchools) -> None:
    case = two_schools.ours.things["case"]
    by = By(two_schools.ours.form_master.id, "M")
    service.close(session, case.id, Ending(Outcome.NO_CHANGE, "Moved on."), by=by)
    for attempt in (
        lambda: service.add_step(session, case.id, title="Call", due_on=TODAY, today=TODAY),
        lambda: service.add_note(session, case.id, "Too late.", by=by),
        lambda: service.escalate(session, case.id, reason="Why.", by=by),
        lambda: service.close(session, case.id, Ending(Outcome.GOAL_MET, "Again."), by=by),
    ):
        with pytest.raises(CaseAlreadyClosed):
            attempt()


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (Plan(" ", "Talk."), "Goal"),
        (Plan("Come.", ""), "Strategy"),
        (Plan("Come.", "Talk.", tier=4), "Tier"),
        (Plan("C" * 501, "Talk."), "Goal"),
        (Plan("Come.", "Talk.", review_on=TODAY - timedelta(1)), "Review"),
    ],
)
def test_a_plan_that_cannot_stand_is_refused_by_its_field(
    session: Any, two_schools: TwoSchools, plan: Plan, field: str
) -> None:
    with pytest.raises(InvalidCase, match=f"^{field}:"):
        service.open_case(session, two_schools.ours.student.id, plan, by=By(1, "x"), today=TODAY)


def test_a_case_is_not_handed_to_a_disabled_account(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.head.status = AccountStatus.DISABLED
    session.flush()
    with pytest.raises(InvalidCase, match="Champion"):
        service.hand_over(session, ours.things["case"].id, HandOver(ours.head.id, "Please."), by=By(1, "x"))


def test_a_case_is_not_handed_to_its_champion_nor_from_somebody_who_is_it_no_more(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    case, by = ours.things["case"], By(ours.form_master.id, ours.form_master.name)
    with pytest.raises(InvalidCase, match="is the champion already"):
        service.hand_over(session, case.id, HandOver(by.id, "Please."), by=by)
    service.hand_over(session, case.id, HandOver(ours.head.id, "Please.", from_id=by.id), by=by)
    with pytest.raises(CaseChanged, match=f"now is {ours.head.name}"):
        service.hand_over(session, case.id, HandOver(ours.admin.id, "Please.", from_id=by.id), by=by)


def test_a_case_of_another_school_is_not_found(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(NotFound):
        service.confirm(session, two_schools.theirs.things["case"].id, by=By(1, "x"))
