"""The blueprint of the history's pages. They stand in history/, which names people and things that lie above audit/.

school_app.features registers it.
"""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("audit", __name__)
