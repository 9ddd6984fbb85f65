"""The life of a case: opened, worked, reviewed, handed on, closed.

Routes and alerts.service call these; nothing here commits or asks who is logged in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.cases.models import Case, CaseStatus, CaseStep, Monitoring, Outcome
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.schools.queries import school_day_from

AnySession = Session | scoped_session[Any]
# Six weeks, the usual length of a tier 2 intervention before it is reviewed.
REVIEW_AFTER = timedelta(weeks=6)
LONGEST = timedelta(days=366)
GOAL_LENGTH = 500
TITLE_LENGTH = 200


class CaseAlreadyClosed(Conflict):
    """A closed case takes no more changes."""

    def __init__(self) -> None:
        super().__init__("This case is closed. Open a new one if the worry has come back.")


class InvalidCase(DomainError):
    """What was entered cannot stand in a case; str() names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a case is opened with: goal, strategy, tier (2 or 3), how often it is looked at, and when it is reviewed."""

    goal: str
    strategy: str
    tier: int = 2
    monitoring: Monitoring = Monitoring.WEEKLY
    review_on: date | None = None


def open_case(
    session: AnySession, student_id: int, plan: Plan, *, by: By, today: date, alert_id: int | None = None
) -> Case:
    """Open a case of a student, whose champion is the person who opens it. InvalidCase says what is wrong.

    The review is when usual_review() says unless the plan says otherwise.
    """
    review_on = plan.review_on or usual_review(session, today)
    if plan.tier not in (2, 3):
        raise InvalidCase("Tier: choose 2 or 3.")
    case = Case(
        student_id=student_id,
        alert_id=alert_id,
        assigned_to=by.id,
        opened_by=by.id,
        tier=plan.tier,
        goal=_text(plan.goal, "Goal", GOAL_LENGTH),
        strategy=_text(plan.strategy, "Strategy", GOAL_LENGTH),
        monitoring=plan.monitoring,
        starts_on=today,
        review_on=_ahead(review_on, "Review", today),
    )
    session.add(case)
    session.flush()
    record(session, Event.CASE_OPENED, case)
    return case


def usual_review(session: AnySession, today: date) -> date:
    """When a case that begins today is reviewed: on the first school day after six weeks."""
    return school_day_from(session, today + REVIEW_AFTER)


def add_step(session: AnySession, case_id: int, *, title: str, due_on: date, today: date) -> CaseStep:
    """Add something to do by a day."""
    case = _open(session, case_id)
    step = CaseStep(case_id=case.id, title=_text(title, "Step", TITLE_LENGTH), due_on=_ahead(due_on, "Due", today))
    session.add(step)
    session.flush()
    return step


def finish_step(session: AnySession, case_id: int, step_id: int, *, by: By) -> CaseStep:
    """Tick a step off; ticking it twice changes nothing."""
    case = _open(session, case_id)
    step = session.scalar(select(CaseStep).where(CaseStep.id == step_id, CaseStep.case_id == case.id).with_for_update())
    if step is None:
        raise NotFound("step")
    if step.done_at is None:
        step.done_at, step.done_by = clock.now(), by.id
        record(session, Event.CASE_STEP_DONE, case, reason=step.title)
    return step


def extend(session: AnySession, case_id: int, *, review_on: date, reason: str, today: date) -> Case:
    """Move the review to a later day, and say why."""
    case = _open(session, case_id)
    later = _ahead(review_on, "Review", today)
    if later <= case.review_on:
        raise InvalidCase(f"Review: choose a day after {case.review_on.isoformat()}, when the review is due now.")
    why = _text(reason, "Reason", GOAL_LENGTH)
    case.review_on, case.status = later, CaseStatus.OPEN
    record(session, Event.CASE_EXTENDED, case, reason=why)
    return case


def start_review(session: AnySession, case_id: int) -> Case:
    """Say that the case is being reviewed."""
    case = _open(session, case_id)
    case.status = CaseStatus.IN_REVIEW
    session.flush()
    return case


def escalate(session: AnySession, case_id: int, *, reason: str) -> Case:
    """Raise a case to the head of year, as tier 3."""
    case = _open(session, case_id)
    if case.status is CaseStatus.ESCALATED:
        return case
    why = _text(reason, "Reason", GOAL_LENGTH)
    case.status, case.tier = CaseStatus.ESCALATED, 3
    record(session, Event.CASE_ESCALATED, case, reason=why)
    return case


def hand_over(session: AnySession, case_id: int, *, to_id: int, reason: str) -> Case:
    """Give a case to another champion; the caller has checked that they have the student in their care."""
    case = _open(session, case_id)
    account = session.get(Account, to_id)
    if account is None or account.status is not AccountStatus.ACTIVE:
        raise InvalidCase("Champion: choose a member of staff whose account is active.")
    why = _text(reason, "Reason", GOAL_LENGTH)
    if case.assigned_to != account.id:
        case.assigned_to = account.id
        record(session, Event.CASE_HANDED_OVER, case, reason=f"To {account.name}: {why}")
    return case


def confirm(session: AnySession, case_id: int) -> Case:
    """Say that a case nobody has touched for long is still needed."""
    case = _open(session, case_id)
    case.confirmed_at = clock.now()
    record(session, Event.CASE_CONFIRMED, case)
    return case


def close(
    session: AnySession, case_id: int, *, outcome: Outcome, note: str, figures: dict[str, Any] | None = None
) -> Case:
    """Close a case with the champion's judgement, and what was measured. CaseAlreadyClosed if done before."""
    case = _open(session, case_id)
    why = _text(note, "What came of it", GOAL_LENGTH * 4)
    case.status, case.outcome, case.outcome_note = CaseStatus.CLOSED, outcome, why
    case.closed_at, case.figures = clock.now(), figures
    record(session, Event.CASE_CLOSED, case, reason=f"{outcome.value}: {why}")
    return case


def _open(session: AnySession, case_id: int) -> Case:
    # The row is locked, so that two people who act at once act one after the other.
    case = session.scalar(
        select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound("case")
    if case.status is CaseStatus.CLOSED:
        raise CaseAlreadyClosed
    return case


def _text(value: str, label: str, longest: int) -> str:
    text = value.strip()
    if not text:
        raise InvalidCase(f"{label}: write a sentence; it cannot be empty.")
    if len(text) > longest:
        raise InvalidCase(f"{label}: {len(text)} characters are too many; keep to {longest}.")
    return text


def _ahead(value: date, label: str, today: date) -> date:
    if not today <= value <= today + LONGEST:
        raise InvalidCase(f"{label}: choose a day between today and a year from now.")
    return value
