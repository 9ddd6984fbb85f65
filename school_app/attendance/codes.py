"""A school's attendance codes as the register offers them: the present one first, a letter for each.

attendance/ uses it; the features above it may.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode

AnySession = Session | scoped_session[Any]
ORDER = tuple(AttendanceCategory)
DIGITS = "123456789"


@dataclass(frozen=True, slots=True)
class Code:
    """One code: `id` is None for presence where the school has no code of its own for it; `key` is one letter."""

    id: int | None
    code: str
    name: str
    category: AttendanceCategory
    key: str

    @property
    def is_present(self) -> bool:
        """Presence leaves no mark."""
        return self.category is AttendanceCategory.PRESENT


def codes_of(session: AnySession, *, used: Collection[int] = ()) -> list[Code]:
    """The school's active codes, and those that are used, by category and then in the school's order; one statement."""
    rows = session.execute(
        select(AttendanceCode.id, AttendanceCode.code, AttendanceCode.name, AttendanceCode.category)
        .where(or_(AttendanceCode.is_active, AttendanceCode.id.in_(used)))
        .order_by(AttendanceCode.ordinal, AttendanceCode.id)
    ).all()
    found: list[tuple[int | None, str, str, AttendanceCategory]] = [
        (row.id, row.code, row.name, row.category) for row in rows
    ]
    if not any(category is AttendanceCategory.PRESENT for *_, category in found):
        # Presence needs no code, since it leaves no mark; a button for it is needed nevertheless.
        found.insert(0, (None, "present", "Present", AttendanceCategory.PRESENT))
    found.sort(key=lambda one: ORDER.index(one[3]))
    keys = _keys(name for _, _, name, _ in found)
    return [Code(*one, key=key) for one, key in zip(found, keys, strict=True)]


def _keys(names: Iterable[str]) -> list[str]:
    """A letter for each name: the first of its letters that is still free, else a digit, else none."""
    taken: set[str] = set()
    keys = []
    for name in names:
        letters = [letter for letter in name.lower() if letter.isascii() and letter.isalpha()]
        key = next((one for one in (*letters, *DIGITS) if one not in taken), "")
        taken.add(key)
        keys.append(key)
    return keys
