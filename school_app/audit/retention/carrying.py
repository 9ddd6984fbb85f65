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
from school_app.audit.models import fields_of
from school_app.audit.retention.evidence import SAYS_HOLD, Evidence, disagreement
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.records import HOLD, RULE, Record, carried_in_tables, in_file, to_carry
from school_app.audit.service import record
from school_app.audit.sources import TABLES
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# Less than the year that rows spend in the database at least, so that no cold file is asked for the latest statement.
FRESH = timedelta(days=300)


def restate(session: AnySession, place: Store) -> list[str]:
    """State rules, and holds on schools, again of which the log has said nothing for long.

    So each is always said in a newer row than any that it lets go or keeps. Returns what keeps some from it.
    """
    rules = [one for one in session.scalars(select(RetentionRule)).all() if not _is_fresh(session, one, "years")]
    standing = select(LegalHold).where(LegalHold.released_at.is_(None), LegalHold.student_id.is_(None))
    for hold in [one for one in session.scalars(standing).all() if not _is_fresh(session, one, "set_at")]:
        changes = {"set_at": [None, hold.set_at.isoformat()]}
        record(session, Event.HOLD_RESTATED, hold, changes=changes, school_id=hold.school_id)
    if not rules:
        return []
    evidence = Evidence(session, place)
    # Whoever changes a rule from here on waits until what is stated of it is committed.
    mine = select(RetentionRule).where(RetentionRule.id.in_([one.id for one in rules])).with_for_update()
    rules = list(session.scalars(mine, execution_options={"populate_existing": True}))
    evidence.look_again()
    return [one for one in (_restated(session, evidence, rule) for rule in rules) if one is not None]


def _restated(session: AnySession, evidence: Evidence, rule: RetentionRule) -> str | None:
    """State a rule again; returns why not, where the table does not say what the log says."""
    wrong = disagreement(session, evidence, rule.data_class, rule.school_id)
    said = evidence.said.get((rule.school_id, rule.data_class), [])
    if wrong is None and (not said or said[-1].years != rule.years):
        wrong = (
            f"Rule of retention {rule.id} says {counted(rule.years, 'year')}, and the history of it does not."
            " Set other years, and then those."
        )
    if wrong is None:
        changes = {"data_class": [None, rule.data_class.value], "years": [None, rule.years]}
        record(session, Event.RULE_RESTATED, rule, changes=changes, school_id=rule.school_id)
    return wrong


def _is_fresh(session: AnySession, thing: RetentionRule | LegalHold, name: str) -> bool:
    """Whether a row of the last days says what a rule or hold is, its `name` among it."""
    since = clock.now() - FRESH
    for columns in (table.c for table in TABLES):
        statement = select(columns.changes).where(
            columns.entity_type == thing.__tablename__, columns.entity_id == thing.id, columns.created_at >= since
        )
        if any(name in fields_of(one) for one in session.scalars(statement)):
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
    found = carried_in_tables(session, listed.school_id)
    return {one.told: one for one in found if one.of_file == listed.path}


def _is_to_carry(one: Record) -> bool:
    if one.entity_type == RULE:
        return "years" in one.facts
    if one.entity_type == HOLD:
        return one.facts.get("student_id") is None and (one.event in SAYS_HOLD or "released_at" in one.facts)
    return True
