"""Every field, choice and kind of thing in the history has a word, and values are told as a school writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import BigInteger, Enum, Integer, Table

from school_app.audit import words as audit_words
from school_app.audit.capture import REDACTED, SKIPPED, Audited
from school_app.audit.events import Event
from school_app.audit.queries import HistoryRow
from school_app.core.db import Base
from school_app.history import sentences
from school_app.history.fields import CHOICES, FIELDS, OWN
from school_app.history.names import NAMINGS, Names

AUDITED: dict[str, Table] = {
    mapper.local_table.name: mapper.local_table  # type: ignore[attr-defined]
    for mapper in Base.registry.mappers
    if issubclass(mapper.class_, Audited)
}
COLUMNS = [
    (table.name, column)
    for table in AUDITED.values()
    for column in table.columns
    if column.key not in SKIPPED and column.key != "school_id"
]
NAMES = Names(
    {("account", 5): "Hilda Head", ("attendance_code", 2): "Ill", ("form", 9): "9B"}, ZoneInfo("Europe/London")
)


def row(event: str = Event.ROW_CHANGED, **values: Any) -> HistoryRow:
    empty = dict.fromkeys(HistoryRow.__slots__)
    return HistoryRow(**{**empty, "id": 1, "created_at": datetime(2026, 5, 1, tzinfo=UTC), "event": event, **values})


def told(table: str, field: str, value: Any) -> str:
    return sentences.value_words(table, field, value, names=NAMES)


def test_there_are_audited_columns() -> None:
    assert len(COLUMNS) > 150


def test_every_audited_column_has_a_word() -> None:
    missing = {f"{table}.{column.key}" for table, column in COLUMNS if column.key not in FIELDS} - OWN.keys()
    assert missing == set(), "Say in history/fields.py what they are called."


def test_every_choice_of_an_audited_column_has_a_word() -> None:
    missing = {
        f"{table}.{column.key}: {member.value}"
        for table, column in COLUMNS
        if isinstance(column.type, Enum)
        for member in column.type.enum_class or ()
        if member.value not in CHOICES.get(f"{table}.{column.key}", {})
    }
    assert missing == set(), "Say in history/fields.py, under CHOICES, what they are called."


def test_every_kind_of_thing_has_a_word_and_names() -> None:
    assert AUDITED.keys() - NAMINGS.keys() == set(), "Say in history/names.py how they are named."
    assert {kind for kind in NAMINGS if "_" in kind} - audit_words.THINGS.keys() == set()


def test_every_event_has_a_word() -> None:
    assert {str(event) for event in Event} - audit_words.EVENTS.keys() == set()


def test_every_id_in_an_audited_column_is_known_to_be_one() -> None:
    numbers = {
        f"{table}.{column.key}"
        for table, column in COLUMNS
        if isinstance(column.type, BigInteger) and sentences.refers_to(table, column.key) is None
    }
    assert numbers == set(), "Give it a foreign key, or name it in sentences.PEOPLE."
    kinds = {sentences.refers_to(table, column.key) for table, column in COLUMNS} - {None}
    assert kinds <= NAMINGS.keys()
    assert sentences.refers_to("student", "school_id") is None
    assert isinstance(AUDITED["alert"].c.severity.type, Integer)


@pytest.mark.parametrize(
    ("table", "field", "value", "words"),
    [
        ("intervention_case", "assigned_to", 5, "Hilda Head"),
        ("intervention_case", "opened_by", 5, "Hilda Head"),
        ("attendance_mark", "code_id", 2, "Ill"),
        ("student", "form_id", 9, "9B"),
        ("student", "form_id", 10, "form no. 10"),
        ("student", "is_active", False, "no"),
        ("student", "birth_date", "2010-05-17", "17 May 2010"),
        ("student", "family_name", None, "–"),
        ("register", "taken_at", "2026-07-01T07:15:00.123456+00:00", "1 July 2026, 8:15"),
        ("register", "state", "not_taken", "not taken"),
        ("attendance_mark", "session", "AM", "morning session"),
        ("assessment_result", "score", "17.500", "17.5"),
        ("account", "password_hash", REDACTED, "not recorded"),
        ("alert", "severity", 3, "high"),
        ("alert", "rule", "behaviour", "Behaviour"),
        ("alert", "rule", "a_rule_of_the_past", "a rule of the past"),
        ("student", "birth_date", "the 17th of May", "the 17th of May"),
        ("a_table_of_the_past", "colour", "red", "red"),
        ("alert", "inputs", {"sessions_absent": 3}, "sessions absent 3"),
    ],
)
def test_values_are_told_in_words(table: str, field: str, value: Any, words: str) -> None:
    assert told(table, field, value) == words


@pytest.mark.parametrize(
    ("event", "reason", "words"),
    [
        (
            Event.ALERT_DECIDED,
            "not_a_concern: He was at the dentist: twice.",
            "Not a concern: He was at the dentist: twice.",
        ),
        (Event.ALERT_DECIDED, "open_case", "Case opened"),
        (Event.ALERT_DECIDED, "an_answer_of_the_past: why", "an_answer_of_the_past: why"),
        (Event.CASE_CLOSED, "goal_met: Came daily.", "Goal met: Came daily."),
        (Event.REFUSED, "404 GET /students/7", "/students/7, not there, or not theirs"),
        (Event.REFUSED, "403 POST /admin/accounts", "/admin/accounts, sent (POST), without the right"),
        (Event.AUDIT_VIEWED, "1 May 2026 to 2 May 2026, actor 5", "1 May 2026 to 2 May 2026, Hilda Head"),
        (Event.AUDIT_VIEWED, "1 May 2026, event case.closed", "1 May 2026, “closed the case”"),
        (Event.NOTE_READ, "restricted: 4, 5", "restricted, no. 4, 5"),
        (Event.CASE_ESCALATED, "not_a_concern: as written", "not_a_concern: as written"),
    ],
)
def test_reasons_are_told_in_words(event: Event, reason: str, words: str) -> None:
    assert sentences.reason(row(event, reason=reason), NAMES) == words


def test_the_parts_of_an_object_that_changed_are_told_one_by_one() -> None:
    before, after = {"chronic_percent": "10", "minimum_days": 10}, {"chronic_percent": "12", "minimum_days": 10}
    changed = row(entity_type="school_thresholds", changes={"settings": [before, after]})
    assert [str(one) for one in sentences.changes(changed, NAMES)] == ["Thresholds: Chronic absence from: 10 → 12"]


def test_what_a_service_says_beside_the_columns_is_told_too() -> None:
    taken = row(Event.REGISTER_TAKEN, entity_type="register", changes={"students": [None, 26], "exceptions": [None, 2]})
    assert [str(one) for one in sentences.changes(taken, NAMES)] == ["Exceptions: 2", "Students: 26"]


def test_changes_that_are_no_pairs_are_shown_all_the_same() -> None:
    odd = row(entity_type="student", changes={"given_name": "Ann"})
    assert [str(one) for one in sentences.changes(odd, NAMES)] == ["First name: Ann"]
