"""The facts of one student that the rules judge: plain frozen values, without a database behind them.

The features above alerts/ build them; alerts.rules and alerts.risk read them.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

RECENT_SCHOOL_DAYS = 20
WHOLE_DAY = "DAY"
HALVES = frozenset({"AM", "PM"})
SessionKey = tuple[date, str]


class AttendanceCategory(enum.StrEnum):
    """What a school's attendance code counts as."""

    PRESENT = "present"
    LATE = "late"
    ABSENT_EXCUSED = "absent_excused"
    ABSENT_UNEXCUSED = "absent_unexcused"
    NOT_REQUIRED = "not_required"

    @property
    def is_absent(self) -> bool:
        """True for both kinds of absence; someone late attended."""
        return self in (AttendanceCategory.ABSENT_EXCUSED, AttendanceCategory.ABSENT_UNEXCUSED)


@dataclass(frozen=True, slots=True)
class EnrolledSpan:
    """Days on a school's roll, first and last included; an open end is None."""

    first_day: date
    last_day: date | None

    def covers(self, day: date) -> bool:
        """Whether the student was enrolled on `day`."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True, slots=True)
class SessionFact:
    """One session of one school day; `category` is None where its register was not taken."""

    on: date
    session: str
    category: AttendanceCategory | None

    @property
    def is_counted(self) -> bool:
        """Whether it stands in the rate's denominator: known, and required."""
        return self.category is not None and self.category is not AttendanceCategory.NOT_REQUIRED

    @property
    def is_absent(self) -> bool:
        """Whether the student is known to have been absent."""
        return self.category is not None and self.category.is_absent


@dataclass(frozen=True, slots=True)
class AttendanceFacts:
    """One student's attendance in one school year up to and including `as_of`; attendance_facts() makes it.

    `sessions_counted` are those with a register taken while enrolled, less the not required ones;
    `sessions_unknown` those whose register is missing, which stand in no rate. Runs are of school days, back
    from `as_of`; one of 0 days has no start. `recent_sessions` are those of the last RECENT_SCHOOL_DAYS
    school days, newest last, unknown included. ValueError where the counts contradict each other.
    """

    as_of: date
    school_year_key: str
    sessions_counted: int
    sessions_absent: int
    sessions_absent_unexcused: int
    sessions_late: int
    sessions_unknown: int
    days_counted: int
    recent_sessions: tuple[SessionFact, ...] = ()
    consecutive_unexplained_days: int = 0
    run_started_on: date | None = None
    consecutive_absent_days: int = 0
    absent_run_started_on: date | None = None
    last_note_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse counts that no register could have produced."""
        counts = (
            self.sessions_absent_unexcused,
            self.sessions_late,
            self.sessions_unknown,
            self.days_counted,
        )
        if min(counts) < 0 or self.sessions_absent < self.sessions_absent_unexcused:
            raise ValueError("Counts of sessions cannot be negative, nor unexcused absences exceed absences.")
        if self.sessions_absent + self.sessions_late > self.sessions_counted:
            raise ValueError("There are more absences and late arrivals than sessions counted.")
        _check_run(self.consecutive_unexplained_days, self.run_started_on)
        _check_run(self.consecutive_absent_days, self.absent_run_started_on)

    @property
    def absence_rate(self) -> Fraction | None:
        """Sessions absent for any reason of those counted, exact, 0 to 1; None where none was counted."""
        return Fraction(self.sessions_absent, self.sessions_counted) if self.sessions_counted else None

    @property
    def unit(self) -> str:
        """The word for what is counted: "day" where one register covers the day, otherwise "session"."""
        return "day" if all(fact.session == WHOLE_DAY for fact in self.recent_sessions) else "session"


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """A student's part in one incident, severity 1 (slight) to 5 (grave); a positive record is none."""

    id: int
    on: date
    severity: int
    category: str


@dataclass(frozen=True, slots=True)
class BehaviourFacts:
    """Incidents in the last school days up to and including `as_of`; behaviour_facts() makes it.

    `window_start` is None where the year has had no school day yet.
    """

    as_of: date
    school_year_key: str
    window_start: date | None
    window_school_days: int
    incidents: tuple[IncidentFact, ...]


@dataclass(frozen=True, slots=True)
class SubjectMarks:
    """A student's results in one subject, this term and the one before; averages in exact percent, or None.

    The keys identify the subject and the term within the school (their ids as text); the names are for
    people.
    """

    subject_key: str
    subject: str
    is_core: bool
    term_key: str
    term_name: str
    average_percent: Fraction | None
    results_counted: int
    previous_term_name: str | None = None
    previous_average_percent: Fraction | None = None
    previous_results_counted: int = 0


