"""Whether a hold keeps a file, asked so that none can be set until the asking transaction ends.

audit.retention.destroying asks, inside all_schools().
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold import files
from school_app.audit.cold.models import ColdFile
from school_app.audit.cold.store import Store
from school_app.audit.retention.models import LegalHold
from school_app.audit.slugs import school_table

AnySession = Session | scoped_session[Any]


def holding(session: AnySession, place: Store, listed: ColdFile) -> str | None:
    """Why a hold keeps a file, or None. Raises DamagedFile where the file has to be read and cannot be."""
    if listed.school_id is None:
        return None
    # A hold's foreign key asks for this row; whoever writes one waits, and one that is being written is waited for.
    schools = school_table()
    session.execute(select(schools.c.id).where(schools.c.id == listed.school_id).with_for_update())
    return held_by(session, place, listed)


def held_by(session: AnySession, place: Store, listed: ColdFile) -> str | None:
    """As holding(), of this moment only: nothing is locked, so that a hold may come a moment later."""
    statement = select(LegalHold).where(LegalHold.school_id == listed.school_id, LegalHold.released_at.is_(None))
    standing = session.scalars(statement, execution_options={"populate_existing": True}).all()
    for hold in standing:
        if hold.student_id is None:
            return f"hold {hold.id} on the school, {hold.reason}"
    named = {hold.student_id: hold for hold in standing}
    if not named or not place.has(listed.path):
        return None
    for student_id in sorted(files.students_in(place, listed.path) & named.keys()):
        return f"hold {named[student_id].id} on student {student_id}, {named[student_id].reason}"
    return None
