"""The one place that asks for the time; moments are aware and in UTC, days are a school's own.

Anyone may call it; rules are given dates instead.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC, with microseconds."""
    return datetime.now(UTC)


def today(timezone: str) -> date:
    """The date it is now at a place; `timezone` is an IANA name such as "Europe/London"."""
    return now().astimezone(ZoneInfo(timezone)).date()
