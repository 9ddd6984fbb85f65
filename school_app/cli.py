"""The flask command groups; they parse, call services, commit and print.

create_app() installs them.
"""

from __future__ import annotations

from importlib import import_module

from click import Group
from flask import Flask

from school_app.rosters.commands import import_calendar

GROUPS = (
    "accounts",
    "schools",
    "students",
    "rosters",
    "alerts",
    "audit",
    "operations",
    "summaries",
    "years",
    "dashboards",
    "demo",
)


def init_app(app: Flask) -> None:
    """Register the command groups of the features that have some."""
    for feature in GROUPS:
        for group in import_module(f"school_app.{feature}.commands").GROUPS:
            app.cli.add_command(group)
    schools = app.cli.commands["schools"]
    if isinstance(schools, Group):
        schools.add_command(import_calendar)
