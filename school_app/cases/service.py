"""The life of a case: opened, worked, reviewed, handed on, closed.

Routes and alerts.service call these; nothing here commits or asks who is logged in. `once` names the form that was
posted: posted again, it changes nothing.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.cases.course import last_of, tell, told
from school_app.cases.models import Case, CaseEventKind, CaseStatus, CaseStep, Monitoring, Outcome
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.core.fingerprint import once_of
from school_app.core.words import full_day
from school_app.schools.due import note_due, note_moment_due
from school_app.schools.queries import school_day_from
from school_app.students import notes
from school_app.students.models import Note, Student

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


class CaseChanged(Conflict):
    """Somebody else has acted on the case since the page was shown; str() says who or what."""


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


@dataclass(frozen=True, slots=True)
class HandOver:
    """To whom a case is given, and what they need to know; `from_id` is the champion whom the giver saw, if any."""

    to_id: int
    reason: str
    from_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What a case is closed with: the judgement, what came of it, and what was measured."""

    outcome: Outcome
    note: str
    figures: dict[str, Any] | None = None


def open_case(
    session: AnySession,
    student_id: int,
    plan: Plan,
    *,
    by: By,
    today: date,
    alert_id: int | None = None,
    once: str = "",
) -> Case:
    """Open a case of a student, whose champion is the person who opens it. InvalidCase says what is wrong.

    The review is when usual_review() says unless the plan says otherwise.
    """
    key = once_of(once, "open", student_id, astuple(plan))
    made = _opened_before(session, student_id, key)
    if made is not None:
        return made
    case = _planned(session, student_id, plan, by=by, today=today)
    case.alert_id = alert_id
    session.add(case)
    session.flush()
    tell(session, case, CaseEventKind.OPENED, by=by, once=key, review_after=case.review_on)
    record(session, Event.CASE_OPENED, case)
    note_due(session, case.starts_on, case.starts_on, student_id=case.student_id)
    return case


def _opened_before(session: AnySession, student_id: int, key: str | None) -> Case | None:
    if key is None:
        return None
    # The student's row is locked, so that of two equal forms the second finds what the first has made.
    session.execute(select(Student.id).where(Student.id == student_id).with_for_update())
    event = told(session, key)
    return None if event is None else session.get_one(Case, event.case_id)


def _planned(session: AnySession, student_id: int, plan: Plan, *, by: By, today: date) -> Case:
    review_on = plan.review_on or usual_review(session, today)
    if plan.tier not in (2, 3):
        raise InvalidCase("Tier: choose 2 or 3.")
    return Case(
        student_id=student_id,
        assigned_to=by.id,
        opened_by=by.id,
        tier=plan.tier,
        goal=_text(plan.goal, "Goal", GOAL_LENGTH),
        strategy=_text(plan.strategy, "Strategy", GOAL_LENGTH),
        monitoring=plan.monitoring,
        starts_on=today,
        review_on=_ahead(review_on, "Review", today),
    )


def usual_review(session: AnySession, today: date) -> date:
    """When a case that begins today is reviewed: on the first school day after six weeks."""
    return school_day_from(session, today + REVIEW_AFTER)


def add_step(session: AnySession, case_id: int, *, title: str, due_on: date, today: date, once: str = "") -> CaseStep:
    """Add something to do by a day."""
    case = _open(session, case_id)
    key = once_of(once, "step", case_id, title, due_on)
    if key is not None and (made := session.scalar(select(CaseStep).where(CaseStep.once == key))) is not None:
        return made
    step = CaseStep(
        case_id=case.id, title=_text(title, "Step", TITLE_LENGTH), due_on=_ahead(due_on, "Due", today), once=key
    )
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


def add_note(
    session: AnySession, case_id: int, body: str, *, is_restricted: bool = False, by: By, once: str = ""
) -> Note:
    """Keep a note within a case. InvalidNote says what is wrong with it."""
    case = _open(session, case_id)
    draft = notes.Draft(body, is_restricted=is_restricted, case_id=case.id)
    return notes.add_note(session, case.student_id, draft, by=by, once=once)


def extend(
    session: AnySession, case_id: int, *, review_on: date, reason: str, by: By, today: date, once: str = ""
) -> Case:
    """Move the review to a later day, and say why. An escalated case stays escalated."""
    key = once_of(once, "extend", case_id, review_on, reason)
    case, again = _begin(session, case_id, key)
    if again:
        return case
    later, before = _ahead(review_on, "Review", today), case.review_on
    if later <= before:
        raise InvalidCase(f"Review: choose a day after {full_day(before)}, when the review is due now.")
    why = _text(reason, "Reason", GOAL_LENGTH)
    case.review_on = later
    if case.status is CaseStatus.IN_REVIEW:
        case.status = CaseStatus.OPEN
    tell(session, case, CaseEventKind.EXTENDED, by=by, text=why, once=key, review_before=before, review_after=later)
    record(session, Event.CASE_EXTENDED, case, reason=why)
    return case


