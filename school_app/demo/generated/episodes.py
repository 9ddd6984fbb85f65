"""When each rule began and ceased to hold for a student: found by counting, then worded by the rules themselves.

The counting follows alerts.rules day by day, at a thousandth of the cost; what a rule, asked for the last day on which
it should hold, does not confirm is dropped. making.py calls it year by year; chain.py makes alerts of the episodes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from school_app.alerts.rules.decision import Rule
from school_app.alerts.thresholds import Thresholds
from school_app.demo.generated.attendance import PRESENT, Attended
from school_app.demo.generated.behaviour import Happened
from school_app.demo.generated.calendar import SchoolCalendar, TermDays, YearDays
from school_app.demo.generated.marks import Result, Results, Subject
from school_app.demo.generated.people import Pupil
from school_app.demo.shared import AWOL

THRESHOLDS = Thresholds()
# One day in so many: the whole number that chronic absence of 10 % comes to.
ONE_IN = int(100 / THRESHOLDS.chronic_percent)
TENTH_DAY = THRESHOLDS.minimum_days


@dataclass(slots=True, eq=False)
class Episode:
    """One rule that held for a student; places of days. `resolved` is None where it held on the student's last day."""

    pupil: Pupil
    year: YearDays
    rule: Rule
    window: str
    opened: int
    resolved: int | None


def episodes_of(
    pupil: Pupil, attended: Attended, concerns: list[Happened], results: Results, days: SchoolCalendar
) -> Iterator[Episode]:
    """All episodes of a student in one year."""
    year = attended.year
    last = max(place.end for place in attended.places) - 1

    def made(rule: Rule, window: str, opened: int, resolved: int | None) -> Episode:
        gone = None if resolved is None or resolved > last else resolved
        return Episode(pupil, year, rule, window, opened, gone)

    for span in _chronic(attended):
        yield made(Rule.CHRONIC_ABSENCE, str(year.id), *span)
    for first, *run in _runs(attended, days):
        yield made(Rule.CONSECUTIVE_UNEXPLAINED, days.days[first].isoformat(), *run)
    for span in _trouble(concerns):
        yield made(Rule.BEHAVIOUR, str(year.id), *span)
    for subject, found in results.items():
        for rule, term, opened, resolved in _marks(subject, found, year):
            over = _begin_after(year, term, days)
            window = f"{year.id}/{term.id}/s{subject.id}"
            yield made(rule, window, opened, over if resolved is None else resolved)


def _begin_after(year: YearDays, term: TermDays, days: SchoolCalendar) -> int:
    """The first day after a term, with which its marks cease to be judged."""
    return days.place_from(year.terms[term.ordinal + 1].starts_on) if term.ordinal + 1 < len(year.terms) else year.end


def _chronic(attended: Attended) -> list[tuple[int, int | None]]:
    """The last stretch of chronic absence, as the place of its first day and of the first after it."""
    begin, counted = attended.year.begin, attended.counted
    tenth = begin + bisect_left(attended.days, TENTH_DAY) - 1
    if tenth >= attended.year.end:
        return []
    opened: int | None = None
    until: int | None = None
    absent = 0
    events = [*attended.absent, (tenth, 0)]
    events.sort()
    for day, more in events:
        absent += more
        if day < tenth or not absent:
            continue
        if opened is not None and until is not None and until < day:
            opened = None
        if absent * ONE_IN >= counted[day - begin + 1]:
            opened = day if opened is None else opened
            until = begin + bisect_right(counted, absent * ONE_IN) - 1
    return [] if opened is None else [(opened, until)]


def _runs(attended: Attended, days: SchoolCalendar) -> Iterator[tuple[int, int, int]]:
    """Days without a reason in a row: the first, the one on which the alert was raised, and the first day after."""
    run: list[int] = []
    marks, begin, needed = attended.marks, attended.year.begin, THRESHOLDS.consecutive_days
    for day in sorted(one for one, mark in marks.items() if AWOL in mark and PRESENT not in mark):
        if not _is_counted(attended, day):
            continue
        between = attended.days[day - begin] - attended.days[run[-1] - begin + 1] if run else 0
        if run and between:
            if len(run) >= needed:
                yield run[0], run[needed - 1], run[-1] + 1
            run = []
        run.append(day)
    if len(run) >= needed:
        yield run[0], run[needed - 1], run[-1] + 1


def _is_counted(attended: Attended, day: int) -> bool:
    begin = attended.year.begin
    return attended.days[day - begin + 1] > attended.days[day - begin]


def _trouble(concerns: list[Happened]) -> list[tuple[int, int | None]]:
    """The last stretch with too many incidents in the window of school days."""
    grave = [one.day for one in concerns if one.severity >= THRESHOLDS.incident_severity]
    needed, window = THRESHOLDS.incident_count, THRESHOLDS.incident_window_school_days
    opened: int | None = None
    until = -1
    for place in range(needed - 1, len(grave)):
        if grave[place] - grave[place - needed + 1] < window:
            if opened is None or until < grave[place]:
                opened = grave[place]
            until = grave[place - needed + 1] + window
    return [] if opened is None else [(opened, until)]


def _marks(subject: Subject, found: list[Result], year: YearDays) -> Iterator[tuple[Rule, TermDays, int, int | None]]:
    by_term: list[list[Result]] = [[] for _ in year.terms]
    for result in found:
        by_term[result[1]].append(result)
    before: float | None = None
    for term, results in zip(year.terms, by_term, strict=True):
        means = _means(results)
        if subject.is_core:
            yield from ((Rule.COURSE_FAILURE, term, *span) for span in _below(means, float(THRESHOLDS.failing_percent)))
        if before is not None:
            line = before - float(THRESHOLDS.falling_points) + 1e-9
            yield from ((Rule.MARKS_FALLING, term, *span) for span in _below(means, line))
        before = means[-1][1] if means else None


def _means(results: list[Result]) -> list[tuple[int, float]]:
    """The mean in percent after each result from the third on, with its day."""
    total, found = 0.0, []
    for count, (day, _, score, maximum) in enumerate(results, start=1):
        total += 100 * score / maximum
        if count >= THRESHOLDS.minimum_results:
            found.append((day, total / count))
    return found


def _below(means: list[tuple[int, float]], line: float) -> list[tuple[int, int | None]]:
    """The last stretch in which a mean lay below a line."""
    opened: int | None = None
    resolved: int | None = None
    for day, mean in means:
        if mean < line:
            if opened is None or resolved is not None:
                opened, resolved = day, None
        elif opened is not None and resolved is None:
            resolved = day
    return [] if opened is None else [(opened, resolved)]
