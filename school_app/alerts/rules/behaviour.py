"""The rule on behaviour: several incidents of moderate or higher severity within a few weeks of school.

alerts.rules.judge() calls it.
"""

from __future__ import annotations

from school_app.alerts.facts import BehaviourFacts, IncidentFact
from school_app.alerts.rules import words
from school_app.alerts.rules.decision import Decision, NotEnoughData, Rule, Severity, Verdict
from school_app.alerts.thresholds import Thresholds


def behaviour(facts: BehaviourFacts, thresholds: Thresholds) -> Verdict:
    """At least 2 incidents of severity 3 or higher in the last 30 school days; one window a school year.

    Serious with twice as many, or where one of them is grave; grave with both. A shorter stretch of school
    days is judged as it stands, because incidents can be too many at once, but never too few. Source: the B
    of the early-warning indicators (Balfanz), with this product's defaults.
    """
    if not facts.window_school_days:
        return NotEnoughData(Rule.BEHAVIOUR, facts.school_year_key, "Not enough data: no school day this year.")
    counted = [fact for fact in facts.incidents if _counts(fact, facts, thresholds=thresholds)]
    if len(counted) < thresholds.incident_count:
        return None
    grave = sum(fact.severity >= thresholds.incident_grave_severity for fact in counted)
    marks = (len(counted) >= 2 * thresholds.incident_count) + (grave > 0)
    latest = max(counted, key=lambda fact: (fact.on, fact.id))
    return Decision(
        Rule.BEHAVIOUR,
        Severity(Severity.CONCERN + marks),
        facts.school_year_key,
        reason=_reason(facts, thresholds, count=len(counted), latest=latest),
        inputs={
            "incidents_counted": len(counted),
            "incidents_grave": grave,
            "window_school_days": facts.window_school_days,
            "window_start": facts.window_start.isoformat() if facts.window_start else None,
            "incident_count": thresholds.incident_count,
            "incident_severity": thresholds.incident_severity,
        },
    )


def _counts(fact: IncidentFact, facts: BehaviourFacts, *, thresholds: Thresholds) -> bool:
    inside = facts.window_start is not None and facts.window_start <= fact.on <= facts.as_of
    return inside and fact.severity >= thresholds.incident_severity


def _reason(facts: BehaviourFacts, thresholds: Thresholds, *, count: int, latest: IncidentFact) -> str:
    incidents = f"{words.counted(count, 'incident')} of severity {thresholds.incident_severity} or higher"
    window = f"in the last {words.counted(facts.window_school_days, 'school day')}"
    last = words.day(latest.on, as_of=facts.as_of)
    verb = "that" if count == 1 else "the latest"
    return f"{incidents} {window}; {verb} on {last} ({latest.category})."
