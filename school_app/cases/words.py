"""What statuses, outcomes, rhythms and the course of cases are called on pages.

Templates and routes of cases/ and above use them.
"""

from __future__ import annotations

from school_app.cases.models import Case, CaseEvent, CaseEventKind, CaseStatus, Monitoring, Outcome
from school_app.core.words import full_day

STATUSES = {
    CaseStatus.OPEN: "open",
    CaseStatus.IN_REVIEW: "in review",
    CaseStatus.ESCALATED: "escalated",
    CaseStatus.CLOSED: "closed",
}
OUTCOMES = {
    Outcome.GOAL_MET: "Goal met",
    Outcome.IMPROVED: "Improved",
    Outcome.NO_CHANGE: "No change",
    Outcome.WORSE: "Worse",
    Outcome.LEFT_SCHOOL: "Left the school",
}
MONITORING = {Monitoring.WEEKLY: "weekly", Monitoring.FORTNIGHTLY: "fortnightly"}
EVENTS = {
    CaseEventKind.OPENED: "opened",
    CaseEventKind.EXTENDED: "extended",
    CaseEventKind.REVIEW_STARTED: "review started",
    CaseEventKind.ESCALATED: "escalated",
    CaseEventKind.HANDED_OVER: "handed over",
    CaseEventKind.CONFIRMED: "confirmed",
    CaseEventKind.CLOSED: "closed",
}
# What stands where nobody was asked for words of their own.
UNSAID = {
    CaseEventKind.REVIEW_STARTED: "The review is under way.",
    CaseEventKind.CONFIRMED: "It is still needed.",
}


def said(event: CaseEvent, case: Case) -> str:
    """The words of whoever acted, or what stands in their place."""
    if event.kind is CaseEventKind.OPENED:
        return "From an alert." if case.alert_id else "Without an alert."
    return event.text or UNSAID.get(event.kind, "")


def detail(event: CaseEvent, case: Case) -> str | None:
    """What an event changed, as a part of a sentence; None where it changed nothing that has a name or a day."""
    if event.kind is CaseEventKind.OPENED and event.tier:
        return f"tier {event.tier}"
    if event.kind is CaseEventKind.EXTENDED and event.review_before and event.review_after:
        return f"review moved from {full_day(event.review_before)} to {full_day(event.review_after)}"
    if event.kind is CaseEventKind.ESCALATED:
        return f"to the head of year, as tier {event.tier}"
    if event.kind is CaseEventKind.HANDED_OVER and event.to_champion_name:
        return f"from {event.from_champion_name} to {event.to_champion_name}"
    if event.kind is CaseEventKind.CLOSED and case.outcome:
        return OUTCOMES[case.outcome]
    return None
