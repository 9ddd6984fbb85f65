"""What happened, newest first: everything about a student, as several features know it, and the course of one case.

dashboards.student_page and dashboards.case_page use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from flask import url_for

from school_app.alerts import words as alert_words
from school_app.alerts.models import Alert, AlertDecision
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases import words as case_words
from school_app.cases.models import Case, CaseEvent, CaseEventKind
from school_app.students.notes import Shown

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline, as components/page.html prints it; without a text it shows only that it exists."""

    on: date | datetime
    kind: str
    text: str | None
    context: str | None = None
    url: str | None = None
    restricted: bool = False

    @property
    def moment(self) -> datetime:
        """When, for sorting: a day counts as its noon."""
        return self.on if isinstance(self.on, datetime) else datetime.combine(self.on, time(12), UTC)


def incidents(rows: Iterable[Incident]) -> list[Entry]:
    """A student's incidents and positive records."""
    return [
        Entry(
            one.occurred_on,
            "Positive record" if one.kind is IncidentKind.POSITIVE else "Incident",
            f"{one.category}: {one.description}",
            context=_reported(one),
            url=url_for("behaviour.incident", incident_id=one.id),
        )
        for one in rows
    ]


def _reported(one: Incident) -> str | None:
    said = [f"reported by {one.reported_by_name}"] if one.reported_by_name else []
    if one.withdrawn_at is not None:
        said.append(f"withdrawn: {one.withdrawn_because}")
    return " · ".join(said) or None


def alerts(rows: Iterable[Alert], decisions: Sequence[tuple[AlertDecision, Alert]]) -> list[Entry]:
    """A student's alerts, and the answers to them."""
    raised = [
        Entry(
            one.opened_at,
            "Alert",
            one.reason,
            alert_words.STATUSES[one.status],
            url_for("alerts.alert", alert_id=one.id),
        )
        for one in rows
    ]
    answered = [
        Entry(
            decision.decided_at,
            "Answer",
            f"{alert_words.ANSWERS[decision.kind]}{': ' + decision.reason if decision.reason else ''}",
            context=decision.decided_by_name,
            url=url_for("alerts.alert", alert_id=alert.id),
        )
        for decision, alert in decisions
    ]
    return raised + answered


def cases(rows: Iterable[Case], courses: Mapping[int, Sequence[CaseEvent]]) -> list[Entry]:
    """The courses of a student's cases."""
    return [
        Entry(
            event.happened_at,
            f"Case {case_words.EVENTS[event.kind]}",
            case.goal if event.kind is CaseEventKind.OPENED else case_words.said(event, case),
            context=_context(event, case),
            url=url_for("cases.case", case_id=case.id),
        )
        for case in rows
        for event in courses[case.id]
    ]


def course(case: Case, events: Iterable[CaseEvent]) -> list[Entry]:
    """The course of one case, for its own page, where its goal stands already."""
    return [
        Entry(
            event.happened_at,
            case_words.EVENTS[event.kind].capitalize(),
            case_words.said(event, case),
            context=_context(event, case),
        )
        for event in events
    ]


def _context(event: CaseEvent, case: Case) -> str:
    return " · ".join(part for part in (case_words.detail(event, case), event.done_by_name) if part)


def notes(rows: Iterable[Shown], reader_id: int) -> list[Entry]:
    """The notes on a student, as the reader may see them; the own ones lead to where they can be withdrawn."""
    return [
        Entry(
            one.created_at,
            one.kind,
            one.body if one.withdrawn is None else one.withdrawn.capitalize(),
            context=one.author_name,
            url=url_for("students.own_note", note_id=one.id) if one.author_id == reader_id else None,
            restricted=one.is_restricted,
        )
        for one in rows
    ]


def timeline(*parts: Iterable[Entry]) -> list[Entry]:
    """The newest entries of all parts."""
    return sorted((entry for part in parts for entry in part), key=lambda entry: entry.moment, reverse=True)[:SHOWN]
