"""What rules, statuses, answers and risk levels are called on pages.

Templates and routes of alerts/ and above use them.
"""

from __future__ import annotations

from school_app.alerts.models import AlertStatus, DecisionKind
from school_app.alerts.rules.decision import Rule

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
LEVELS = {
    None: "Not enough data",
    0: "No signal",
    1: "Attendance slipping",
    2: "One signal",
    3: "Two signals, or absent a fifth of the time",
    4: "Three signals, or absence with another",
}
