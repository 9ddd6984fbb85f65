"""The pages of alerts.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("alerts", __name__)
