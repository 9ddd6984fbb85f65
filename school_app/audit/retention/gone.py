"""What of a year no run brings back: files that were destroyed or given up, in sentences.

`flask audit restore` tells them. All of it works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.events import Event
from school_app.audit.models import fields_of
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.retention.evidence import ABOUT
from school_app.audit.sources import TABLES
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]


def gone(session: AnySession, files: Sequence[ColdFile]) -> Iterator[str]:
    """One sentence for each of some files that is destroyed or given up: its name, its rows, and why."""
    ended = [one for one in files if one.status is ColdStatus.DESTROYED]
    judged = Destroyed(session) if ended else None
    lawful = {one.id for one in judged.files} if judged else set()
    for one in files:
        if one.status is ColdStatus.LOST and one.holds_alone:
            yield f"{one.path} was given up as damaged or gone; it held {counted(one.rows, 'row')}."
        elif one.id in lawful:
            yield f"{one.path} was destroyed on {one.destroyed_at:%Y-%m-%d}, lawfully: {_why(session, one)}"
        elif one.status is ColdStatus.DESTROYED:
            yield (
                f"{one.path} is said to be destroyed, with {counted(one.rows, 'row')}, and what is on record does not"
                " allow it: flask audit verify says why."
            )


def _why(session: AnySession, one: ColdFile) -> str:
    """What the log says of a destruction, as far as it is in the database still."""
    at = one.destroyed_at or clock.now()
    for table in TABLES:
        statement = select(table.c.reason, table.c.changes).where(
            table.c.school_id.is_not_distinct_from(one.school_id),
            table.c.event == str(Event.ROWS_DESTROYED),
            table.c.created_at.between(at - ABOUT, at + ABOUT),
        )
        for reason, changes in session.execute(statement):
            if reason and fields_of(changes).get("path") == [None, one.path]:
                return str(reason)
    return f"{counted(one.rows, 'row')}; the reason stands in the history of that day."
