"""Reading what an address or a form asks for: ids, days and texts within what any database and calendar can hold.

Routes and forms use it; create_app() installs the converter of ids in addresses, and the refusal of texts that nobody
types.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from flask import request
from werkzeug.routing import IntegerConverter

from school_app.core.errors import DomainError

# The longest number that fits the eight bytes of an id on every server.
DIGITS = 18
# Control characters but for tab and line ends.
UNTYPABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
FIRST_YEAR, LAST_YEAR = 1900, 2199


class IdConverter(IntegerConverter):
    """An id in an address: a longer number is no page, rather than an error of the database."""

    regex = rf"\d{{1,{DIGITS}}}"


def refuse_untypable() -> None:
    """Refuse a request with a control character in a field: no key makes one, and not every database keeps it."""
    for fields in (request.args, request.form):
        for name, values in fields.lists():
            if any(UNTYPABLE.search(text) for text in (name, *values)):
                raise DomainError(
                    f"{UNTYPABLE.sub('', name)[:40]}: it holds a character that no key makes; type it anew."
                )


def number(text: str) -> int | None:
    """The id that a text is; None where it is not one."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


class OutsideCalendar(ValueError):
    """A day that is one, but of no year that is asked for; str() says which years are."""


def day(text: str) -> date:
    """A day in ISO 8601, of the years 1900 to 2199. Raises OutsideCalendar, or ValueError where it is no day."""
    found = date.fromisoformat(text)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise OutsideCalendar(f"{text} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def moment(text: str) -> datetime:
    """A moment with its time zone, of the same years, in UTC. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{text} is no moment of the calendar")
    return found.astimezone(UTC)
