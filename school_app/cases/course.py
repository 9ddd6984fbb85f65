"""The course of a case: what was done in it, by whom and in what words, for whoever works on it next.

cases.service writes it; the pages of cases and students read it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.cases.models import Case, CaseEvent, CaseEventKind
from school_app.core.acting import By
from school_app.core.lasting import lasting

AnySession = Session | scoped_session[Any]
MOST_EVENTS = 100


def tell(
    session: AnySession,
    case: Case,
    kind: CaseEventKind,
    *,
    by: By,
    text: str | None = None,
    once: str | None = None,
    **more: Any,
) -> CaseEvent:
    """Add to a case's course what was just done in it; `more` are the columns that its kind has."""
    event = CaseEvent(
        case_id=case.id,
        kind=kind,
        text=text,
        tier=case.tier,
        done_by=by.id,
        done_by_name=by.name,
        once=once,
        **more,
    )
    session.add(event)
    session.flush()
    return event


def told(session: AnySession, once: str | None) -> CaseEvent | None:
    """What a form that is sent again has done before; None where it is new, or has no name."""
    return None if once is None else session.scalar(select(CaseEvent).where(CaseEvent.once == once))


def last_of(session: AnySession, case: Case, kind: CaseEventKind) -> CaseEvent | None:
    """The latest event of a kind in a case."""
    statement = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind == kind)
    return session.scalar(statement.order_by(CaseEvent.happened_at.desc(), CaseEvent.id.desc()).limit(1))


def courses_of(session: AnySession, case_ids: Collection[int]) -> dict[int, list[CaseEvent]]:
    """The latest hundred events of some cases, the latest first; one statement."""
    found: dict[int, list[CaseEvent]] = {case_id: [] for case_id in case_ids}
    for event in session.scalars(EVENTS, {"ids": list(case_ids)}):
        found[event.case_id].append(event)
    return found


EVENTS = lasting(
    select(CaseEvent)
    .where(CaseEvent.case_id.in_(bindparam("ids", expanding=True)))
    .order_by(CaseEvent.happened_at.desc(), CaseEvent.id.desc())
    .limit(MOST_EVENTS)
)
