"""Every feature's blueprint, in the order in which addresses are matched, and what one feature gives another.

create_app() registers them.
"""

from __future__ import annotations

from importlib import import_module

from flask import Blueprint

from school_app.alerts.sources import Sources
from school_app.attendance.queries import attendance_facts_of
from school_app.behaviour.queries import behaviour_facts_of
from school_app.marks.queries import marks_facts_of

ROUTES = (
    "accounts",
    "dashboards",
    "attendance",
    "students",
    "alerts",
    "cases",
    "marks",
    "behaviour",
    "schools",
    "rosters",
    "summaries",
    "years",
    "audit",
    "operations",
)

# Modules that add their pages to a blueprint of the list above.
MORE_ROUTES = (
    "accounts.staff_routes",
    "alerts.thresholds_routes",
    "audit.retention_routes",
    "audit.seal_routes",
    "attendance.codes_routes",
    "dashboards.student_page",
    "dashboards.notes_page",
    "dashboards.case_page",
    "dashboards.search",
    "history.routes",
    "history.export_routes",
)


def blueprints() -> list[Blueprint]:
    """The blueprints, one for each feature that has pages."""
    for name in MORE_ROUTES:
        import_module(f"school_app.{name}")
    return [import_module(f"school_app.{name}.routes").blueprint for name in ROUTES]


def fact_sources() -> Sources:
    """Where alerts gets its facts: the features that hold them lie above it and are handed in."""
    return Sources(attendance_facts_of, behaviour_facts_of, marks_facts_of)
