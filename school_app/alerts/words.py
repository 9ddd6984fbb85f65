"""What rules, statuses, answers and risk levels are called on pages.

Templates and routes of alerts/ and above use them.
"""

from __future__ import annotations

from fractions import Fraction

from school_app.alerts.models import AlertStatus, DecisionKind, RiskProfile
from school_app.alerts.rules.attendance import Band
from school_app.alerts.rules.decision import INDICATORS as LETTERS
from school_app.alerts.rules.decision import Rule
from school_app.core.figures import percent

RULES = {
    Rule.CHRONIC_ABSENCE.value: "Chronic absence",
    Rule.PREVENTION_BAND.value: "Attendance slipping",
    Rule.CONSECUTIVE_UNEXPLAINED.value: "Days in a row",
    Rule.BEHAVIOUR.value: "Behaviour",
    Rule.COURSE_FAILURE.value: "Failing mark",
    Rule.MARKS_FALLING.value: "Marks falling",
}
STATUSES = {AlertStatus.OPEN: "waits", AlertStatus.DECIDED: "answered", AlertStatus.RESOLVED: "resolved"}
ANSWERS = {
    DecisionKind.OPEN_CASE: "Case opened",
    DecisionKind.ALREADY_HANDLED: "Already handled",
    DecisionKind.NOT_A_CONCERN: "Not a concern",
}
INDICATORS = {"A": "Attendance", "B": "Behaviour", "C": "Course performance"}
NUMBERS = {1: "One signal", 2: "Two signals", 3: "Three signals"}


def headline(profile: RiskProfile) -> str:
    """A student's risk profile as a statement on this student: which signals hold, and how much is missed."""
    rules = [rule for rule in Rule if rule in profile.triggers and rule is not Rule.PREVENTION_BAND]
    raised = [INDICATORS[letter].lower() for letter in sorted({LETTERS[rule].value for rule in rules})]
    if not raised:
        return {None: "Not enough data", 1: "No signal, but attendance is slipping"}.get(profile.level, "No signal")
    said = f"{NUMBERS[len(raised)]}: {_listed(raised)}"
    if profile.inputs.get("band") != Band.INTENSIVE:
        return said
    share = Fraction(profile.inputs["sessions_absent"], profile.inputs["sessions_counted"])
    return f"{said}; absent {percent(100 * share)} of this year"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
