"""A refusal is recorded too: who asked for what they may not have, or for what is another's.

core.pages calls it after the request's own work was rolled back, so it commits its own row.
"""

from __future__ import annotations

from flask import request

from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core.db import db


def record_refusal(status: int, sentence: str) -> None:
    """Write one row for a 403 or 404 that a person met, with the address they asked for."""
    record(
        db.session,
        Event.REFUSED,
        reason=f"{status} {request.method} {request.path}",
    )
    db.session.commit()
