"""Where a student is from day to day: in one form at a time, whatever a roster lists and whatever was listed before.

rosters.places asks; nothing here knows the database or the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in a form, first and last day included; `ends_on` None until further notice.

    `line` is where a roster lists it, `id` the row where it is kept; each is 0 where there is none.
    """

    form_id: int
    starts_on: date
    ends_on: date | None
    sourced_id: str | None = None
    line: int = 0
    id: int = 0

    @property
    def last(self) -> date:
        """The last day, or the end of time."""
        return self.ends_on or date.max

    def meets(self, other: Stay) -> bool:
        """Whether both have a day in common."""
        return self.starts_on <= other.last and other.starts_on <= self.last


@dataclass(slots=True)
class Moves:
    """What a roster changes for one student: `stays` as they are to be, with the ids of those that are kept already.

    `ended` are stays that are listed no longer, with their new last day; `removed` those that had not begun; `cut` the
    lines whose stay gave way to a later one. `form_id` is the present form: today's, else that of the latest stay.
    """

    form_id: int | None = None
    stays: list[Stay] = field(default_factory=list)
    ended: list[Stay] = field(default_factory=list)
    removed: list[Stay] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)


def moves(listed: Iterable[Stay], kept: Sequence[Stay], *, today: date) -> Moves:
    """Decide a student's stays from those a roster lists and those that are kept.

    Of two that meet, the one that begins later counts from its first day. What is listed no longer ends the day before
    the next listed one begins, or yesterday where none has begun. A listed stay that claims days on which the student
    was kept elsewhere counts from the day after: what was recorded of those days is not rewritten.
    """
    found = Moves()
    wanted = _one_at_a_time(listed, found)
    pairs = _pairs(wanted, kept, today)
    known = {stay.id for stay in pairs.values()}
    gone = [stay for stay in kept if stay.id not in known]
    found.removed = [stay for stay in gone if stay.starts_on >= today]
    begun = [stay for stay in gone if stay.starts_on < today]
    history = [_ended(stay, [*wanted, *begun], today) for stay in begun]
    found.ended = [new for new in history if new not in begun]
    for stay in wanted:
        own = pairs.get(stay)
        after = max((old.last + DAY for old in history if old.meets(stay)), default=stay.starts_on)
        if after <= stay.last:
            found.stays.append(replace(stay, starts_on=max(stay.starts_on, after), id=own.id if own else 0))
        elif own:
            found.removed.append(own)
    found.form_id = _present(found.stays, history, today)
    return found


def _one_at_a_time(listed: Iterable[Stay], found: Moves) -> list[Stay]:
    """Each listed stay ends before the next begins; of those that begin together the last line counts."""
    wanted: list[Stay] = []
    for stay in sorted(listed, key=lambda one: (one.starts_on, one.line)):
        if wanted and wanted[-1].meets(stay):
            before = wanted.pop()
            if before.form_id != stay.form_id:
                found.cut.append(before.line)
            if before.starts_on < stay.starts_on:
                wanted.append(replace(before, ends_on=stay.starts_on - DAY))
        wanted.append(stay)
    return wanted


def _pairs(wanted: Sequence[Stay], kept: Sequence[Stay], today: date) -> dict[Stay, Stay]:
    """Which kept stay each listed one is: in the same form, of the same first day or of the same row of the roster.

    Whoever was elsewhere in between has come back: then the earlier stay is history, and the listed one another.
    """
    history: set[tuple[Stay, Stay]] = set()
    while True:
        pairs = _alike(wanted, kept, history)
        known = {one.id for one in pairs.values()}
        between = [one for one in kept if one.id not in known and one.starts_on < today]
        back = {
            (stay, own)
            for stay, own in pairs.items()
            if any(own.starts_on < one.starts_on and one.meets(stay) for one in between)
        }
        if not back:
            return pairs
        history |= back


def _alike(wanted: Sequence[Stay], kept: Sequence[Stay], history: set[tuple[Stay, Stay]]) -> dict[Stay, Stay]:
    pairs: dict[Stay, Stay] = {}
    for is_same in (_same_day, _same_row):
        for stay in (one for one in wanted if one not in pairs):
            taken = {one.id for one in pairs.values()}
            free = [one for one in kept if one.id not in taken and (stay, one) not in history and is_same(one, stay)]
            if free:
                pairs[stay] = max(free, key=lambda one: one.starts_on)
    return pairs


def _same_day(one: Stay, stay: Stay) -> bool:
    return one.form_id == stay.form_id and one.starts_on == stay.starts_on


def _same_row(one: Stay, stay: Stay) -> bool:
    return one.form_id == stay.form_id and one.sourced_id == stay.sourced_id is not None and one.meets(stay)


def _ended(stay: Stay, others: Sequence[Stay], today: date) -> Stay:
    """A stay that is listed no longer, with its last day."""
    nexts = [one.starts_on for one in others if stay.starts_on <= one.starts_on - DAY <= stay.last]
    last = stay.last
    if last >= today:
        elsewhere = any(one.starts_on <= today <= one.last for one in others if one is not stay)
        goes_on = nexts and min(nexts) > today and not elsewhere
        last = min(nexts) - DAY if goes_on else today - DAY
    if nexts:
        last = min(last, min(nexts) - DAY)
    return stay if last == stay.ends_on else replace(stay, ends_on=last)


def _present(stays: Sequence[Stay], history: Sequence[Stay], today: date) -> int | None:
    for stay in (*stays, *history):
        if stay.starts_on <= today <= stay.last:
            return stay.form_id
    return max(stays, key=lambda one: one.starts_on).form_id if stays else None
