"""The facts of one student that the rules judge: plain frozen values, without a database behind them.

The features above alerts/ build them; alerts.rules and alerts.risk read them.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

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


def is_counted(category: AttendanceCategory | None) -> bool:
    """Whether a session of a category stands in the rate's denominator: known, and required."""
    return category is not None and category is not AttendanceCategory.NOT_REQUIRED


@dataclass(frozen=True, slots=True)
class SessionFact:
    """One session of one school day; `category` is None where its register was not taken."""

    on: date
    session: str
    category: AttendanceCategory | None

    @property
    def is_counted(self) -> bool:
        """Whether it stands in the rate's denominator."""
        return is_counted(self.category)

    @property
    def is_absent(self) -> bool:
        """Whether the student is known to have been absent."""
        return self.category is not None and self.category.is_absent


@dataclass(frozen=True, slots=True)
class AttendanceFacts:
    """One student's attendance in one school year up to and including `as_of`; school_days.attendance_facts() makes it.

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
    shares = [_share(*result) for result in results]
    return 100 * sum(shares, Fraction(0)) / len(shares) if shares else None


# A school marks by few scales, and the same results come up time and again.
@lru_cache(maxsize=4096)
def _share(score: Decimal, low: Decimal, high: Decimal) -> Fraction:
    return (Fraction(score) - Fraction(low)) / (Fraction(high) - Fraction(low))


def _check_run(days: int, started_on: date | None) -> None:
    if days < 0 or (days == 0) is not (started_on is None):
        raise ValueError("A run of absence has a first day exactly when it has days.")
