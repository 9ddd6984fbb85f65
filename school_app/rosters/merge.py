"""Bringing rows into a table so that only differences are written: the second time nothing changes.

The importers of rosters/ use it. New rows go in together, with one audit row; each change is recorded by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, scoped_session

AnySession = Session | scoped_session[Any]
BATCH = 1_000
Key = tuple[Any, ...]


@dataclass(slots=True)
class Counts:
    """What an import did, by kind of row: how many were added, changed, ended or left as they were."""

    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)

    def note(self, what: str, kind: str, number: int = 1) -> None:
        """Count some rows of a kind: "added", "changed", "ended" or "unchanged"."""
        if number:
            counts: dict[str, int] = getattr(self, what)
            counts[kind] = counts.get(kind, 0) + number

    @property
    def differences(self) -> int:
        """How many rows were written."""
        return sum(sum(counts.values()) for counts in (self.added, self.changed, self.ended))

    def as_dict(self) -> dict[str, dict[str, int]]:
        """The counts as JSON can hold them."""
        return {"added": self.added, "changed": self.changed, "ended": self.ended, "unchanged": self.unchanged}


def merge(
    session: AnySession,
    model: Any,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: tuple[str, ...] = ("sourced_id",),
    counts: Counts,
    reason: str,
    only_new: tuple[str, ...] = (),
) -> dict[Any, int]:
    """Bring rows into a table and return the ids of all its rows by their key (a value, or a tuple of some).

    A row whose key is there is changed where a value differs, but for the fields of `only_new`, which are the school's
    own once the row is there; others are added, a batch at a time.
    """
    kind = model.__tablename__
    stored = {_key(one, key): one for one in session.scalars(select(model))}
    fresh: list[dict[str, Any]] = []
    for row in rows:
        place = tuple(row[name] for name in key)
        one = stored.get(place)
        if one is None:
            fresh.append(dict(row))
        else:
            counts.note("changed" if _change(one, row, only_new) else "unchanged", kind)
        if len(fresh) >= BATCH:
            _add(session, model, fresh, counts=counts, reason=reason)
            fresh = []
    _add(session, model, fresh, counts=counts, reason=reason)
    session.flush()
    return _ids(session, model, key)


def _ids(session: AnySession, model: Any, key: tuple[str, ...]) -> dict[Any, int]:
    columns = [getattr(model, name) for name in key]
    return {
        (found[1] if len(key) == 1 else tuple(found[1:])): found[0]
        for found in session.execute(select(model.id, *columns))
    }


def _key(one: Any, key: tuple[str, ...]) -> Key:
    return tuple(getattr(one, name) for name in key)


def _change(one: Any, row: Mapping[str, Any], only_new: tuple[str, ...]) -> bool:
    changed = False
    for name, value in row.items():
        if name not in only_new and getattr(one, name) != value:
            setattr(one, name, value)
            changed = True
    return changed


def _add(session: AnySession, model: Any, rows: list[dict[str, Any]], *, counts: Counts, reason: str) -> None:
    if rows:
        session.execute(insert(model), rows, execution_options={"audit_reason": reason})
        counts.note("added", model.__tablename__, len(rows))
