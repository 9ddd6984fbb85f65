"""Deciding on alerts: the three answers, and who has to give them.

Routes call these; the evaluation that raises alerts is alerts.evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus
from school_app.alerts.models import Alert, AlertDecision, AlertStatus, DecisionKind, SchoolThresholds
from school_app.alerts.thresholds import Thresholds
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.cases.service import Plan, open_case
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.schools.due import note_moment_due

AnySession = Session | scoped_session[Any]
REASON_LENGTH = 500
LEAST_REASON = 3


class AlertAlreadyDecided(Conflict):
    """Somebody has answered the alert in the meantime."""


class InvalidDecision(DomainError):
    """The answer lacks something; str() names it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the three answers; a reason where it is no concern, a plan where a case is opened."""

    kind: DecisionKind
    reason: str = ""
    plan: Plan | None = None


def decide(session: AnySession, alert_id: int, answer: Answer, *, by: By, today: date) -> AlertDecision:
    """Answer an open alert. The same answer of the same person twice, as from a double click, is the first one again.

    Raises AlertAlreadyDecided where another answer stands or the alert has resolved, InvalidDecision where the answer
    lacks its reason, InvalidCase where the plan cannot stand.
    """
    alert = _locked(session, alert_id)
    if alert.status is not AlertStatus.OPEN:
        return _same_again(session, alert, answer, by=by)
    reason = _reason(answer)
    case_id = None
    if answer.kind is DecisionKind.OPEN_CASE:
        if answer.plan is None:
            raise InvalidDecision("Goal and strategy: a case needs both; write a sentence for each.")
        case_id = open_case(session, alert.student_id, answer.plan, by=by, today=today, alert_id=alert.id).id
    decision = AlertDecision(
        alert_id=alert.id,
        kind=answer.kind,
        reason=reason or None,
        severity=alert.severity,
        case_id=case_id,
        decided_by=by.id,
        decided_by_name=by.name,
    )
    session.add(decision)
    alert.status, alert.decided_severity = AlertStatus.DECIDED, alert.severity
    session.flush()
    note_moment_due(session, decision.decided_at, alert.student_id)
    record(
        session, Event.ALERT_DECIDED, alert, reason=f"{answer.kind.value}: {reason}" if reason else answer.kind.value
    )
    return decision


def hand_on(session: AnySession, alert_id: int, *, to_id: int, reason: str, by: By) -> Alert:
    """Give an open alert to somebody else to decide; the caller has checked that they have the student in their care.

    Raises AlertAlreadyDecided where it no longer waits, InvalidDecision without a reason or for an inactive account.
    """
    alert = _locked(session, alert_id)
    if alert.status is not AlertStatus.OPEN:
        raise AlertAlreadyDecided("This alert no longer waits for an answer.")
    account = session.get(Account, to_id)
    if account is None or account.status is not AccountStatus.ACTIVE:
        raise InvalidDecision("Who decides: choose a member of staff whose account is active.")
    if alert.assigned_to == account.id:
        raise InvalidDecision(f"Who decides: it is {account.name} already.")
    why = _words(reason)
    alert.assigned_to, alert.handed_on_by_name, alert.handed_on_because = account.id, by.name, why
    record(session, Event.ALERT_HANDED_ON, alert, reason=f"To {account.name}: {why}")
    return alert


def set_thresholds(session: AnySession, thresholds: Thresholds, *, version: int) -> SchoolThresholds:
    """Store the school's cut points; Conflict where somebody else stored some since `version` was shown (0: none)."""
    row = session.scalar(select(SchoolThresholds).with_for_update())
    if (row.version if row else 0) != version:
        raise Conflict("Somebody else changed the thresholds meanwhile. Look at theirs, then enter yours again.")
    if row is None:
        row = SchoolThresholds(settings={}, version=0)
        session.add(row)
    row.settings, row.version, row.changed_at = dict(thresholds.to_settings()), version + 1, clock.now()
    session.flush()
    # Every student's incidents are those of the window that is set here.
    note_moment_due(session, row.changed_at)
    record(session, Event.THRESHOLDS_SET, row)
    return row


def _locked(session: AnySession, alert_id: int) -> Alert:
    """An alert as it stands, held until the end of the transaction."""
    statement = select(Alert).where(Alert.id == alert_id).with_for_update()
    alert = session.scalar(statement.execution_options(populate_existing=True))
    if alert is None:
        raise NotFound("alert")
    return alert


def _same_again(session: AnySession, alert: Alert, answer: Answer, *, by: By) -> AlertDecision:
    last = session.scalar(
        select(AlertDecision)
        .where(AlertDecision.alert_id == alert.id)
        .order_by(AlertDecision.decided_at.desc(), AlertDecision.id.desc())
        .limit(1)
    )
    if alert.status is AlertStatus.DECIDED and last is not None:
        if (last.decided_by, last.kind) == (by.id, answer.kind):
            return last
        raise AlertAlreadyDecided(f"{last.decided_by_name} has already answered this alert.")
    raise AlertAlreadyDecided("This alert has resolved: its reason no longer holds.")


def _reason(answer: Answer) -> str:
    return _words(answer.reason, needed=answer.kind is DecisionKind.NOT_A_CONCERN)


def _words(text: str, *, needed: bool = True) -> str:
    text = text.strip()
    if len(text) > REASON_LENGTH:
        raise InvalidDecision(f"Reason: {len(text)} characters are too many; keep to {REASON_LENGTH}.")
    if needed and len(text) < LEAST_REASON:
        raise InvalidDecision("Reason: write why in a few words, so that the next person understands.")
    return text
