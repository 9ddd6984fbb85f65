"""What an address or a form asks of the history: its filters, as text and as values.

The pages of the history and of its exports read it; the texts are also what an export keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from school_app.audit.queries import Filters
from school_app.core import asked as read
from school_app.core import clock
from school_app.core.errors import DomainError
from school_app.core.words import full_day

SHOWN_DAYS = 30
# A thing has few rows, so that its whole history is shown.
THING_DAYS = 3660
NAMES = ("from", "to", "actor", "student", "thing", "entity", "event", "request", "job")
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the filters, the days as the form shows them, and the texts that were given."""

    filters: Filters
    first: date
    last: date
    chosen: Mapping[str, str]

    def said(self) -> str:
        """In words for the record: the days, and by what they were narrowed, numbers as numbers."""
        narrowed = [f"{name} {value}" for name, value in self.chosen.items() if name not in ("from", "to")]
        return ", ".join([f"{full_day(self.first)} to {full_day(self.last)}", *narrowed])


def asked(given: Mapping[str, str], timezone: str) -> Asked:
    """Read what is asked for; the last 30 days unless it says otherwise. DomainError names what cannot be read."""
    chosen = {name: given[name].strip() for name in NAMES if given.get(name, "").strip()}
    zone, today = ZoneInfo(timezone), clock.today(timezone)
    last = _day(chosen, "to") or today
    before = timedelta(days=THING_DAYS if "entity" in chosen else SHOWN_DAYS)
    # No earlier than a day that can be asked for again, as by the file of an export.
    first = _day(chosen, "from") or max(last - before, date(read.FIRST_YEAR, 1, 1))
    if first > last:
        raise DomainError("From and to: the first day lies after the last one.")
    if "entity" in chosen and "thing" not in chosen:
        raise DomainError("About: say what kind of thing the number is of.")
    filters = Filters(
        since=datetime(first.year, first.month, first.day, tzinfo=zone),
        until=datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1),
        actor_id=_number(chosen, "actor"),
        student_id=_number(chosen, "student"),
        entity_type=_text(chosen, "thing"),
        entity_id=_number(chosen, "entity"),
        event=_text(chosen, "event"),
        request_id=_text(chosen, "request"),
        job_id=_text(chosen, "job"),
    )
    return Asked(filters, first, last, chosen)


def _day(chosen: Mapping[str, str], name: str) -> date | None:
    try:
        return read.day(chosen[name]) if name in chosen else None
    except read.OutsideCalendar as error:
        raise DomainError(f"From and to: {error}; name days of these.") from None
    except ValueError:
        raise DomainError("From and to: enter days such as 2026-05-17.") from None


def _number(chosen: Mapping[str, str], name: str) -> int | None:
    if name not in chosen:
        return None
    found = read.number(chosen[name])
    if found is None:
        raise DomainError("Person, student and thing: choose them by their link, or enter their number.")
    return found


def _text(chosen: Mapping[str, str], name: str) -> str | None:
    found = chosen.get(name)
    if found is not None and len(found) > LONGEST:
        raise DomainError("What and about: choose them from the list.")
    return found
