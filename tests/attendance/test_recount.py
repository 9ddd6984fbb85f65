"""The facts that alerts judge equal a slow recount, day by day and row by row, whatever the rows are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session
from school_app.attendance.queries import attendance_facts_of
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.queries import behaviour_facts_of
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.queries import marks_facts_of
from school_app.students.models import Enrolment
from tests.days import TODAY
from tests.factories import TwoSchools, World, mark

DAYS = tuple(TODAY - timedelta(back) for back in range(9, -1, -1))
THRESHOLDS = Thresholds()
# Each example is undone by itself, so the fixtures may be shared between examples.
ON_THE_DATABASE = settings(
    max_examples=30,
    derandomize=True,
    # Shrinking would run the database through thousands of examples; the first that fails says enough.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WEIGHTS = (
    AttendanceCategory.PRESENT,
    AttendanceCategory.NOT_REQUIRED,
    AttendanceCategory.LATE,
    AttendanceCategory.ABSENT_EXCUSED,
    AttendanceCategory.ABSENT_UNEXCUSED,
)


@dataclass(frozen=True)
class Week:
    """Ten days of one student: in which of two forms (None: in none), what was taken, and what was marked."""

    forms: list[int | None]
    taken: list[tuple[bool | None, bool | None]]
    marks: list[list[tuple[AttendanceCategory, Session]]]


def lists(elements: Any) -> Any:
    return st.lists(elements, min_size=len(DAYS), max_size=len(DAYS))


WEEKS = st.builds(
    Week,
    forms=lists(st.sampled_from([0, 0, 0, 1, None])),
    taken=lists(st.tuples(st.sampled_from([True, True, False, None]), st.sampled_from([True, False, None]))),
    marks=lists(
        st.lists(
            st.tuples(st.sampled_from(AttendanceCategory), st.sampled_from(Session)),
            max_size=2,
            unique_by=lambda mark: mark[1],
        )
    ),
)


def store(session: Any, world: World, week: Week) -> None:
    old = world.things["register"]
    session.delete(session.scalar(select(AttendanceMark).where(AttendanceMark.register_id == old.id)))
    session.flush()
    session.delete(old)
    session.delete(session.scalar(select(Enrolment).where(Enrolment.student_id == world.student.id)))
    session.flush()
    forms = (world.form.id, world.other_form.id)
    for day, place, taken, marks in zip(DAYS, week.forms, week.taken, week.marks, strict=True):
        if place is not None:
            session.add(Enrolment(student_id=world.student.id, form_id=forms[place], starts_on=day, ends_on=day))
        for number, state in enumerate(taken):
            if state is not None:
                register = Register(
                    form_id=forms[number],
                    date=day,
                    session=Session.DAY,
                    state=RegisterState.TAKEN if state else RegisterState.NOT_TAKEN,
                )
                session.add(register)
                session.flush()
                if number == place:
                    for category, part in marks:
                        mark(session, world, register, category, part)
    session.flush()


def category_on(week: Week, number: int) -> AttendanceCategory | None:
    """What a patient clerk would write for one day."""
    place = week.forms[number]
    if place is None or week.taken[number][place] is not True:
        return None
    marks = [category for category, _ in week.marks[number]]
    return max(marks, key=WEIGHTS.index, default=AttendanceCategory.PRESENT)


# Ten days in the first form, each with its register and one of the pairs of marks that a file may bring.
PAIRS = Week(
    forms=[0] * len(DAYS),
    taken=[(True, None)] * len(DAYS),
    marks=[[(one, Session.AM), (two, Session.DAY)] for one, two in combinations(AttendanceCategory, 2)],
)


@ON_THE_DATABASE
@example(PAIRS)
@given(WEEKS)
def test_attendance_equals_a_recount_of_every_day(session: Any, two_schools: TwoSchools, week: Week) -> None:
    ours = two_schools.ours
    undo = session.begin_nested()
    store(session, ours, week)
    found = attendance_facts_of(session, [ours.student.id], as_of=TODAY, thresholds=THRESHOLDS).get(ours.student.id)
    undo.rollback()
    session.expire_all()
    enrolled = [number for number, place in enumerate(week.forms) if place is not None]
    if found is None:
        assert enrolled == []
        return
    days = [category_on(week, number) for number in enrolled]
    known = [one for one in days if one is not None]
    counted = [one for one in known if one is not AttendanceCategory.NOT_REQUIRED]
    absent = [one for one in counted if one.value.startswith("absent")]
    assert found.sessions_unknown == len(days) - len(known)
    assert (found.sessions_counted, found.days_counted) == (len(counted), len(counted))
    assert found.sessions_absent == len(absent)
    assert found.sessions_late == counted.count(AttendanceCategory.LATE)
    assert found.absence_rate == (Fraction(len(absent), len(counted)) if counted else None)
    run = 0
    for one in reversed(counted):
        if not one.value.startswith("absent"):
            break
        run += 1
    assert found.consecutive_absent_days == run


INCIDENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5), st.sampled_from(IncidentKind)), max_size=12)


@ON_THE_DATABASE
@given(INCIDENTS)
def test_incidents_equal_a_recount_of_the_window(
    session: Any, two_schools: TwoSchools, rows: list[tuple[int, int, IncidentKind]]
) -> None:
    ours = two_schools.ours
    other = ours.students[1]
    undo = session.begin_nested()
    for back, severity, kind in rows:
        session.add(
            Incident(
                student_id=other.id,
                kind=kind,
                occurred_on=TODAY - timedelta(back),
                category="Any",
                severity=severity,
                description="Any.",
            )
        )
    session.flush()
    found = behaviour_facts_of(session, [other.id], as_of=TODAY, thresholds=THRESHOLDS)[other.id]
    undo.rollback()
    session.expire_all()
    # The factories' calendar has a school day on each of the last days, so that the window is one of plain days.
    inside = [one for one in rows if one[0] < THRESHOLDS.incident_window_school_days]
    concerns = [severity for _, severity, kind in inside if kind is IncidentKind.CONCERN]
    assert sorted(fact.severity for fact in found.incidents) == sorted(concerns)


RESULTS = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.one_of(st.none(), st.decimals(0, 120, places=1)),
        st.sampled_from([Decimal(20), Decimal(40), Decimal(100)]),
        st.sampled_from(["fully graded", "fully graded", "exempt"]),
    ),
    max_size=10,
)


@ON_THE_DATABASE
@given(RESULTS)
def test_averages_equal_a_recount_of_every_result(
    session: Any, two_schools: TwoSchools, rows: list[tuple[int, Decimal | None, Decimal, str]]
) -> None:
    ours = two_schools.ours
    other, group = ours.students[1], ours.things["teaching_group"]
    undo = session.begin_nested()
    for number, (back, score, maximum, status) in enumerate(rows):
        on: date = TODAY - timedelta(back)
        work = Assessment(teaching_group_id=group.id, title=f"Work {number}", due_on=on, maximum=maximum)
        session.add(work)
        session.flush()
        session.add(
            AssessmentResult(assessment_id=work.id, student_id=other.id, score=score, scored_on=on, score_status=status)
        )
    session.flush()
    found = marks_facts_of(session, [other.id], as_of=TODAY, thresholds=THRESHOLDS).get(other.id)
    undo.rollback()
    session.expire_all()
    shares = [
        100 * Fraction(score) / Fraction(maximum)
        for _, score, maximum, status in rows
        if score is not None and status != "exempt"
    ]
    if found is None:
        assert shares == []
        return
    (subject,) = found.subjects
    assert subject.results_counted == len(shares)
    assert subject.average_percent == sum(shares) / len(shares)
