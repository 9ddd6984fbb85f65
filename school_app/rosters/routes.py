"""The pages of rosters.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("rosters", __name__)