@dataclass(frozen=True, slots=True)
class MarksFacts:
    """A student's marks as of a date, one entry for each subject."""

    as_of: date
    school_year_key: str
    subjects: tuple[SubjectMarks, ...]


@dataclass(frozen=True, slots=True)
class StudentFacts:
    """Everything the rules know of one student; a part that is None has no data, which is not no worry."""

    student_id: int
    name: str
    attendance: AttendanceFacts | None = None
    behaviour: BehaviourFacts | None = None
    marks: MarksFacts | None = None


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
    by_day = sessions_by_day(
        as_of,
        registers,
        exceptions=exceptions,
        instructional_days=instructional_days,
        enrolled=enrolled,
        sessions_of_day=sessions_of_day,
    )
    unexplained, unexplained_since = _run(by_day, only_unexplained=True)
    absent, absent_since = _run(by_day, only_unexplained=False)
    facts = [fact for sessions in by_day for fact in sessions]
    counted = [fact for fact in facts if fact.is_counted]
    return AttendanceFacts(
        as_of=as_of,
        school_year_key=school_year_key,
        sessions_counted=len(counted),
        sessions_absent=sum(fact.is_absent for fact in counted),
        sessions_absent_unexcused=_count(counted, AttendanceCategory.ABSENT_UNEXCUSED),
        sessions_late=_count(counted, AttendanceCategory.LATE),
        sessions_unknown=_count(facts, None),
        days_counted=len({fact.on for fact in counted}),
        recent_sessions=tuple(fact for sessions in by_day[-RECENT_SCHOOL_DAYS:] for fact in sessions),
        consecutive_unexplained_days=unexplained,
        run_started_on=unexplained_since,
        consecutive_absent_days=absent,
        absent_run_started_on=absent_since,
        last_note_on=last_note_on,
    )


def sessions_by_day(
    as_of: date,
    registers: Collection[SessionKey],
    *,
    exceptions: Mapping[SessionKey, AttendanceCategory],
    instructional_days: Collection[date],
    enrolled: Sequence[EnrolledSpan],
    sessions_of_day: frozenset[str],
) -> list[list[SessionFact]]:
    """A student's sessions, one list a school day, from the first day enrolled to `as_of`; arguments as above."""
    days = sorted(day for day in set(instructional_days) if day <= as_of and any(span.covers(day) for span in enrolled))
    taken: dict[date, set[str]] = {}
    for day, session in registers:
        taken.setdefault(day, set()).add(session)
    return [_sessions(day, taken.get(day, set()), exceptions, expected=sessions_of_day) for day in days]


def behaviour_facts(
    as_of: date,
    incidents: Iterable[IncidentFact],
    *,
    instructional_days: Collection[date],
    window_school_days: int,
    school_year_key: str,
) -> BehaviourFacts:
    """The incidents of the last `window_school_days` school days up to and including `as_of`, oldest first.

    An incident on a day without school counts when it lies between the window's first day and `as_of`.
    """
    days = sorted(day for day in set(instructional_days) if day <= as_of)[-window_school_days:]
    start = days[0] if days else None
    inside = [fact for fact in incidents if start is not None and start <= fact.on <= as_of]
    inside.sort(key=lambda fact: (fact.on, fact.id))
    return BehaviourFacts(as_of, school_year_key, start, len(days), incidents=tuple(inside))


def mean_percent(results: Iterable[tuple[Decimal, Decimal, Decimal]]) -> Fraction | None:
    """The exact mean, in percent, of results given as (score, minimum, maximum); None without results.

    Every result weighs the same. A score above the maximum is extra credit and counts as it stands.
    """
    shares = [(Fraction(score) - Fraction(low)) / (Fraction(high) - Fraction(low)) for score, low, high in results]
    return 100 * sum(shares, Fraction(0)) / len(shares) if shares else None


def _check_run(days: int, started_on: date | None) -> None:
    if days < 0 or (days == 0) is not (started_on is None):
        raise ValueError("A run of absence has a first day exactly when it has days.")


def _count(facts: Iterable[SessionFact], category: AttendanceCategory | None) -> int:
    return sum(fact.category is category for fact in facts)


def _sessions(
    day: date,
    taken: set[str],
    exceptions: Mapping[SessionKey, AttendanceCategory],
    *,
    expected: frozenset[str],
) -> list[SessionFact]:
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
        unexplained = _count(counted, AttendanceCategory.ABSENT_UNEXCUSED) > 0
        if not all(fact.is_absent for fact in counted) or (only_unexplained and not unexplained):
            break
        days, started_on = days + 1, counted[0].on
    return days, started_on
