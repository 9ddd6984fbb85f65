"""Setting how long data is kept, and setting and releasing holds. Every change is an audited row of its own.

Routes and commands call it; it never commits.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.queries import period_of
from school_app.audit.retention.rules import DataClass, InvalidRetention, checked, checked_reason
from school_app.core import clock
from school_app.core.errors import NotFound

AnySession = Session | scoped_session[Any]


def set_period(
    session: AnySession, data_class: DataClass, *, school_id: int | None, years: int, source: str, by: str
) -> RetentionRule:
    """Say how long a class of data is kept by a school, or, with None, wherever a school says nothing else.

    Works inside all_schools(). Raises InvalidRetention.
    """
    if school_id is not None and data_class is not DataClass.SCHOOL_LOG:
        raise InvalidRetention("A school says how long its own log is kept; the platform says the rest.")
    asked, now = checked(years, source), clock.now()
    if school_id is not None and asked.years < (least := period_of(session, data_class, None)).years:
        raise InvalidRetention(
            f"Years: enter {least.years} or more; the platform keeps every school’s log for so long: {least.source}"
        )
    holds_now = period_of(session, data_class, school_id).years
    rule = session.scalar(
        select(RetentionRule)
        .where(RetentionRule.school_id.is_not_distinct_from(school_id), RetentionRule.data_class == data_class)
        .with_for_update()
    )
    if rule is None:
        rule = RetentionRule(school_id=school_id, data_class=data_class, years=holds_now, years_before=holds_now)
        session.add(rule)
    if rule.years != asked.years or rule.id is None:
        rule.years, rule.years_before, rule.changed_at = asked.years, holds_now, now
    rule.source, rule.changed_by_name = asked.source, by
    session.flush()
    return rule


def set_hold(session: AnySession, *, school_id: int, student_id: int | None, reason: str, by: str) -> LegalHold:
    """Stop the destruction of a school's log, or of files that name one of its students. Raises InvalidRetention.

    Once it is committed, no file of these is removed any more.
    """
    hold = LegalHold(
        school_id=school_id, student_id=student_id, reason=checked_reason(reason, "Reason"), set_by_name=by
    )
    try:
        with session.begin_nested():
            session.add(hold)
            session.flush()
    except IntegrityError:
        raise InvalidRetention("Student: this school has no student of that number.") from None
    return hold


def release_hold(session: AnySession, hold_id: int, *, reason: str, by: str) -> LegalHold:
    """Let a hold go; what it held may be destroyed by the next run. Raises NotFound or InvalidRetention."""
    hold = session.get(LegalHold, hold_id)
    if hold is None or hold.released_at is not None:
        raise NotFound("hold")
    hold.released_because = checked_reason(reason, "Reason")
    hold.released_at, hold.released_by_name = clock.now(), by
    session.flush()
    return hold
