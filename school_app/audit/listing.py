"""What a verification prints of what differs: a line for each day of a school, one for each lost file or sealing run.

audit.seal_commands prints it. A broken run may touch thousands of days; their number and the first of them say enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from school_app.audit.differences import Difference, Kind
from school_app.audit.digests import Group
from school_app.core.words import counted

DAYS_NAMED, SENTENCES_SHOWN = 10, 3
# Of these the number of days alone says little.
SAID = (Kind.BROKEN, Kind.FILE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the first day that it is about, whose days these are, in which way they differ, and the rest."""

    day: date
    whose: str
    what: str
    words: str


def lines(found: Iterable[Difference], slugs: Mapping[int | None, str], in_files: Mapping[Group, str]) -> list[Line]:
    """The lines of some differences, by their first days.

    `in_files` names the file in which the rows of a school's day should lie, where it cannot be read or is no more.
    """
    by_cause: dict[tuple[object, ...], list[Difference]] = {}
    for one in sorted(found, key=lambda one: one.day):
        cause = _cause(one, in_files)
        key = (one.school_id, one.day, one.is_warning) if cause is None else (cause, one.kind)
        by_cause.setdefault(key, []).append(one)
    return [_line(several, _cause(several[0], in_files), slugs) for several in by_cause.values()]


def _cause(one: Difference, in_files: Mapping[Group, str]) -> str | None:
    gone_with = in_files.get((one.school_id, one.day)) if one.kind is Kind.MISSING else None
    return gone_with or one.within


def _line(several: Sequence[Difference], cause: str | None, slugs: Mapping[int | None, str]) -> Line:
    first, schools = several[0], {one.school_id for one in several}
    whose = slugs.get(first.school_id, f"school {first.school_id}") if len(schools) == 1 else f"{len(schools)} owners"
    what = ", ".join(dict.fromkeys(one.kind.value for one in several))
    sentences = list(dict.fromkeys(one.sentence for one in several))
    if cause is None:
        return Line(first.day, whose, what, " ".join(sentences))
    said = sentences[:SENTENCES_SHOWN] if first.kind in SAID or len(several) == 1 else []
    return Line(first.day, whose, what, " ".join([f"{_days_of(several, cause)}.", *said]))


def _days_of(several: Sequence[Difference], cause: str) -> str:
    days = list(dict.fromkeys(one.day for one in several))
    named = ", ".join(map(str, days[:DAYS_NAMED]))
    more = f" and {len(days) - DAYS_NAMED:,} more" if len(days) > DAYS_NAMED else ""
    return f"{counted(len(days), 'day')} of {cause}: {named}{more}"
