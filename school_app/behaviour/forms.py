"""What the pages of incidents post or ask for, read into what the service and the queries take.

behaviour.routes uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.queries import Filters
from school_app.behaviour.service import SEVERITIES, InvalidIncident, Report
from school_app.core.asked import day as read_day


def read_report(form: Mapping[str, str]) -> Report:
    """What was entered on an incident. InvalidIncident where the day cannot be read."""
    try:
        on = read_day(form.get("occurred_on", ""))
    except ValueError:
        raise InvalidIncident("Day: enter a day such as 2026-05-17.") from None
    is_positive = form.get("kind") == IncidentKind.POSITIVE.value
    return Report(
        IncidentKind.POSITIVE if is_positive else IncidentKind.CONCERN,
        on,
        form.get("category", ""),
        severity=_severity(form.get("severity", "")) or 0,
        description=form.get("description", ""),
    )


def written(incident: Incident) -> dict[str, str]:
    """What the form would have to hold to record an incident as it stands."""
    return {
        "kind": incident.kind.value,
        "occurred_on": incident.occurred_on.isoformat(),
        "category": incident.category,
        "severity": str(incident.severity),
        "description": incident.description,
    }


def read_filters(asked: Mapping[str, str], *, account_id: int) -> Filters:
    """What a list is asked to be narrowed to; what cannot be read narrows nothing."""
    kind = asked.get("kind", "")
    form = asked.get("form", "")
    return Filters(
        kind=IncidentKind(kind) if kind in set(IncidentKind) else None,
        severity=_severity(asked.get("severity", "")),
        form_id=int(form) if form.isascii() and form.isdecimal() and len(form) < 19 else None,
        since=_day(asked.get("since", "")),
        reported_by=account_id if asked.get("mine") == "yes" else None,
    )


def _severity(text: str) -> int | None:
    return next((number for number in SEVERITIES if str(number) == text), None)


def _day(text: str) -> date | None:
    try:
        return read_day(text)
    except ValueError:
        return None
