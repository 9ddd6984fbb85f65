"""A student's sessions, one list a school day, and the facts of attendance that they make, without a database.

attendance/ and the features above it build histories and facts with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from school_app.alerts.facts import (
    HALVES,
    RECENT_SCHOOL_DAYS,
    WHOLE_DAY,
    AttendanceCategory,
    AttendanceFacts,
    EnrolledSpan,
    SessionFact,
    SessionKey,
    is_counted,
)


def attendance_facts(
    as_of: date,
    registers: Collection[SessionKey],
    *,
    exceptions: Mapping[SessionKey, AttendanceCategory],
    instructional_days: Collection[date],
    enrolled: Sequence[EnrolledSpan],
    school_year_key: str,
    sessions_of_day: frozenset[str] = frozenset({WHOLE_DAY}),
    last_note_on: date | None = None,
) -> AttendanceFacts:
    """The facts of one student from one school year's registers that were taken, and the exceptions in them.

    Whoever was enrolled on a school day and is not excepted in a register that was taken was present. A
    register that was not taken makes its session unknown, and so does a mark without a register. Other days
    stand in no rate.
    """
    usual = usual_days(
        as_of,
        registers,
        instructional_days=instructional_days,
        enrolled=enrolled,
        sessions_of_day=sessions_of_day,
    )
    return facts_of_days(as_of, usual.excepted(exceptions), school_year_key=school_year_key, last_note_on=last_note_on)


def facts_of_days(
    as_of: date, by_day: Sequence[Sequence[SessionFact]], *, school_year_key: str, last_note_on: date | None
) -> AttendanceFacts:
    """The facts of one student from their sessions of a school year, one list a school day, in order."""
    unexplained, unexplained_since = _run(by_day, only_unexplained=True)
    absent, absent_since = _run(by_day, only_unexplained=False)
    numbers = Counter(fact.category for sessions in by_day for fact in sessions)
    return AttendanceFacts(
        as_of=as_of,
        school_year_key=school_year_key,
        sessions_counted=sum(number for category, number in numbers.items() if is_counted(category)),
        sessions_absent=sum(number for category, number in numbers.items() if category and category.is_absent),
        sessions_absent_unexcused=numbers[AttendanceCategory.ABSENT_UNEXCUSED],
        sessions_late=numbers[AttendanceCategory.LATE],
        sessions_unknown=numbers[None],
        days_counted=len({fact.on for sessions in by_day for fact in sessions if is_counted(fact.category)}),
        recent_sessions=tuple(fact for sessions in by_day[-RECENT_SCHOOL_DAYS:] for fact in sessions),
        consecutive_unexplained_days=unexplained,
        run_started_on=unexplained_since,
        consecutive_absent_days=absent,
        absent_run_started_on=absent_since,
        last_note_on=last_note_on,
    )


@dataclass(frozen=True, slots=True)
class UsualDays:
    """The sessions of somebody who was excepted in no register, one list a school day; `places` says where each day is.

    They are the same for all who were in the same forms on the same days, and so are worked out once for them.
    """

    sessions: Sequence[Sequence[SessionFact]]
    places: Mapping[date, int]
    taken: Mapping[date, set[str]]
    expected: frozenset[str]

    def excepted(self, exceptions: Mapping[SessionKey, AttendanceCategory]) -> list[Sequence[SessionFact]]:
        """The sessions of a student with these exceptions."""
        found = list(self.sessions)
        for on in {on for on, _ in exceptions} & self.places.keys():
            found[self.places[on]] = day_sessions(on, self.taken.get(on, set()), exceptions, expected=self.expected)
        return found


def usual_days(
    as_of: date,
    registers: Collection[SessionKey],
    *,
    instructional_days: Collection[date],
    enrolled: Sequence[EnrolledSpan],
    sessions_of_day: frozenset[str],
) -> UsualDays:
    """The days from the first day enrolled to `as_of`; arguments as of attendance_facts()."""
    days = sorted(day for day in set(instructional_days) if day <= as_of and any(span.covers(day) for span in enrolled))
    taken: dict[date, set[str]] = {}
    for day, session in registers:
        taken.setdefault(day, set()).add(session)
    sessions = [day_sessions(day, taken.get(day, set()), {}, expected=sessions_of_day) for day in days]
    return UsualDays(sessions, {day: place for place, day in enumerate(days)}, taken, sessions_of_day)


def day_sessions(
    day: date, taken: set[str], exceptions: Mapping[SessionKey, AttendanceCategory], *, expected: frozenset[str]
) -> list[SessionFact]:
    """One student's sessions on a school day on which the registers `taken` were, of those `expected`."""
    known = [SessionFact(day, session, exceptions.get((day, session), AttendanceCategory.PRESENT)) for session in taken]
    unknown = [SessionFact(day, session, None) for session in _missing(taken, expected)]
    return sorted(known + unknown, key=lambda fact: fact.session)


def _missing(taken: set[str], expected: frozenset[str]) -> frozenset[str]:
    # A school may change between whole and half days within a year, so a day that was registered in the other
    # way misses only what that way leaves open.
    if not taken or taken <= expected:
        return expected - taken
    return frozenset() if WHOLE_DAY in taken else HALVES - taken


def _run(by_day: Sequence[Sequence[SessionFact]], *, only_unexplained: bool) -> tuple[int, date | None]:
    days, started_on = 0, None
    for sessions in reversed(by_day):
        counted = [fact for fact in sessions if fact.is_counted]
        # A day of which nothing is known, or on which nobody expected the student, neither lengthens nor ends
        # a run.
        if not counted:
            continue
        unexplained = any(fact.category is AttendanceCategory.ABSENT_UNEXCUSED for fact in counted)
        if not all(fact.is_absent for fact in counted) or (only_unexplained and not unexplained):
            break
        days, started_on = days + 1, counted[0].on
    return days, started_on
