"""The pages of students.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("students", __name__)
