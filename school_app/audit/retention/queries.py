"""Reading the table of retention, the holds, and what was destroyed. All of it works inside all_schools().

Routes, commands and audit.retention itself use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DEFAULTS, LEAST_YEARS, NOTICE, DataClass, Period, in_force
from school_app.core import clock

AnySession = Session | scoped_session[Any]
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One class of data as it is kept now; `next_years` will hold from `next_on`, where a shorter time was set.

    `own_years` are the fewer ones that a school has set, where the platform's hold; `least` may be asked for.
    """

    data_class: DataClass
    years: int
    source: str
    is_own: bool
    changed_by: str | None
    changed_at: datetime | None
    next_years: int | None = None
    next_on: datetime | None = None
    own_years: int | None = None
    least: int = LEAST_YEARS


def table(session: AnySession, school_id: int | None) -> list[Line]:
    """The table of retention as a school sees it, or, with None, as the platform has set it."""
    classes = [DataClass.SCHOOL_LOG] if school_id is not None else list(DataClass)
    return [_line(session, one, school_id) for one in classes]


def period_of(session: AnySession, data_class: DataClass, school_id: int | None) -> Period:
    """How long a class of data is kept now, and by which rule."""
    line = _line(session, data_class, school_id)
    return Period(line.years, line.source)


def schools_with_their_own(session: AnySession) -> Sequence[int]:
    """The schools that have said how long their log is kept, by their ids."""
    statement = select(RetentionRule.school_id).where(RetentionRule.school_id.is_not(None)).distinct()
    return [one for one in session.scalars(statement.order_by(RetentionRule.school_id)) if one is not None]


def class_of(listed: ColdFile) -> DataClass:
    """The class of data that a cold file is of."""
    return DataClass.PLATFORM_LOG if listed.school_id is None else DataClass.SCHOOL_LOG


def _line(session: AnySession, data_class: DataClass, school_id: int | None) -> Line:
    found = _lines(session, data_class, school_id)
    # The platform's time holds for every school; one of its own can only be longer.
    line, least = found[0], found[-1]
    if line.years < least.years:
        line = replace(least, own_years=line.next_years or line.years)
    line = replace(line, least=LEAST_YEARS if school_id is None else least.years)
    target = max(one.next_years or one.years for one in found)
    if target == line.years:
        return replace(line, next_years=None, next_on=None)
    return replace(line, next_years=target, next_on=max(one.next_on for one in found if one.next_on is not None))


def _lines(session: AnySession, data_class: DataClass, school_id: int | None) -> list[Line]:
    """What a school has said, where it has, and what the platform says."""
    own = None if school_id is None else _said(session, data_class, school_id)
    platform = _said(session, data_class, None) or Line(data_class, *_preset(data_class), False, None, None)
    return [one for one in (own, replace(platform, is_own=platform.is_own and school_id is None)) if one is not None]


def _said(session: AnySession, data_class: DataClass, school_id: int | None) -> Line | None:
    rule = _rule(session, data_class, school_id)
    if rule is None:
        return None
    years = in_force(rule.years, rule.years_before, rule.changed_at, clock.now())
    later: dict[str, Any] = (
        {} if years == rule.years else {"next_years": rule.years, "next_on": rule.changed_at + NOTICE}
    )
    return Line(data_class, years, rule.source, True, rule.changed_by_name, rule.changed_at, **later)


def _preset(data_class: DataClass) -> tuple[int, str]:
    return DEFAULTS[data_class].years, DEFAULTS[data_class].source


def _rule(session: AnySession, data_class: DataClass, school_id: int | None) -> RetentionRule | None:
    return session.scalar(
        select(RetentionRule).where(
            RetentionRule.school_id.is_not_distinct_from(school_id), RetentionRule.data_class == data_class
        ),
        execution_options={"populate_existing": True},
    )


def holds(session: AnySession, school_id: int | None, *, released: bool = False) -> Sequence[LegalHold]:
    """The holds of a school, or of all with None, the latest first; with the released ones where asked for."""
    statement = select(LegalHold).order_by(LegalHold.set_at.desc(), LegalHold.id.desc()).limit(SHOWN)
    if school_id is not None:
        statement = statement.where(LegalHold.school_id == school_id)
    if not released:
        statement = statement.where(LegalHold.released_at.is_(None))
    return session.scalars(statement, execution_options={"populate_existing": True}).all()


def destroyed(session: AnySession, school_id: int | None) -> Sequence[ColdFile]:
    """What was destroyed of a school's log, or of all with None, the latest first."""
    statement = select(ColdFile).where(ColdFile.status == ColdStatus.DESTROYED)
    if school_id is not None:
        statement = statement.where(ColdFile.school_id == school_id)
    return session.scalars(statement.order_by(ColdFile.destroyed_at.desc(), ColdFile.id.desc()).limit(SHOWN)).all()
