"""The pages of accounts.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("accounts", __name__)
