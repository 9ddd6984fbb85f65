"""The pages of schools.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("schools", __name__)
