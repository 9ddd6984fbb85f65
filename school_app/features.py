"""Every feature's blueprint, in the order in which addresses are matched.

create_app() registers them.
"""

from __future__ import annotations

from importlib import import_module

from flask import Blueprint

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
    "audit",
    "operations",
)


def blueprints() -> list[Blueprint]:
    """The blueprints, one for each feature that has pages."""
    return [import_module(f"school_app.{name}.routes").blueprint for name in ROUTES]
