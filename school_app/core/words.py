"""How numbers, days and moments are written in sentences, the same on pages and in what services say.

Anyone may use it; core.pages makes it a filter of templates.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows, 30,000 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def full_day(day: date) -> str:
    """3 May 2026."""
    return f"{day.day} {day:%B %Y}"


def full_moment(moment: datetime, zone: ZoneInfo) -> str:
    """3 May 2026, 8:12, at a place."""
    there = moment.astimezone(zone)
    return f"{full_day(there)}, {there.hour}:{there:%M}"
