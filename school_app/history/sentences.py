"""What a row of the history says: what it is about, its reason, and each field before and after, in names and words.

history/ alone uses it: mentioned() says whose names are needed, names.names_of() finds them, the rest speaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Date, Numeric, Table

from school_app.alerts import words as alert_words
from school_app.audit import words as audit_words
from school_app.audit.capture import REDACTED
from school_app.audit.events import Event
from school_app.audit.models import Unreadable, fields_of
from school_app.audit.queries import HistoryRow
from school_app.cases import words as case_words
from school_app.core import pages, words
from school_app.core.db import Base, UtcDateTime
from school_app.history.fields import choice_word, field_word, part_word
from school_app.history.names import Names, Thing

NOTHING = "–"
# What a line of the history leaves out: what stands beside it, and what is of no use in so few words.
SAID_ALREADY = frozenset({"student_id", "created_at", "once", "inputs", "figures", "window_key"})
NAMES_OF_PEOPLE = frozenset({"given_name", "middle_name", "family_name"})
# Columns that hold an id of an account without a foreign key that says so.
PEOPLE = frozenset({"opened_by", "done_by", "recorded_by"})
# How a look at the history says by what it was narrowed, and what kind of thing each number is.
NARROWED = {"actor": "account", "student": "student"}
LOOKED_AT = re.compile(r"\b(actor|student) (\d{1,18})\b")
LOOKED_FOR = re.compile(r"\b(event|thing) ([a-z._]+)\b")
REFUSED = re.compile(r"(403|404) (\S+) (.*)", re.DOTALL)
CODED = re.compile(r"([a-z_]+)(?:: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a row: its column, its word, and its value before and after in words."""

    column: str
    field: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.before == NOTHING:
            return f"{self.field}: {self.after}"
        return f"{self.field}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Told:
    """A row in names and words; `about` and `reason` are None where it has none, `student` is whose record it is."""

    row: HistoryRow
    what: str
    about: str | None
    student: str | None
    reason: str | None
    changes: Sequence[Change]

    @property
    def is_of_a_row(self) -> bool:
        """Whether it is the change of a row, which says nothing without the row's name."""
        return self.row.event.startswith("row")

    @property
    def brief(self) -> str:
        """The reason and what was changed, in one line; without what the line says already."""
        told = [str(one) for one in self.changes if one.before != one.after and not _is_said(one.column)]
        return "; ".join([self.reason, *told] if self.reason else told)

    @property
    def headline(self) -> str:
        """What happened, as the title of a page."""
        if self.is_of_a_row:
            return f"{audit_words.thing(self.row.entity_type)} {self.what}".strip().capitalize()
        return f"{self.row.actor_name} {self.what}"

    @property
    def context(self) -> str:
        """What stands below the words of what happened."""
        own = (self.row.entity_type, self.row.entity_id) == ("account", self.row.actor_id)
        beside = self.about if self.about and not self.is_of_a_row and not own else None
        return " · ".join(part for part in (beside, self.brief) if part)


def _is_said(column: str) -> bool:
    return column in SAID_ALREADY or (column.endswith("_name") and column not in NAMES_OF_PEOPLE)


def tell(rows: Iterable[HistoryRow], names: Names) -> list[Told]:
    """Rows in names and words."""
    return [
        Told(
            row,
            what(row),
            about(row, names),
            student=None if row.student_id is None else names.of("student", row.student_id),
            reason=reason(row, names),
            changes=changes(row, names),
        )
        for row in rows
    ]


def looked_at(said: str) -> Iterator[Thing]:
    """The people and students whom a look at the history names by number."""
    return ((NARROWED[name], int(id_)) for name, id_ in LOOKED_AT.findall(said))


def mentioned(rows: Iterable[HistoryRow]) -> Iterator[Thing]:
    """The things whose names some rows need, each as kind and id."""
    for row in rows:
        if row.student_id is not None:
            yield "student", row.student_id
        if row.entity_type is not None and row.entity_id is not None:
            yield row.entity_type, row.entity_id
        if row.event in (Event.AUDIT_VIEWED, Event.EXPORTED):
            yield from looked_at(row.reason or "")
        for field, values in fields_of(row.changes).items():
            kind = refers_to(row.entity_type, field)
            if kind is not None:
                yield from ((kind, value) for value in _both(values) if type(value) is int)


def _both(values: Any) -> list[Any]:
    """The value before and the value after, of a pair as capture writes it."""
    return values if isinstance(values, list) and len(values) == 2 else [None, values]


@cache
def _columns(table: str | None) -> dict[str, Any]:
    found: Table | None = Base.metadata.tables.get(table or "")
    return {} if found is None else {column.key: column for column in found.columns}


@cache
def refers_to(table: str | None, field: str) -> str | None:
    """The kind of thing whose id a field holds; None for a field that holds no id."""
    if field in PEOPLE and field in _columns(table):
        return "account"
    found: Table | None = Base.metadata.tables.get(table or "")
    for key in found.foreign_key_constraints if found is not None else ():
        if field in key.column_keys and field != "school_id":
            return str(key.referred_table.name)
    return None


