"""A school's newest seal as a file, to be kept where nobody here can change it.

school_app.features registers it.
"""

from __future__ import annotations

from flask import Response

from school_app.audit import seals
from school_app.audit.events import Event
from school_app.audit.routes import blueprint
from school_app.audit.seal_texts import seal_text
from school_app.audit.service import record
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.permissions import Permission, requires


@blueprint.get("/audit/seal")
@requires(Permission.AUDIT_VIEW)
def seal() -> Response:
    """The newest seal as a text whose SHA-256 is the seal's hash; the hash is in the file's name as well."""
    found = seals.newest(db.session)
    if found is None:
        raise NotFound("seal")
    record(db.session, Event.EXPORTED, reason=f"the seal of {found.day}, {found.hash}")
    answer = Response(seal_text(found), mimetype="text/plain")
    answer.headers["Content-Disposition"] = f'attachment; filename="seal-{found.day}-{found.hash}.txt"'
    db.session.commit()
    return answer
