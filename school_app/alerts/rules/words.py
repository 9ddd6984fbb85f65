"""How reasons write their numbers and days.

Only the rules use it; pages have their own filters.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from school_app.core.figures import NBSP
from school_app.core.words import counted as counted

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
YEAR_SHOWN_AFTER_DAYS = 300


def cut_point(value: Decimal) -> str:
    """10 % or 7.5 %, a school's own setting as it was set."""
    return f"{Decimal(0) + value.normalize():f}{NBSP}%"


def day(on: date, *, as_of: date) -> str:
    """3 May, with its year where that is no longer plain."""
    near = abs((as_of - on).days) <= YEAR_SHOWN_AFTER_DAYS
    return f"{on.day} {MONTHS[on.month - 1]}" + ("" if near else f" {on.year}")


def note(last_note_on: date | None, *, as_of: date) -> str:
    """When somebody last wrote about the student."""
    if last_note_on is None:
        return "no note yet"
    return "a note today" if last_note_on >= as_of else f"no note since {day(last_note_on, as_of=as_of)}"
