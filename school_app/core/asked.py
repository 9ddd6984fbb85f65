"""Reading what an address or a form asks for: ids and days within what any database and calendar can hold.

Routes and forms use it; create_app() installs the converter of ids in addresses.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from werkzeug.routing import IntegerConverter

# The longest number that fits the eight bytes of an id on every server.
DIGITS = 18
FIRST_YEAR, LAST_YEAR = 1900, 2199


class IdConverter(IntegerConverter):
    """An id in an address: a longer number is no page, rather than an error of the database."""

    regex = rf"\d{{1,{DIGITS}}}"


def number(text: str) -> int | None:
    """The id that a text is; None where it is not one."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


def day(text: str) -> date:
    """A day in ISO 8601, of the years 1900 to 2199. Raises ValueError."""
    found = date.fromisoformat(text)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{text} lies outside the calendar")
    return found


def moment(text: str) -> datetime:
    """A moment with its time zone, of the same years, in UTC. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{text} is no moment of the calendar")
    return found.astimezone(UTC)
