"""The set-up of a school: what its admins keep.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint, render_template

from school_app.core.permissions import Permission, requires

blueprint = Blueprint("schools", __name__)


@blueprint.get("/admin")
@requires(Permission.FORMS_MANAGE)
def setup() -> str:
    """Everything that an admin sets up, one link each."""
    return render_template("schools/setup.html")
