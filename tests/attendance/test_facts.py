"""The facts that registers, incidents and results give, from real rows, in a fixed number of statements."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session
from school_app.attendance.queries import attendance_facts_of
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.queries import behaviour_facts_of
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.queries import marks_facts_of, terms_on
from school_app.schools.context import present_school
from school_app.schools.models import Term, TermKind
from tests.days import TODAY
from tests.factories import TwoSchools, World, added, mark

THRESHOLDS = Thresholds()


def taken(session: Any, world: World, back: int, part: Session = Session.DAY) -> Register:
    found: Register = added(
        session,
        Register(form_id=world.form.id, date=TODAY - timedelta(back), session=part, state=RegisterState.TAKEN),
    )
    return found


def facts(session: Any, world: World, as_of: date = TODAY) -> Any:
    return attendance_facts_of(session, [world.student.id], as_of=as_of, thresholds=THRESHOLDS)[world.student.id]


def test_a_taken_register_without_a_mark_is_presence_and_a_missing_one_is_unknown(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    taken(session, ours, 3)
    found = facts(session, ours)
    # The factory's school has 31 school days up to today, and one register with one absence, of yesterday.
    assert (found.sessions_counted, found.sessions_absent, found.sessions_unknown) == (2, 1, 29)
    assert found.absence_rate == Fraction(1, 2)


def test_a_register_taken_back_is_unknown_again(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.things["register"].state = RegisterState.NOT_TAKEN
    session.flush()
    found = facts(session, ours)
    assert (found.sessions_counted, found.sessions_absent) == (0, 0)
    assert found.absence_rate is None


def test_a_whole_days_absence_wins_over_lateness_on_the_same_day(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    register = taken(session, ours, 4)
    mark(session, ours, register, AttendanceCategory.LATE, Session.AM)
    mark(session, ours, register, AttendanceCategory.ABSENT_EXCUSED)
    found = facts(session, ours)
    assert (found.sessions_counted, found.sessions_absent, found.sessions_late) == (2, 2, 0)


def test_a_mark_off_the_calendar_counts_nowhere(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    before = facts(session, ours)
    added(
        session,
        AttendanceMark(
            register_id=None,
            student_id=ours.student.id,
            date=TODAY - timedelta(6),
            session=Session.AM,
            code_id=ours.codes[AttendanceCategory.LATE].id,
            recorded_at=datetime.now(UTC),
        ),
    )
    assert facts(session, ours) == before


def test_days_before_enrolment_are_not_the_students(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    from sqlalchemy import select

    from school_app.students.models import Enrolment

    place = session.scalar(select(Enrolment).where(Enrolment.student_id == ours.student.id))
    place.starts_on = TODAY
    session.flush()
    found = facts(session, ours)
    assert (found.sessions_counted, found.sessions_unknown) == (0, 1)


def test_between_school_years_nobody_has_facts(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    later = ours.things["year"].ends_on + timedelta(5)
    for source in (attendance_facts_of, behaviour_facts_of, marks_facts_of):
        assert source(session, [ours.student.id], as_of=later, thresholds=THRESHOLDS) == {}  # type: ignore[operator]


@pytest.mark.parametrize(("source", "most"), [(attendance_facts_of, 4), (behaviour_facts_of, 3), (marks_facts_of, 3)])
def test_the_number_of_statements_does_not_grow_with_students(
    session: Any, two_schools: TwoSchools, statements: list[str], source: Any, most: int
) -> None:
    ids = [one.id for one in two_schools.ours.students]
    counts = []
    # Which years are closed is known from then on, as it is to every request.
    present_school(session)
    for some in (ids[:1], ids):
        statements.clear()
        source(session, some, as_of=TODAY, thresholds=THRESHOLDS)
        counts.append(len(statements))
    assert counts == [most, most]


def test_positive_records_are_no_incidents(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    added(
        session,
        Incident(
            student_id=ours.student.id,
            kind=IncidentKind.POSITIVE,
            occurred_on=TODAY,
            category="Kindness",
            severity=1,
            description="Helped.",
        ),
    )
    found = behaviour_facts_of(session, [ours.student.id, ours.students[1].id], as_of=TODAY, thresholds=THRESHOLDS)
    assert [fact.severity for fact in found[ours.student.id].incidents] == [3]
    assert found[ours.students[1].id].incidents == ()


def test_marks_are_averaged_by_subject_in_the_present_term_and_the_one_before(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    group, year = ours.things["teaching_group"], ours.things["year"]
    ours.things["term"].starts_on = TODAY - timedelta(20)
    before = added(
        session,
        Term(
            school_year_id=year.id,
            name="Autumn",
            kind=TermKind.TERM,
            starts_on=year.starts_on,
            ends_on=TODAY - timedelta(21),
        ),
    )
    for back, score, maximum in ((1, 30, 60), (40, 90, 100), (50, 80, 100)):
        on = TODAY - timedelta(back)
        work = added(
            session, Assessment(teaching_group_id=group.id, title=f"T{back}", due_on=on, maximum=Decimal(maximum))
        )
        added(session, AssessmentResult(assessment_id=work.id, student_id=ours.student.id, score=score, scored_on=on))
    subject = marks_facts_of(session, [ours.student.id], as_of=TODAY, thresholds=THRESHOLDS)[ours.student.id].subjects[
        0
    ]
    assert (subject.average_percent, subject.results_counted) == (Fraction(45), 2)
    assert (subject.previous_average_percent, subject.previous_results_counted) == (Fraction(85), 2)
    assert (subject.previous_term_name, subject.is_core) == (before.name, True)


def test_the_shortest_term_that_holds_the_day_is_the_present_one() -> None:
    def term(id_: int, kind: TermKind, first: int, last: int) -> Term:
        start = date(2026, 9, 1)
        return Term(
            id=id_, name=str(id_), kind=kind, starts_on=start + timedelta(first), ends_on=start + timedelta(last)
        )

    terms = [
        term(1, TermKind.SEMESTER, 0, 99),
        term(2, TermKind.GRADING_PERIOD, 0, 40),
        term(3, TermKind.GRADING_PERIOD, 41, 80),
    ]
    pair = terms_on(terms, date(2026, 9, 1) + timedelta(50))
    assert pair is not None
    assert (pair.present.id, pair.previous.id if pair.previous else None) == (3, 2)
    assert terms_on(terms, date(2026, 8, 1)) is None
