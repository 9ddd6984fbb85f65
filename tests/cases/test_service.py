"""The life of a case, from opening to its outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts.models import AccountStatus
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.cases import service
from school_app.cases.models import CaseStatus, Outcome
from school_app.cases.service import CaseAlreadyClosed, InvalidCase, Plan
from school_app.core.acting import By
from school_app.core.errors import NotFound
from tests.factories import TwoSchools

TODAY = datetime.now(UTC).date()


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
    service.extend(session, case.id, review_on=TODAY + timedelta(60), reason="More time.", today=TODAY)
    service.escalate(session, case.id, reason="No change.")
    assert (case.status, case.tier) == (CaseStatus.ESCALATED, 3)
    service.hand_over(session, case.id, to_id=ours.head.id, reason="Tier 3.")
    service.confirm(session, case.id)
    service.close(session, case.id, outcome=Outcome.GOAL_MET, note="Came daily since May.", figures={"a": 1})
    assert events(session, case.id) == [
        Event.CASE_OPENED,
        Event.CASE_STEP_DONE,
        Event.CASE_EXTENDED,
        Event.CASE_ESCALATED,
        Event.CASE_HANDED_OVER,
        Event.CASE_CONFIRMED,
        Event.CASE_CLOSED,
    ]


def test_a_closed_case_takes_no_more_changes(session: Any, two_schools: TwoSchools) -> None:
    case = two_schools.ours.things["case"]
    service.close(session, case.id, outcome=Outcome.NO_CHANGE, note="Moved on.")
    for attempt in (
        lambda: service.add_step(session, case.id, title="Call", due_on=TODAY, today=TODAY),
        lambda: service.escalate(session, case.id, reason="Why."),
        lambda: service.close(session, case.id, outcome=Outcome.GOAL_MET, note="Again."),
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
        service.hand_over(session, ours.things["case"].id, to_id=ours.head.id, reason="Please.")


def test_a_case_of_another_school_is_not_found(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(NotFound):
        service.confirm(session, two_schools.theirs.things["case"].id)
