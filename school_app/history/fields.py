"""What the fields of audited rows, and the values that are chosen from a few, are called in the history.

history/ alone uses it; tests hold that every audited column and every choice has its word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from school_app.accounts.forms import ROLE_WORDS
from school_app.accounts.models import AccountStatus
from school_app.alerts import words as alert_words
from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.thresholds import LIMITS
from school_app.attendance.models import RegisterState, Session, Source
from school_app.attendance.roll import SESSION_WORDS
from school_app.audit.retention.rules import DataClass
from school_app.behaviour.models import IncidentKind
from school_app.behaviour.service import SEVERITIES
from school_app.cases import words as case_words
from school_app.schools.models import DayType, SessionScheme, TermKind
from school_app.students.notes import KIND_WORDS

# By column; OWN overrules it for one table.
FIELDS: dict[str, str] = {
    "account_id": "Account",
    "alert_date": "Alert of",
    "alert_id": "Alert",
    "assessment_id": "Assessment",
    "assigned_on": "Set on",
    "assigned_to": "Assigned to",
    "author_id": "Author",
    "author_name": "Author’s name",
    "birth_date": "Born on",
    "body": "Text",
    "case_id": "Case",
    "category": "Category",
    "changed_at": "Changed at",
    "changed_by_name": "Changed by",
    "closed_at": "Closed at",
    "closed_by": "Closed by",
    "code": "Code",
    "code_id": "Attendance code",
    "comment": "Comment",
    "confirmed_at": "Confirmed at",
    "corrected_at": "Corrected at",
    "corrected_by_name": "Corrected by",
    "course_code": "Course",
    "created_at": "Made at",
    "data_class": "Class of data",
    "date": "Day",
    "day_type": "Kind of day",
    "decide_by": "To be decided by",
    "decided_at": "Answered at",
    "decided_by": "Answered by",
    "decided_by_name": "Name of who answered",
    "decided_severity": "Severity answered",
    "description": "Description",
    "done_at": "Done at",
    "done_by": "Done by",
    "done_by_name": "Name of who did it",
    "due_on": "Due on",
    "email": "E-mail address",
    "ends_on": "Last day",
    "entered_at": "Entered at",
    "entered_by": "Entered by",
    "family_name": "Family name",
    "figures": "Figures",
    "form_id": "Form",
    "from_champion": "Champion before",
    "from_champion_name": "Name of the champion before",
    "given_name": "First name",
    "goal": "Goal",
    "guardian_id": "Guardian",
    "handed_on_because": "Handed on because",
    "handed_on_by_name": "Handed on by",
    "happened_at": "Happened at",
    "indicator": "Indicator",
    "inputs": "Counts",
    "is_active": "In use",
    "is_core": "Core subject",
    "is_primary": "The first of several",
    "is_restricted": "Restricted",
    "kind": "Kind",
    "login": "Login",
    "maximum": "Highest mark",
    "middle_name": "Middle name",
    "minimum": "Lowest mark",
    "minutes_late": "Minutes late",
    "monitoring": "Monitoring",
    "moved_at": "Registers moved at",
    "name": "Name",
    "note": "Remark",
    "occurred_on": "Happened on",
    "once": "Sent form",
    "opened_at": "Raised at",
    "opened_by": "Opened by",
    "ordinal": "Place in lists",
    "outcome": "Outcome",
    "outcome_note": "Words on the outcome",
    "parent_id": "Part of",
    "password_hash": "Password",
    "phone": "Telephone",
    "reason": "Reason",
    "recorded_at": "Recorded at",
    "recorded_by": "Recorded by",
    "register_closes": "Registers are due by",
    "register_id": "Register",
    "reported_by": "Reported by",
    "reported_by_name": "Reporter’s name",
    "reported_by_sourced_id": "Reporter’s roster id",
    "released_at": "Released at",
    "released_because": "Released because",
    "released_by_name": "Released by",
    "resolved_at": "Resolved at",
    "reopening_since": "Reopened at",
    "review_after": "Review afterwards",
    "review_before": "Review before",
    "review_on": "Review on",
    "role": "Role",
    "rule": "Rule",
    "school_year_id": "School year",
    "score": "Mark",
    "score_status": "State of the mark",
    "scored_on": "Marked on",
    "session": "Session",
    "session_scheme": "Registers",
    "session_version": "Times logged out everywhere",
    "set_at": "Set at",
    "set_by_name": "Set by",
    "settings": "Thresholds",
    "severity": "Severity",
    "sex": "Sex",
    "slug": "Short name",
    "source": "Came from",
    "sourced_id": "Roster id",
    "starts_on": "First day",
    "state": "State",
    "status": "State",
    "strategy": "Strategy",
    "student_id": "Student",
    "subject_id": "Subject",
    "taken_at": "Taken at",
    "taken_by": "Taken by",
    "taken_by_name": "Name of who took it",
    "teaching_group_id": "Class",
    "term_id": "Term",
    "text": "Words",
    "tier": "Tier",
    "timezone": "Time zone",
    "title": "Title",
    "to_champion": "Champion afterwards",
    "to_champion_name": "Name of the champion afterwards",
    "version": "Version",
    "window_key": "Window",
    "withdrawn_at": "Withdrawn at",
    "withdrawn_because": "Withdrawn because",
    "withdrawn_by_name": "Withdrawn by",
    "worsened_at": "Worsened at",
    "year_group_id": "Year group",
    "years": "Years kept",
    "years_before": "Years kept before",
}
OWN: dict[str, str] = {
    "retention_rule.source": "Law or rule",
    "account.created_at": "Account made at",
    "assessment.category": "Kind of work",
    "attendance_code.category": "Counts as",
    "calendar_day.note": "What it is",
    "guardian.role": "Relation",
    "intervention_case.assigned_to": "Champion",
    "note.created_at": "Written at",
    "school.is_active": "Open",
    "student.is_active": "At the school",
    "year_group.code": "Grade",
}
# What services record beside the columns of a row.
SAID: dict[str, str] = {
    "exceptions": "Exceptions",
    "rows": "Rows",
    "statement": "Change",
    "students": "Students",
}

_SEVERITIES = {"1": "watch", "2": "moderate", "3": "high", "4": "severe"}
# The words of values, by table and column.
CHOICES: dict[str, Mapping[Any, str]] = {
    "account.status": {
        AccountStatus.INVITED: "invited",
        AccountStatus.ACTIVE: "active",
        AccountStatus.DISABLED: "disabled",
    },
    "account_role.role": {role: word.lower() for role, word in ROLE_WORDS.items()},
    "alert.indicator": {letter: word.lower() for letter, word in alert_words.INDICATORS.items()},
    "alert.rule": alert_words.RULES,
    "alert.severity": _SEVERITIES,
    "alert.decided_severity": _SEVERITIES,
    "alert.status": alert_words.STATUSES,
    "alert_decision.kind": {answer: word.lower() for answer, word in alert_words.ANSWERS.items()},
    "alert_decision.severity": _SEVERITIES,
    "attendance_code.category": {
        AttendanceCategory.PRESENT: "present",
        AttendanceCategory.LATE: "late",
        AttendanceCategory.ABSENT_EXCUSED: "absent, excused",
        AttendanceCategory.ABSENT_UNEXCUSED: "absent, unexcused",
        AttendanceCategory.NOT_REQUIRED: "not required",
    },
    "attendance_mark.session": SESSION_WORDS,
    "attendance_mark.source": {Source.PERSON: "a person", Source.IMPORT: "a file"},
    "calendar_day.day_type": {
        DayType.INSTRUCTIONAL: "school",
        DayType.HOLIDAY: "holiday",
        DayType.NON_INSTRUCTIONAL: "no lessons",
    },
    "case_event.kind": case_words.EVENTS,
    "incident.kind": {IncidentKind.CONCERN: "a concern", IncidentKind.POSITIVE: "positive"},
    "incident.severity": {"0": "none: positive", **{str(number): word for number, word in SEVERITIES.items()}},
    "intervention_case.monitoring": case_words.MONITORING,
    "intervention_case.outcome": {outcome: word.lower() for outcome, word in case_words.OUTCOMES.items()},
    "intervention_case.status": case_words.STATUSES,
    "note.kind": {kind: word.lower() for kind, word in KIND_WORDS.items()},
    "register.session": SESSION_WORDS,
    "register.source": {Source.PERSON: "a person", Source.IMPORT: "a file"},
    "register.state": {RegisterState.NOT_TAKEN: "not taken", RegisterState.TAKEN: "taken"},
    "school.session_scheme": {
        SessionScheme.DAY: "one for the day",
        SessionScheme.AM_PM: "morning and afternoon",
    },
    "term.kind": {
        TermKind.TERM: "term",
        TermKind.SEMESTER: "semester",
        TermKind.GRADING_PERIOD: "grading period",
    },
    "retention_rule.data_class": {
        DataClass.SCHOOL_LOG: "audit log of the school",
        DataClass.PLATFORM_LOG: "audit log of the platform",
    },
}
# The parts of values that are objects, by their key.
PARTS: dict[str, str] = {
    **{limit.field: limit.label for limit in LIMITS},
    "mute_excused": "Excused days raise no alert",
}
SESSIONS: dict[str, str] = {
    Session.AM: ", morning",
    Session.PM: ", afternoon",
    Session.DAY: "",
}


def field_word(table: str | None, field: str) -> str:
    """The word for a field of a kind of thing; its own name, made readable, where it has none."""
    found = OWN.get(f"{table}.{field}") or FIELDS.get(field) or SAID.get(field)
    return found or field.replace("_", " ").capitalize()


def part_word(key: str) -> str:
    """The word for a part of a value that is an object."""
    return PARTS.get(key) or key.replace("_", " ")


def choice_word(table: str | None, field: str, value: object) -> str | None:
    """The word for a value chosen from a few; None for a field that is not chosen so."""
    words = CHOICES.get(f"{table}.{field}")
    return None if words is None else words.get(str(value), str(value).replace("_", " "))
