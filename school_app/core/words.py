"""How days are written in sentences, the same on pages and in what services say.

Anyone may use it; core.pages makes it a filter of templates.
"""

from __future__ import annotations

from datetime import date


def full_day(day: date) -> str:
    """3 May 2026."""
    return f"{day.day} {day:%B %Y}"
