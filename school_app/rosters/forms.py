"""What the form of an upload posts.

rosters.routes uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from school_app.core import asked
from school_app.rosters.span import Span
from school_app.rosters.uploads import InvalidUpload


def read_days(form: Mapping[str, str]) -> Span | None:
    """The days for which a file of attendance is to speak; None where both fields are empty."""
    first, last = _day(form.get("from", ""), "First day"), _day(form.get("to", ""), "Last day")
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise InvalidUpload("Days: name both the first and the last, or neither.")
    return Span(first, last)


def _day(text: str, name: str) -> date | None:
    if not text.strip():
        return None
    try:
        return asked.day(text.strip())
    except ValueError:
        raise InvalidUpload(f"{name}: {text[:20]!r} is no day; write it as 2026-05-17.") from None
