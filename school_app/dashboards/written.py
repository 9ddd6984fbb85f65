"""The notes on a form's students, and the incidents, that its home tells of in several sections: each read at once.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, null, select, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.behaviour.models import Incident, IncidentKind
from school_app.core.lasting import lasting
from school_app.students.models import Note, NoteKind

AnySession = Session | scoped_session[Any]
Rows = Sequence[Any]
CONTACT, NEWS, LAST, POSITIVE = "contact", "news", "last", "positive"
MOST_NEWS, MOST_POSITIVE = 20, 3
IDS: Any = bindparam("ids", expanding=True)


@dataclass(frozen=True, slots=True)
class Notes:
    """Contacts with the homes, oldest first; what others have written since, newest first; and when the last was."""

    contacts: Rows
    news: Rows
    last: dict[int, datetime]


@dataclass(frozen=True, slots=True)
class Incidents:
    """Incidents recorded since a moment, and the latest positive records of some days; each newest first."""

    news: Rows
    positive: Rows


def notes_on(
    session: AnySession, ids: Sequence[int], *, contacts_since: datetime, since: datetime, viewer_id: int
) -> Notes:
    """The notes on some students, but for those that were withdrawn; one statement."""
    values = {"ids": ids, "contacts_since": contacts_since, "since": since, "viewer_id": viewer_id}
    rows = session.execute(NOTES, values).all()
    return Notes(
        sorted((row for row in rows if row.what == CONTACT), key=lambda row: (row.created_at, row.id)),
        sorted((row for row in rows if row.what == NEWS), key=lambda row: (row.created_at, row.id), reverse=True),
        {row.student_id: row.created_at for row in rows if row.what == LAST},
    )


def incidents_of(session: AnySession, ids: Sequence[int], *, since: datetime, positive_since: date) -> Incidents:
    """The incidents of some students, but for those that were withdrawn; one statement."""
    rows = session.execute(INCIDENTS, {"ids": ids, "since": since, "positive_since": positive_since}).all()
    return Incidents(
        sorted((row for row in rows if row.what == NEWS), key=lambda row: (row.recorded_at, row.id), reverse=True),
        sorted((row for row in rows if row.what == POSITIVE), key=lambda row: (row.occurred_on, row.id), reverse=True),
    )


def _notes(what: str) -> Any:
    columns = (Note.id, Note.student_id, Note.created_at, Note.author_name, Note.is_restricted, Note.body)
    return select(literal(what).label("what"), *columns).where(Note.student_id.in_(IDS), Note.withdrawn_at.is_(None))


def _incidents(what: str) -> Any:
    return select(
        *(literal(what).label("what"), Incident.id, Incident.student_id, Incident.kind, Incident.category),
        *(Incident.description, Incident.recorded_at, Incident.occurred_on),
    ).where(Incident.student_id.in_(IDS), Incident.withdrawn_at.is_(None))


def _few(statement: Any, key: Any, most: int) -> Any:
    """The first rows of a statement, for a union: SQLite takes no LIMIT in its parts, but in what they select from.

    Which they are is found by their keys alone: rows with texts in them a server sorts on the disk.
    """
    few = statement.with_only_columns(key.label("id")).limit(most).subquery()
    return select(*statement.selected_columns).join(few, few.c.id == key)


_LAST = (
    select(literal(LAST), null(), Note.student_id, func.max(Note.created_at), null(), null(), null())
    .where(Note.student_id.in_(IDS), Note.withdrawn_at.is_(None))
    .group_by(Note.student_id)
)
_OTHERS = _notes(NEWS).where(Note.created_at > bindparam("since"), Note.author_id != bindparam("viewer_id"))
NOTES = lasting(
    union_all(
        _notes(CONTACT).where(Note.kind == NoteKind.CONTACT, Note.created_at >= bindparam("contacts_since")),
        _few(_OTHERS.order_by(Note.created_at.desc(), Note.id.desc()), Note.id, MOST_NEWS),
        _LAST,
    )
)
_POSITIVE = _incidents(POSITIVE).where(
    Incident.kind == IncidentKind.POSITIVE, Incident.occurred_on >= bindparam("positive_since")
)
INCIDENTS = lasting(
    union_all(
        _few(
            _incidents(NEWS)
            .where(Incident.recorded_at > bindparam("since"))
            .order_by(Incident.recorded_at.desc(), Incident.id.desc()),
            Incident.id,
            MOST_NEWS,
        ),
        _few(_POSITIVE.order_by(Incident.occurred_on.desc(), Incident.id.desc()), Incident.id, MOST_POSITIVE),
    )
)
