"""What kept pages show, by topic: which table belongs to which, and whom a changed row of it concerns.

core.touched reads it to say after each commit which pages are no longer right; pages name the versions they are made
of with version() and versions_of_forms().
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from functools import cache


class Topic(enum.StrEnum):
    """What a page is about."""

    SCHOOL = "school"
    STAFF = "staff"
    STUDENTS = "students"
    ATTENDANCE = "attendance"
    CARE = "care"
    INCIDENTS = "incidents"
    MARKS = "marks"
    FIGURES = "figures"


TABLES: dict[Topic, frozenset[str]] = {
    Topic.SCHOOL: frozenset(
        {"school", "school_year", "term", "calendar_day", "year_group", "form", "subject", "teaching_group"}
        | {"attendance_code", "school_thresholds"}
    ),
    Topic.STAFF: frozenset({"account", "account_role", "form_master", "head_of_year", "teaching_group_teacher"}),
    Topic.STUDENTS: frozenset(
        {"student", "enrolment", "guardian", "student_guardian", "teaching_group_member", "note"}
    ),
    Topic.ATTENDANCE: frozenset({"register", "attendance_mark", "register_archive", "attendance_mark_archive"}),
    Topic.CARE: frozenset({"alert", "alert_decision", "risk_profile", "intervention_case", "case_step", "case_event"}),
    Topic.INCIDENTS: frozenset({"incident"}),
    Topic.MARKS: frozenset({"assessment", "assessment_result"}),
    Topic.FIGURES: frozenset({"form_day", "student_figures"}),
}
# What no page that is kept shows: the audit log and what goes with it, jobs, imports, log-ins and their links, what is
# found by a search, and when somebody last looked, which is part of the key of the page that says it.
NOT_SHOWN = frozenset(
    {"audit_log", "audit_log_staging", "audit_log_archive", "audit_archive_run", "audit_archive_lease", "audit_seal"}
    | {"audit_seal_run", "audit_cold_file", "audit_cold_day", "refusal_tally", "retention_rule", "legal_hold"}
    | {"history_export", "job_run", "replica_beat", "roster_import", "roster_import_problem", "operator_entry"}
    | {"password_link", "last_look", "student_name_entry", "summary_due", "summary_state"}
)
# Topics whose changes concern single students, and so the pages of their forms alone.
BY_FORM = frozenset({Topic.STUDENTS, Topic.ATTENDANCE, Topic.CARE, Topic.INCIDENTS})
# Who may see what follows from these: a page that is older than a change of them is shown to nobody, not even for the
# moment in which it is made anew.
STRICT = frozenset({Topic.SCHOOL, Topic.STAFF, Topic.STUDENTS})
# Rows that name no student: the column that leads to the row that does, and its table.
PARENTS = {
    "case_step": ("case_id", "intervention_case"),
    "case_event": ("case_id", "intervention_case"),
    "alert_decision": ("alert_id", "alert"),
}


@cache
def topic_of(table: str) -> Topic | None:
    """The topic of a table; None for one that no kept page shows."""
    return next((topic for topic, tables in TABLES.items() if table in tables), None)


def version(topic: Topic) -> str:
    """The version that every change of a topic in the school raises: of pages about several forms."""
    return topic.value


def version_of_form(topic: Topic, form_id: int) -> str:
    """The version that changes of the students of one form raise."""
    return f"{topic.value}:f{form_id}"


def version_of_all_forms(topic: Topic) -> str:
    """The version that changes raise of which it is not known whom they concern."""
    return f"{topic.value}:*"


def versions_of_forms(topics: Collection[Topic], form_ids: Collection[int]) -> tuple[str, ...]:
    """The versions that a page about the students of some forms is made of."""
    return tuple(
        name
        for topic in sorted(topics)
        for name in (
            version_of_all_forms(topic),
            *(version_of_form(topic, form_id) for form_id in sorted(form_ids)),
        )
    )


def is_strict(name: str) -> bool:
    """Whether a version is of a topic from which follows who may see a page."""
    return name.partition(":")[0] in STRICT