def about(row: HistoryRow, names: Names) -> str | None:
    """What a row is about, by kind and name; None where it is about no one thing."""
    if row.entity_type is None:
        return None
    if row.entity_id is None:
        return audit_words.thing(row.entity_type)
    return names.with_kind(row.entity_type, row.entity_id)


def what(row: HistoryRow) -> str:
    """What happened, in words."""
    return audit_words.EVENTS.get(row.event, row.event)


def reason(row: HistoryRow, names: Names) -> str | None:
    """The reason of a row, answers and numbers in words."""
    if row.reason is None:
        return None
    said = REASONS.get(row.event)
    return said(row.reason, names) if said else row.reason


def _coded(answers: dict[str, str]) -> Callable[[str, Names], str]:
    """A reason that begins with an answer: "not_a_concern: He was ill" or the answer alone."""

    def said(text: str, names: Names) -> str:
        found = CODED.fullmatch(text)
        if found is None or found.group(1) not in answers:
            return text
        word = answers[found.group(1)]
        return f"{word}: {found.group(2)}" if found.group(2) else word

    return said


def _refusal(text: str, names: Names) -> str:
    found = REFUSED.fullmatch(text)
    if found is None:
        return text
    status, method, path = found.groups()
    why = "not there, or not theirs" if status == "404" else "without the right"
    return f"{path}, {why}" if method == "GET" else f"{path}, sent ({method}), {why}"


def look_in_words(text: str, names: Names) -> str:
    """By what a look at the history was narrowed, with names for numbers."""
    text = LOOKED_AT.sub(lambda found: names.of(NARROWED[found.group(1)], int(found.group(2))), text)
    return LOOKED_FOR.sub(lambda found: _sought(*found.groups()), text)


def _sought(name: str, value: str) -> str:
    return f"“{audit_words.EVENTS.get(value, value) if name == 'event' else audit_words.thing(value)}”"


def _restricted(text: str, names: Names) -> str:
    return text.replace("restricted: ", "restricted, no. ", 1)


REASONS: dict[str, Callable[[str, Names], str]] = {
    Event.ALERT_DECIDED: _coded({str(one): word for one, word in alert_words.ANSWERS.items()}),
    Event.CASE_CLOSED: _coded({str(one): word for one, word in case_words.OUTCOMES.items()}),
    Event.REFUSED: _refusal,
    Event.AUDIT_VIEWED: look_in_words,
    Event.EXPORTED: look_in_words,
    Event.NOTE_READ: _restricted,
}


def changes(row: HistoryRow, names: Names) -> list[Change]:
    """Every field of a row that changed, by its word; the parts of an object that changed, one by one."""
    if isinstance(row.changes, Unreadable):
        return [Change("changes", "changes", NOTHING, "not readable")]
    found: list[Change] = []
    for field, values in fields_of(row.changes).items():
        before, after = _both(values)
        word = field_word(row.entity_type, field)
        if isinstance(before, dict) or isinstance(after, dict):
            found.extend(_parts(field, word, before or {}, after=after or {}))
        else:
            shown = [value_words(row.entity_type, field, value, names=names) for value in (before, after)]
            found.append(Change(field, word, *shown))
    return sorted(found, key=lambda one: one.field)


def _parts(field: str, word: str, before: Any, *, after: Any) -> Iterator[Change]:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield Change(field, word, _plain(before), _plain(after))
        return
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield Change(field, f"{word}: {part_word(key)}", _plain(before.get(key)), _plain(after.get(key)))


def value_words(table: str | None, field: str, value: Any, *, names: Names) -> str:
    """One value of a field in words."""
    if value is None or value == "":
        return NOTHING
    if value == REDACTED:
        return "not recorded"
    kind = refers_to(table, field)
    if kind is not None and type(value) is int:
        return names.of(kind, value)
    chosen = choice_word(table, field, value)
    return chosen if chosen is not None else _typed(_columns(table).get(field), value, names)


def _typed(column: Any, value: Any, names: Names) -> str:
    """A value by the type of its column: days, moments and numbers as a school writes them."""
    try:
        if isinstance(getattr(column, "type", None), UtcDateTime):
            return words.full_moment(datetime.fromisoformat(str(value)), names.zone)
        if isinstance(getattr(column, "type", None), Date):
            return words.full_day(date.fromisoformat(str(value)))
        if isinstance(getattr(column, "type", None), Numeric):
            return pages.number(Decimal(str(value)))
    except (ValueError, OverflowError, InvalidOperation):
        # Written when the column was of another kind, or by another hand; it is shown as it stands.
        return str(value)
    if isinstance(getattr(column, "type", None), Boolean):
        return "yes" if value else "no"
    return _plain(value)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{part_word(key)} {_plain(part)}" for key, part in value.items()) or NOTHING
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value) or NOTHING
    return str(value)
