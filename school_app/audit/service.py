"""Recording what happened, beside the changes that capture writes by itself.

Services and routes of any feature call record(); it never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from sqlalchemy.orm import Session, scoped_session

from school_app.audit import capture
from school_app.audit.events import Event
from school_app.core.tenancy import current_school

REASON_LENGTH = 500
AnySession = Session | scoped_session[Any]


def record(
    session: AnySession,
    event: Event,
    subject: Any = None,
    *,
    reason: str | None = None,
    student_id: int | None = None,
    changes: dict[str, Any] | None = None,
    school_id: int | None = None,
) -> None:
    """Write one audit row in the session's transaction.

    `subject` is the model instance it is about, already flushed; its student is found by itself. `school_id` is only
    for events of the platform that concern a school; otherwise it is the session's.
    """
    session.flush()
    if student_id is None and subject is not None:
        is_student = subject.__tablename__ == "student"
        student_id = subject.id if is_student else getattr(subject, "student_id", None)
    values = capture.row(
        cast(Session, session),
        event,
        school_id=school_id if school_id is not None else current_school(session),
        entity_type=None if subject is None else subject.__tablename__,
        entity_id=None if subject is None else subject.id,
        student_id=student_id,
        changes=changes,
        reason=None if reason is None else reason[:REASON_LENGTH],
    )
    capture.write(cast(Session, session), [values])


def together(session: AnySession) -> AbstractContextManager[None]:
    """Have the audit rows of what is done within written in one statement; see capture.written_together()."""
    return capture.written_together(cast(Session, session))


def record_each(session: AnySession, event: Event, subjects: Sequence[Any], *, reason: str) -> None:
    """Write one audit row for each of some instances, as record() does for one, in one statement."""
    session.flush()
    rows = [
        capture.row(
            cast(Session, session),
            event,
            school_id=current_school(session),
            entity_type=one.__tablename__,
            entity_id=one.id,
            student_id=one.id if one.__tablename__ == "student" else getattr(one, "student_id", None),
            reason=reason[:REASON_LENGTH],
        )
        for one in subjects
    ]
    if rows:
        capture.write(cast(Session, session), rows)
