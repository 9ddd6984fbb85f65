"""What stands in the header: the pages that a person may open, the account's menu, and the school an operator is in.

create_app() installs it; templates/base.html prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, request, url_for
from flask_login import current_user

from school_app.core.permissions import Permission, Viewer


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the navigation: its word, its address, and whether the person is on it."""

    label: str
    url: str
    active: bool


# Word, endpoint, the permissions of which it needs one.
PAGES: tuple[tuple[str, str, *tuple[Permission, ...]], ...] = (
    ("Home", "dashboards.home", Permission.HOME_VIEW),
    ("Registers", "attendance.index", Permission.REGISTER_TAKE, Permission.SCHOOL_FIGURES),
    ("Students", "students.index", Permission.STUDENT_VIEW),
    ("Alerts", "alerts.index", Permission.ALERT_VIEW),
    ("Cases", "cases.index", Permission.CASE_VIEW),
    ("Figures", "summaries.index", Permission.ALERT_VIEW),
    ("Marks", "marks.index", Permission.MARK_ENTER),
    ("Incidents", "behaviour.index", Permission.INCIDENT_RECORD, Permission.SCHOOL_FIGURES),
    ("Set-up", "schools.setup", Permission.FORMS_MANAGE),
    ("History", "audit.history", Permission.AUDIT_VIEW),
    ("Retention", "audit.retention", Permission.AUDIT_VIEW),
    ("Schools", "operations.schools", Permission.PLATFORM_SCHOOLS),
    ("Jobs", "operations.jobs", Permission.PLATFORM_JOBS),
    ("Archive", "operations.audit_runs", Permission.PLATFORM_JOBS),
    ("Retention", "audit.platform_retention", Permission.PLATFORM_RETENTION),
)


# Blueprints with more than one page in the header.
SEVERAL_LISTS = {"dashboards", "operations", "schools"}
OWN_ACCOUNT = "Password and log-ins"


def init_app(app: Flask) -> None:
    """Give every template its navigation."""
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    person = current_user._get_current_object() if current_user else None
    if not isinstance(person, Viewer):
        return {"nav": [], "account_links": [], "visit": None, "searchable": False}
    return {
        "nav": [
            Entry(label, url_for(endpoint), _is_here(endpoint))
            for label, endpoint, *permissions in PAGES
            if any(person.may(permission) for permission in permissions)
        ],
        "account_links": [Entry(OWN_ACCOUNT, url_for("accounts.password"), request.endpoint == "accounts.password")],
        "visit": _visit(person),
        "searchable": person.may(Permission.STUDENT_VIEW),
    }


def _is_here(endpoint: str) -> bool:
    """Whether the page asked for is that of an endpoint, or lies behind it: a student's behind the list of students."""
    if request.endpoint == endpoint:
        return True
    if request.path.startswith("/admin/"):
        return endpoint == "schools.setup"
    if request.blueprint in SEVERAL_LISTS:
        return request.endpoint == endpoint
    return request.blueprint == endpoint.partition(".")[0]


def _visit(person: Viewer) -> dict[str, str] | None:
    school = g.get("school")
    if not person.entered_as_operator or school is None:
        return None
    return {"school_name": school.name, "leave_url": url_for("accounts.leave_school")}
