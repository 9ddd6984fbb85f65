"""A school's attendance codes: as the register offers them, the present one first, and as an admin keeps them.

attendance/ uses it; the features above it may.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode
from school_app.attendance.rows import ARCHIVED, LIVE, is_closed
from school_app.core.errors import DomainError, NotFound

AnySession = Session | scoped_session[Any]
ORDER = tuple(AttendanceCategory)
DIGITS = "123456789"
CODE_LENGTH = 40
NAME_LENGTH = 80
MOST_CODES = 60


class InvalidCode(DomainError):
    """What was entered cannot stand as an attendance code; str() names the field and the remedy."""


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


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code as an admin enters it."""

    code: str
    name: str
    category: AttendanceCategory


def all_codes(session: AnySession) -> list[tuple[AttendanceCode, bool]]:
    """Every code of the school in the order of the register, each with whether a mark uses it; one statement."""
    places = (LIVE, ARCHIVED) if is_closed(session) else (LIVE,)
    used = or_(*(select(one.mark.id).where(one.mark.code_id == AttendanceCode.id).exists() for one in places))
    rows = session.execute(
        select(AttendanceCode, used).order_by(AttendanceCode.ordinal, AttendanceCode.id).limit(MOST_CODES * 2)
    )
    return sorted(((code, bool(used)) for code, used in rows), key=lambda row: ORDER.index(row[0].category))


def add_code(session: AnySession, new: NewCode) -> AttendanceCode:
    """Add a code at the end of its category. InvalidCode says what cannot stand."""
    written = new.code.strip()
    _refuse_written(written, new.category)
    stored = session.scalars(select(AttendanceCode).with_for_update()).all()
    if len(stored) >= MOST_CODES:
        raise InvalidCode(f"A school has at most {MOST_CODES} codes; change one of those that are there.")
    if any(one.code.casefold() == written.casefold() for one in stored):
        raise InvalidCode(f"Code: {written!r} is there already; choose another.")
    if new.category is AttendanceCategory.PRESENT and any(one.category is new.category for one in stored):
        raise InvalidCode("Counts as: presence has its code already, and leaves no mark to tell two by.")
    made = AttendanceCode(code=written, name=_name(new.name), category=new.category, ordinal=_last(session) + 1)
    session.add(made)
    session.flush()
    return made


def change_code(session: AnySession, code_id: int, *, name: str, ordinal: int, is_active: bool) -> AttendanceCode:
    """Rename a code, move it, or take it off the register; what it counts as stays, because marks stand on it."""
    code = session.scalar(select(AttendanceCode).where(AttendanceCode.id == code_id).with_for_update())
    if code is None:
        raise NotFound("attendance code")
    if not 0 <= ordinal < MOST_CODES * 10:
        raise InvalidCode(f"Place: write a number from 0 to {MOST_CODES * 10 - 1}.")
    code.name, code.ordinal, code.is_active = _name(name), ordinal, is_active
    session.flush()
    return code


def _refuse_written(written: str, category: AttendanceCategory) -> None:
    if not written or len(written) > CODE_LENGTH or any(letter.isspace() for letter in written):
        raise InvalidCode(f"Code: write it without spaces, in {CODE_LENGTH} characters or fewer.")
    # Files may write a category's own name instead of a code; it must not come to mean another category.
    if written.casefold() in set(AttendanceCategory) and written.casefold() != category.value:
        raise InvalidCode(f"Code: {written!r} is the name of a category; choose another.")


def _name(name: str) -> str:
    if not name.strip() or len(name.strip()) > NAME_LENGTH:
        raise InvalidCode(f"Name: write what the register shows, in {NAME_LENGTH} characters or fewer.")
    return name.strip()


def _last(session: AnySession) -> int:
    return session.scalar(select(func.max(AttendanceCode.ordinal))) or 0
