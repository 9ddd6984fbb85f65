"""Notes on students: written, read, and kept from those who may only know that they exist.

Routes of students/ and of the features above call these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import DomainError, NotFound
from school_app.core.fingerprint import once_of
from school_app.core.lasting import lasting
from school_app.students.models import Note, NoteKind, Student

AnySession = Session | scoped_session[Any]
LONGEST = 4000
REASON_LENGTH = 500
LEAST_REASON = 3
CONTACT_WORDS = {"spoke": "Spoke with the home", "no_answer": "No answer", "message_sent": "Message sent"}
KIND_WORDS = {NoteKind.GENERAL: "Note", NoteKind.CONTACT: "Contact", NoteKind.MEETING: "Meeting"}


class InvalidNote(DomainError):
    """A note that cannot be kept; str() says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A note as one reader sees it; `body` is None where the note is restricted and the reader may not read it.

    `withdrawn` says by whom and why it was withdrawn; its body is then nobody's to read.
    """

    id: int
    kind: str
    body: str | None
    is_restricted: bool
    author_id: int
    author_name: str
    created_at: datetime
    case_id: int | None
    withdrawn: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a note says; `case_id` where it belongs to a case."""

    body: str
    kind: NoteKind = NoteKind.GENERAL
    is_restricted: bool = False
    case_id: int | None = None


def add_note(session: AnySession, student_id: int, draft: Draft, *, by: By, once: str = "") -> Note:
    """Keep a note on a student; the caller has checked that the student is in the writer's care.

    `once` names the form that was posted: posted again, it finds the note it has made.
    """
    note, _ = _keep(session, student_id, draft, by=by, once=once)
    return note


def log_contact(session: AnySession, student_id: int, *, outcome: str, text: str, by: By, once: str = "") -> Note:
    """Keep that the home was called, and with what outcome: spoke, no_answer or message_sent."""
    if outcome not in CONTACT_WORDS:
        raise InvalidNote("Contact: choose how it went.")
    said = text.strip()
    body = f"{CONTACT_WORDS[outcome]}: {said}" if said else f"{CONTACT_WORDS[outcome]}."
    note, is_new = _keep(session, student_id, Draft(body, NoteKind.CONTACT), by=by, once=once)
    if is_new:
        record(session, Event.CONTACT_LOGGED, note, reason=CONTACT_WORDS[outcome])
    return note


def _keep(session: AnySession, student_id: int, draft: Draft, *, by: By, once: str) -> tuple[Note, bool]:
    # A browser sends a line's end as two characters and counts it as one.
    body = draft.body.replace("\r\n", "\n").strip()
    if not body:
        raise InvalidNote("Note: write something; it cannot be empty.")
    if len(body) > LONGEST:
        raise InvalidNote(f"Note: {len(body)} characters are too many; keep to {LONGEST}.")
    key = once_of(once, student_id, draft.case_id, draft.kind.value, draft.is_restricted, body)
    made = _made_before(session, student_id, key)
    if made is not None:
        return made, False
    note = Note(
        student_id=student_id,
        case_id=draft.case_id,
        kind=draft.kind,
        is_restricted=draft.is_restricted,
        body=body,
        author_id=by.id,
        author_name=by.name,
        once=key,
    )
    session.add(note)
    session.flush()
    return note, True


def _made_before(session: AnySession, student_id: int, key: str | None) -> Note | None:
    if key is None:
        return None
    # The student's row is locked, so that of two equal forms the second finds what the first has made.
    session.execute(select(Student.id).where(Student.id == student_id).with_for_update())
    return session.scalar(select(Note).where(Note.once == key))


def notes_on(
    session: AnySession, student_id: int, *, reads_restricted: bool, case_id: int | None = None, limit: int = 100
) -> Sequence[Shown]:
    """The newest notes on a student, or those of one case. That restricted ones were read is recorded."""
    statement = ON_STUDENT if case_id is None else OF_CASE
    rows = session.scalars(statement, {"student_id": student_id, "case_id": case_id, "most": limit}).all()
    restricted = [str(one.id) for one in rows if one.is_restricted and one.withdrawn_at is None]
    if restricted and reads_restricted:
        record(session, Event.NOTE_READ, student_id=student_id, reason=f"restricted: {', '.join(restricted)}")
    return [_shown(one, reads_restricted=reads_restricted) for one in rows]


def _newest(*narrower: Any) -> Any:
    return (
        select(Note)
        .where(Note.student_id == bindparam("student_id"), *narrower)
        .order_by(Note.created_at.desc(), Note.id.desc())
        .limit(bindparam("most", type_=Integer))
    )


ON_STUDENT = lasting(_newest())
OF_CASE = lasting(_newest(Note.case_id == bindparam("case_id")))


def _shown(one: Note, *, reads_restricted: bool) -> Shown:
    withdrawn = f"withdrawn by {one.withdrawn_by_name}: {one.withdrawn_because}" if one.withdrawn_at else None
    readable = withdrawn is None and (reads_restricted or not one.is_restricted)
    return Shown(
        one.id,
        KIND_WORDS[one.kind],
        one.body if readable else None,
        one.is_restricted,
        author_id=one.author_id,
        author_name=one.author_name,
        created_at=one.created_at,
        case_id=one.case_id,
        withdrawn=withdrawn,
    )


def withdraw_note(session: AnySession, note_id: int, *, reason: str, by: By) -> Note:
    """Withdraw one's own note, as one on the wrong child: it stays, and nobody reads it. NotFound for others'."""
    reason = reason.strip()
    if not LEAST_REASON <= len(reason) <= REASON_LENGTH:
        raise InvalidNote(f"Why: say it in {LEAST_REASON} to {REASON_LENGTH} characters.")
    note = session.scalar(select(Note).where(Note.id == note_id, Note.author_id == by.id).with_for_update())
    if note is None:
        raise NotFound("note")
    if note.withdrawn_at is None:
        note.withdrawn_at, note.withdrawn_by_name, note.withdrawn_because = clock.now(), by.name, reason
        record(session, Event.NOTE_WITHDRAWN, note, reason=reason)
    return note


def own_note(session: AnySession, note_id: int, account_id: int) -> Note:
    """A note that a person has written. Raises NotFound for every other."""
    note = session.scalar(select(Note).where(Note.id == note_id, Note.author_id == account_id))
    if note is None:
        raise NotFound("note")
    return note
