"""A refusal is recorded too: who asked for what they may not have, or for what is another's.

core.pages calls record_refusal() after the request's own work was rolled back, so it commits its own row. Of a flood of
refusals the first of each minute stand singly and the rest is counted; the scheduler writes the count down.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from flask import request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.audit import capture
from school_app.audit.events import Event
from school_app.audit.models import RefusalTally
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.acting import acting
from school_app.core.db import db
from school_app.core.tenancy import current_school, rows_of_any_school

AnySession = Session | scoped_session[Any]
# How many refusals of one account in one minute stand singly: nobody who works meets as many.
SINGLY = 20
MINUTE = timedelta(minutes=1)
BATCH = 500


def record_refusal(status: int, sentence: str) -> None:
    """Write one row for a 403 or 404 that a person met, with the address they asked for; past SINGLY only count it."""
    if _counted(db.session) <= SINGLY:
        record(
            db.session,
            Event.REFUSED,
            reason=f"{status} {request.method} {request.path}",
        )
    db.session.commit()


def _counted(session: AnySession) -> int:
    """Count a refusal of who is acting; returns how many this minute has by now."""
    # Operators meet refusals outside of any school.
    with rows_of_any_school(cast(Session, session)):
        tally = _tally(session)
        tally.refused += 1
        session.flush()
        return tally.refused


def _tally(session: AnySession) -> RefusalTally:
    origin, minute = acting(session), clock.now().replace(second=0, microsecond=0)
    key = {"account_id": origin.actor_id, "minute": minute, "school_id": current_school(session)}
    statement = select(RefusalTally).filter_by(**key).order_by(RefusalTally.id).limit(1).with_for_update()
    found = session.scalar(statement)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            made = RefusalTally(**key, actor_name=origin.actor_name, ip=origin.ip, refused=0)
            session.add(made)
            session.flush()
    except IntegrityError:
        # The same person's other request was a moment faster.
        return session.scalars(statement).one()
    return made


def tell_refusals(session: AnySession) -> int:
    """Write one row for each account and minute past with more refusals than stand singly; returns how many rows.

    The session sees all schools. Count and row go in one transaction, which the caller commits.
    """
    over = RefusalTally.minute <= clock.now() - MINUTE
    tallies = session.scalars(select(RefusalTally).where(over).order_by(RefusalTally.id).limit(BATCH).with_for_update())
    rows = []
    for one in tallies.all():
        if one.refused > SINGLY:
            rows.append(_summary(session, one))
        session.delete(one)
    session.flush()
    if rows:
        capture.write(cast(Session, session), rows)
    return len(rows)


def _summary(session: AnySession, tally: RefusalTally) -> dict[str, Any]:
    more = tally.refused - SINGLY
    return capture.row(
        cast(Session, session),
        Event.REFUSED_OFTEN,
        school_id=tally.school_id,
        actor_id=tally.account_id,
        actor_name=tally.actor_name,
        ip=tally.ip,
        reason=f"{more} more in the minute from {tally.minute:%Y-%m-%d %H:%M} UTC, after {SINGLY} that stand singly",
    )
