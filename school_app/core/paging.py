"""Keyset paging: a page ends with a cursor that names its last row, and the next one begins behind it.

Queries call page(); routes hand the cursor's text on.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_

from school_app.core import asked
from school_app.core.errors import DomainError

Row = TypeVar("Row")
# No key of a list is as long as this.
LONGEST = 2_000


class BadCursor(DomainError):
    """The page address was changed or is too old."""

    def __init__(self) -> None:
        super().__init__("This page address cannot be read; start again from the first page.")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows and, where there are more, the text of the cursor behind the last of them."""

    rows: Sequence[Row]
    next: str | None


def encode(*key: datetime | date | int | str) -> str:
    """The text of a cursor: a sort key, made fit for an address."""
    parts = [_worded(part) for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _worded(part: datetime | date | int | str) -> list[Any]:
    if isinstance(part, datetime):
        return ["t", part.astimezone(UTC).isoformat()]
    if isinstance(part, date):
        return ["d", part.isoformat()]
    return ["i", part] if isinstance(part, int) else ["s", part]


def decode(text: str, *kinds: type) -> tuple[Any, ...]:
    """The sort key a cursor's text stands for; raises BadCursor unless its parts are of these kinds."""
    if len(text) > LONGEST:
        raise BadCursor
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        key = tuple(_READ[tag](value) for tag, value in parts)
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise BadCursor from None
    if len(key) != len(kinds) or any(type(part) is not kind for part, kind in zip(key, kinds, strict=True)):
        raise BadCursor
    return key


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    value.encode()
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError("not a key")
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "t": asked.moment,
    "d": asked.day,
    "i": _number,
    "s": _text,
}


def behind(first: Any, second: Any, key: tuple[Any, Any]) -> ColumnElement[bool]:
    """The rows behind `key` in the order (first, second) descending, in the form that servers can seek.

    The row constructor (a, b) < (?, ?) neither seeks nor prunes partitions; this form does.
    """
    return and_(first <= key[0], or_(first < key[0], second < key[1]))


def ahead(columns: Sequence[Any], key: Sequence[Any]) -> ColumnElement[bool]:
    """As behind(), in the ascending order of two columns or more."""
    first, *others = columns
    if not others:
        found: ColumnElement[bool] = first > key[0]
        return found
    return and_(first >= key[0], or_(first > key[0], ahead(others, key[1:])))


def page(rows: Sequence[Row], size: int, key: Callable[[Row], tuple[Any, ...]]) -> Page[Row]:
    """Cut rows that were read with LIMIT size + 1 to a page."""
    if len(rows) <= size:
        return Page(rows, None)
    kept = rows[:size]
    return Page(kept, encode(*key(kept[-1])))
