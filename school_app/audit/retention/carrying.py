"""Keeping what destructions are judged by: rules stated again in time, and records carried over from files that go.

audit.retention.destroying does both, inside all_schools(). Why is docs/decisions/0032.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdFile
from school_app.audit.cold.store import Store
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow, StagedAuditRow
from school_app.audit.retention.evidence import Evidence, disagreement
from school_app.audit.retention.models import RetentionRule
from school_app.audit.retention.records import HOLD, RULE, Record, in_file, in_tables, to_carry
from school_app.audit.service import record
from school_app.core import clock

AnySession = Session | scoped_session[Any]
# Less than the year that rows spend in the database at least, so that no cold file is asked for the latest statement.
FRESH = timedelta(days=300)


def restate(session: AnySession, place: Store) -> list[str]:
    """State rules again of which the log has said nothing for long; returns what keeps some from it.

    So a rule is always said in a newer row than any that it lets go.
    """
    old = [one for one in session.scalars(select(RetentionRule)).all() if not _is_fresh(session, one)]
    if not old:
        return []
    evidence, problems = Evidence(session, place), []
    for rule in old:
        wrong = disagreement(session, evidence, rule.data_class, rule.school_id)
        said = evidence.said.get((rule.school_id, rule.data_class), [])
        if wrong is None and (not said or said[-1].years != rule.years):
            wrong = f"Rule of retention {rule.id} says {rule.years} years, and the history of it does not. Set it anew."
        if wrong is not None:
            problems.append(wrong)
            continue
        changes = {"data_class": [None, rule.data_class.value], "years": [None, rule.years]}
        record(session, Event.RULE_RESTATED, rule, changes=changes, school_id=rule.school_id)
    return problems


def _is_fresh(session: AnySession, rule: RetentionRule) -> bool:
    since = clock.now() - FRESH
    for model in (AuditRow, StagedAuditRow, ArchivedAuditRow):
        statement = select(model.changes).where(
            model.entity_type == RULE, model.entity_id == rule.id, model.created_at >= since
        )
        if any("years" in (one or {}) for one in session.scalars(statement)):
            return True
    return False


def carry(session: AnySession, place: Store, listed: ColdFile) -> tuple[int, list[int]]:
    """Write down anew, in the log, the records that a file holds, unless they are; returns how many there are.

    The list is of rows that say they were carried over from it, where it does not say the same. Raises DamagedFile or
    ColdUnavailable.
    """
    wanted = {one.told: one for one in in_file(place, listed.path, listed.cold_before) if _is_to_carry(one)}
    there = carried_over(session, listed)
    for told, one in wanted.items():
        if told not in there:
            said, changes = f"It stood in {listed.path}.", to_carry(one, listed.path)
            record(session, Event.RECORD_CARRIED, reason=said, changes=changes, school_id=listed.school_id)
    return len(wanted), sorted(one.row_id for told, one in there.items() if told not in wanted)


def carried_over(session: AnySession, listed: ColdFile) -> dict[str, Record]:
    """What was carried over from a file already."""
    found = (one for one in in_tables(session) if one.of_file == listed.path and one.school_id == listed.school_id)
    return {one.told: one for one in found}


def _is_to_carry(one: Record) -> bool:
    if one.entity_type == RULE:
        return "years" in one.facts
    if one.entity_type == HOLD:
        return one.facts.get("student_id") is None and (one.event == Event.ROW_ADDED or "released_at" in one.facts)
    return True
