"""What statuses, outcomes and rhythms of cases are called on pages.

Templates and routes of cases/ and above use them.
"""

from __future__ import annotations

from school_app.cases.models import CaseStatus, Monitoring, Outcome

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