def start_review(session: AnySession, case_id: int, *, by: By) -> Case:
    """Say that the case is being reviewed; saying so twice changes nothing. CaseChanged where it is escalated."""
    case = _open(session, case_id)
    if case.status is CaseStatus.ESCALATED:
        raise CaseChanged(f"{_who(session, case, CaseEventKind.ESCALATED)} has escalated this case.")
    if case.status is CaseStatus.OPEN:
        case.status = CaseStatus.IN_REVIEW
        tell(session, case, CaseEventKind.REVIEW_STARTED, by=by)
    return case


def escalate(session: AnySession, case_id: int, *, reason: str, by: By, once: str = "") -> Case:
    """Raise a case to the head of year, as tier 3. CaseChanged where somebody else has done so."""
    key = once_of(once, "escalate", case_id, reason)
    case, again = _begin(session, case_id, key)
    if again:
        return case
    if case.status is CaseStatus.ESCALATED:
        raise CaseChanged(f"{_who(session, case, CaseEventKind.ESCALATED)} has already escalated this case.")
    why = _text(reason, "Reason", GOAL_LENGTH)
    case.status, case.tier = CaseStatus.ESCALATED, 3
    tell(session, case, CaseEventKind.ESCALATED, by=by, text=why, once=key)
    record(session, Event.CASE_ESCALATED, case, reason=why)
    return case


def hand_over(session: AnySession, case_id: int, to: HandOver, *, by: By, once: str = "") -> Case:
    """Give a case to another champion; the caller has checked that they have the student in their care.

    CaseChanged where the case has another champion than the one it is taken from.
    """
    key = once_of(once, "hand over", case_id, to.to_id, to.reason)
    case, again = _begin(session, case_id, key)
    if again:
        return case
    before, after = session.get_one(Account, case.assigned_to), session.get(Account, to.to_id)
    if to.from_id not in (None, before.id):
        raise CaseChanged(f"Somebody has handed this case over meanwhile: its champion now is {before.name}.")
    if after is None or after.status is not AccountStatus.ACTIVE:
        raise InvalidCase("Champion: choose a member of staff whose account is active.")
    if after.id == before.id:
        raise InvalidCase(f"Champion: {before.name} is the champion already; choose somebody else.")
    why = _text(to.reason, "Reason", GOAL_LENGTH)
    case.assigned_to = after.id
    moved = {"from_champion": before.id, "from_champion_name": before.name}
    moved |= {"to_champion": after.id, "to_champion_name": after.name}
    tell(session, case, CaseEventKind.HANDED_OVER, by=by, text=why, once=key, **moved)
    record(session, Event.CASE_HANDED_OVER, case, reason=f"To {after.name}: {why}")
    return case


def confirm(session: AnySession, case_id: int, *, by: By, once: str = "") -> Case:
    """Say that a case nobody has touched for long is still needed."""
    key = once_of(once, "confirm", case_id)
    case, again = _begin(session, case_id, key)
    if again:
        return case
    case.confirmed_at = clock.now()
    tell(session, case, CaseEventKind.CONFIRMED, by=by, once=key)
    record(session, Event.CASE_CONFIRMED, case)
    return case


def close(session: AnySession, case_id: int, ending: Ending, *, by: By, once: str = "") -> Case:
    """Close a case with the champion's judgement, and what was measured. CaseAlreadyClosed if done before."""
    key = once_of(once, "close", case_id, ending.outcome.value, ending.note)
    case, again = _begin(session, case_id, key)
    if again:
        return case
    why = _text(ending.note, "What came of it", GOAL_LENGTH * 4)
    case.status, case.outcome, case.outcome_note = CaseStatus.CLOSED, ending.outcome, why
    case.closed_at, case.figures = clock.now(), ending.figures
    note_moment_due(session, case.closed_at, case.student_id)
    tell(session, case, CaseEventKind.CLOSED, by=by, text=why, once=key)
    record(session, Event.CASE_CLOSED, case, reason=f"{ending.outcome.value}: {why}")
    return case


def _open(session: AnySession, case_id: int) -> Case:
    """The case, locked until the end of the transaction. CaseAlreadyClosed where it is."""
    case, _ = _begin(session, case_id, None)
    return case


def _begin(session: AnySession, case_id: int, key: str | None) -> tuple[Case, bool]:
    """As _open(), and whether the form of that key was carried out before; then the case may be closed."""
    # The row is locked, so that two people who act at once act one after the other.
    case = session.scalar(
        select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound("case")
    again = told(session, key) is not None
    if case.status is CaseStatus.CLOSED and not again:
        raise CaseAlreadyClosed
    return case, again


def _who(session: AnySession, case: Case, kind: CaseEventKind) -> str:
    event = last_of(session, case, kind)
    return event.done_by_name if event else "Somebody"


def _text(value: str, label: str, longest: int) -> str:
    # A browser sends a line's end as two characters and counts it as one.
    text = value.replace("\r\n", "\n").strip()
    if not text:
        raise InvalidCase(f"{label}: write a sentence; it cannot be empty.")
    if len(text) > longest:
        raise InvalidCase(f"{label}: {len(text)} characters are too many; keep to {longest}.")
    return text


def _ahead(value: date, label: str, today: date) -> date:
    if not today <= value <= today + LONGEST:
        raise InvalidCase(f"{label}: choose a day between today and a year from now.")
    return value
