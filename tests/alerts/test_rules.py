"""The rules at, below and above each of their cut points; without data; and what never may happen."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_app.alerts.facts import (
    AttendanceCategory,
    AttendanceFacts,
    BehaviourFacts,
    EnrolledSpan,
    IncidentFact,
    MarksFacts,
    StudentFacts,
    SubjectMarks,
    mean_percent,
)
from school_app.alerts.risk import RiskLevel, risk_profile
from school_app.alerts.rules import judge
from school_app.alerts.rules.attendance import Band, band, is_severe
from school_app.alerts.rules.decision import Decision, NotEnoughData, Rule, Severity
from school_app.alerts.rules.episodes import EpisodeState, EpisodeStatus, Move, transition
from school_app.alerts.rules.preview import preview
from school_app.alerts.school_days import attendance_facts
from school_app.alerts.thresholds import LIMITS, InvalidThresholds, Thresholds, numeric_fields

DEFAULTS = Thresholds()
MONDAY = date(2026, 3, 2)
DAYS = [MONDAY + timedelta(days=7 * week + day) for week in range(20) for day in range(5)]
UNEXPLAINED, EXCUSED, LATE = (
    AttendanceCategory.ABSENT_UNEXCUSED,
    AttendanceCategory.ABSENT_EXCUSED,
    AttendanceCategory.LATE,
)


def attended(marks: dict[int, AttendanceCategory], days: int = 50, missing: tuple[int, ...] = ()) -> AttendanceFacts:
    """The facts of so many school days; marks and missing registers by the number of the day."""
    listed = DAYS[:days]
    return attendance_facts(
        listed[-1],
        {(day, "DAY") for number, day in enumerate(listed) if number not in missing},
        exceptions={(DAYS[number], "DAY"): category for number, category in marks.items()},
        instructional_days=listed,
        enrolled=[EnrolledSpan(DAYS[0], None)],
        school_year_key="2026",
    )


def student(**parts: Any) -> StudentFacts:
    return StudentFacts(1, "Ann Able", **parts)


def decision(facts: StudentFacts, rule: Rule, thresholds: Thresholds = DEFAULTS) -> Decision | None:
    return next((one for one in judge(facts, thresholds).decisions if one.rule is rule), None)


@pytest.mark.parametrize(
    ("absent", "of", "found"),
    [
        (0, 100, Band.BELOW),
        (4, 100, Band.BELOW),
        (5, 100, Band.PREVENTION),
        (9, 100, Band.PREVENTION),
        (10, 100, Band.EARLY_INTERVENTION),
        (199, 1000, Band.EARLY_INTERVENTION),
        (20, 100, Band.INTENSIVE),
        (100, 100, Band.INTENSIVE),
    ],
)
def test_a_rate_on_a_cut_point_is_in_the_upper_band(absent: int, of: int, found: Band) -> None:
    assert band(Fraction(absent, of), DEFAULTS) is found


@pytest.mark.parametrize(
    ("absent", "severity"),
    [(4, None), (5, Severity.CONCERN), (9, Severity.CONCERN), (10, Severity.SERIOUS), (25, Severity.GRAVE)],
)
def test_chronic_absence_begins_at_ten_percent_of_the_days(absent: int, severity: Severity | None) -> None:
    # Every other day from the middle back, so that no run of days raises an alert of its own.
    facts = student(attendance=attended({2 * number: EXCUSED for number in range(absent)}, days=50))
    found = decision(facts, Rule.CHRONIC_ABSENCE)
    assert (found.severity if found else None) == severity


def test_ten_days_have_to_be_counted_before_absence_is_judged() -> None:
    nine = judge(student(attendance=attended({0: UNEXPLAINED, 2: UNEXPLAINED}, days=9)), DEFAULTS)
    assert Rule.CHRONIC_ABSENCE in {one.rule for one in nine.not_enough}
    assert decision(student(attendance=attended({0: EXCUSED, 2: EXCUSED}, days=10)), Rule.CHRONIC_ABSENCE) is not None


def test_missing_registers_count_neither_as_presence_nor_towards_the_ten_days() -> None:
    facts = attended({0: EXCUSED}, days=12, missing=(3, 4, 5))
    assert (facts.sessions_counted, facts.sessions_unknown, facts.absence_rate) == (9, 3, Fraction(1, 9))
    assert {one.rule for one in judge(student(attendance=facts), DEFAULTS).not_enough} >= {Rule.CHRONIC_ABSENCE}


def test_late_is_attended() -> None:
    facts = attended({number: LATE for number in range(50)})
    assert (facts.absence_rate, facts.sessions_late) == (Fraction(0), 50)


@pytest.mark.parametrize(
    ("run", "severity"), [(2, None), (3, Severity.CONCERN), (5, Severity.SERIOUS), (10, Severity.GRAVE)]
)
def test_days_in_a_row_without_a_reason(run: int, severity: Severity | None) -> None:
    facts = student(attendance=attended({49 - number: UNEXPLAINED for number in range(run)}))
    found = decision(facts, Rule.CONSECUTIVE_UNEXPLAINED)
    assert (found.severity if found else None) == severity


def test_a_day_with_a_reason_or_attended_ends_the_run_and_an_unknown_one_does_not() -> None:
    def run(marks: dict[int, AttendanceCategory], missing: tuple[int, ...] = ()) -> int:
        return attended(marks, missing=missing).consecutive_unexplained_days

    assert run({49: UNEXPLAINED, 48: UNEXPLAINED, 46: UNEXPLAINED}) == 2
    assert run({49: UNEXPLAINED, 48: EXCUSED, 47: UNEXPLAINED}) == 1
    assert run({49: UNEXPLAINED, 47: UNEXPLAINED}, missing=(48,)) == 2
    open_ = replace(DEFAULTS, mute_excused=False)
    facts = student(attendance=attended({49: EXCUSED, 48: EXCUSED, 47: EXCUSED}))
    assert decision(facts, Rule.CONSECUTIVE_UNEXPLAINED) is None
    assert decision(facts, Rule.CONSECUTIVE_UNEXPLAINED, open_) is not None


def test_the_reason_says_it_in_words() -> None:
    facts = attended({2 * number: UNEXPLAINED for number in range(15, 25)})
    found = decision(student(attendance=replace(facts, last_note_on=date(2026, 3, 3))), Rule.CHRONIC_ABSENCE)
    assert found is not None
    said = found.reason.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")
    assert said == "Absent 10 of the last 20 days; 20.0 % this year (50 days counted); no note since 3 Mar."


def incidents(*severities: int) -> BehaviourFacts:
    facts = tuple(IncidentFact(number, MONDAY, severity=one, category="x") for number, one in enumerate(severities))
    return BehaviourFacts(MONDAY, "2026", MONDAY, 30, incidents=facts)


@pytest.mark.parametrize(
    ("severities", "fires"),
    [((), False), ((3,), False), ((2, 2, 2), False), ((3, 2), False), ((3, 3), True), ((4, 3, 1), True)],
)
def test_two_incidents_of_moderate_severity_raise_an_alert(severities: tuple[int, ...], fires: bool) -> None:
    assert (decision(student(behaviour=incidents(*severities)), Rule.BEHAVIOUR) is not None) is fires


def subject(average: int | None, results: int = 3, **more: Any) -> SubjectMarks:
    average_percent = None if average is None else Fraction(average)
    fixed: dict[str, Any] = {
        "subject_key": "1",
        "subject": "Maths",
        "is_core": True,
        "term_key": "2",
        "term_name": "Spring",
    }
    return SubjectMarks(**{**fixed, **more}, average_percent=average_percent, results_counted=results)


def marked(one: SubjectMarks) -> StudentFacts:
    return student(marks=MarksFacts(MONDAY, "2026", subjects=(one,)))


@pytest.mark.parametrize(
    ("average", "severity"), [(50, None), (49, Severity.CONCERN), (30, Severity.CONCERN), (29, Severity.SERIOUS)]
)
def test_a_core_subject_fails_below_fifty_percent(average: int, severity: Severity | None) -> None:
    found = decision(marked(subject(average)), Rule.COURSE_FAILURE)
    assert (found.severity if found else None) == severity


def test_a_subject_that_is_not_core_never_fails_and_two_results_are_too_few() -> None:
    assert decision(marked(subject(10, is_core=False)), Rule.COURSE_FAILURE) is None
    few = judge(marked(subject(10, results=2)), DEFAULTS)
    assert Rule.COURSE_FAILURE in {one.rule for one in few.not_enough}


@pytest.mark.parametrize(("before", "fires"), [(79, False), (80, True), (90, True)])
def test_marks_fall_by_ten_points_between_terms(before: int, fires: bool) -> None:
    one = subject(
        70, previous_term_name="Autumn", previous_average_percent=Fraction(before), previous_results_counted=3
    )
    assert (decision(marked(one), Rule.MARKS_FALLING) is not None) is fires


def test_an_average_is_exact_and_extra_credit_counts() -> None:
    scores = [(Decimal(110), Decimal(0), Decimal(100)), (Decimal("0.1"), Decimal(0), Decimal("0.3"))]
    assert mean_percent(scores) == (Fraction(110) + Fraction(100, 3)) / 2
    assert mean_percent([]) is None


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (student(), RiskLevel.NOT_ENOUGH_DATA),
        (student(attendance=attended({}, days=5)), RiskLevel.NOT_ENOUGH_DATA),
        (student(attendance=attended({})), RiskLevel.NONE),
        (student(attendance=attended({0: EXCUSED, 2: EXCUSED, 4: EXCUSED})), RiskLevel.PREVENTION),
        (student(attendance=attended({}), behaviour=incidents(3, 3)), RiskLevel.ONE_INDICATOR),
        (student(attendance=attended({2 * n: EXCUSED for n in range(10)})), RiskLevel.TWO_INDICATORS),
        (
            student(attendance=attended({2 * n: EXCUSED for n in range(10)}), behaviour=incidents(3, 3)),
            RiskLevel.THREE_INDICATORS,
        ),
    ],
)
def test_the_level_of_risk_counts_the_indicators(facts: StudentFacts, level: RiskLevel) -> None:
    assert risk_profile(judge(facts, DEFAULTS), facts, DEFAULTS).level is level


@given(st.sets(st.integers(0, 49)), st.integers(0, 49))
def test_one_more_day_absent_never_makes_it_better(days: set[int], more: int) -> None:
    def worst(absent: set[int]) -> tuple[Fraction, int]:
        facts = attended({day: EXCUSED for day in absent})
        found = decision(student(attendance=facts), Rule.CHRONIC_ABSENCE)
        return facts.absence_rate or Fraction(0), int(found.severity) if found else 0

    assert worst(days) <= worst(days | {more})


@given(st.sets(st.integers(0, 49)), st.sets(st.integers(0, 49)))
def test_an_unknown_day_stands_in_no_rate(absent: set[int], missing: set[int]) -> None:
    facts = attended({day: UNEXPLAINED for day in absent - missing}, missing=tuple(missing))
    assert facts.sessions_counted == 50 - len(missing)
    assert facts.sessions_absent == len(absent - missing)
    assert facts.sessions_unknown == len(missing)


def fired(severity: Severity) -> Decision:
    return Decision(Rule.BEHAVIOUR, severity, "2026", "Reason.", {})


UNJUDGED = NotEnoughData(Rule.BEHAVIOUR, None, "No data.")
OPEN, DECIDED, RESOLVED = EpisodeStatus.OPEN, EpisodeStatus.DECIDED, EpisodeStatus.RESOLVED


@pytest.mark.parametrize(
    ("stored", "verdict", "move"),
    [
        (None, None, Move.NOTHING),
        (None, UNJUDGED, Move.NOTHING),
        (None, fired(Severity.WATCH), Move.NOTHING),
        (None, fired(Severity.CONCERN), Move.OPEN),
        (EpisodeState(OPEN, 2), fired(Severity.CONCERN), Move.KEEP),
        (EpisodeState(OPEN, 2), fired(Severity.SERIOUS), Move.WORSEN),
        (EpisodeState(OPEN, 2), UNJUDGED, Move.KEEP),
        (EpisodeState(OPEN, 2), None, Move.RESOLVE),
        (EpisodeState(DECIDED, 2, 2), fired(Severity.CONCERN), Move.KEEP),
        (EpisodeState(DECIDED, 2, 3), fired(Severity.SERIOUS), Move.KEEP),
        (EpisodeState(DECIDED, 3, 3), fired(Severity.GRAVE), Move.WORSEN),
        (EpisodeState(DECIDED, 2, 2), None, Move.RESOLVE),
        (EpisodeState(RESOLVED, 2), None, Move.NOTHING),
        (EpisodeState(RESOLVED, 2), UNJUDGED, Move.NOTHING),
        (EpisodeState(RESOLVED, 2), fired(Severity.CONCERN), Move.REOPEN),
    ],
)
def test_an_episode_moves_as_its_facts_and_answers_say(stored: Any, verdict: Any, move: Move) -> None:
    assert transition(stored, verdict).move is move


@given(st.lists(st.sampled_from([Severity.CONCERN, Severity.SERIOUS, Severity.GRAVE]), min_size=1, max_size=12))
def test_a_decided_alert_asks_again_only_above_what_was_decided_on(severities: list[Severity]) -> None:
    decided = severities[0]
    for severity in severities:
        answer = transition(EpisodeState(DECIDED, int(severity), int(decided)), fired(severity))
        assert answer.asks is (severity > decided)


def test_what_is_severe_is_half_of_the_days() -> None:
    assert is_severe(Fraction(1, 2), DEFAULTS)
    assert not is_severe(Fraction(49, 100), DEFAULTS)


def test_a_preview_counts_students_once_and_by_form() -> None:
    bad = student(attendance=attended({2 * n: EXCUSED for n in range(10)}), behaviour=incidents(3, 3))
    shown = preview([("9A", bad), ("9A", student(attendance=attended({}))), ("9B", student())], DEFAULTS)
    assert (shown.students, shown.flagged, shown.not_enough_data) == (3, 1, 1)
    assert shown.by_form == {"9A": 1, "9B": 0}
    assert shown.forms_over(0) == ("9A",)


def test_every_number_has_its_limits_and_every_default_keeps_them() -> None:
    assert {limit.field for limit in LIMITS} == set(numeric_fields())
    assert Thresholds.from_settings(DEFAULTS.to_settings()) == DEFAULTS


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({"chronic_percent": "4"}, "chronic_percent"),
        ({"minimum_days": 0}, "minimum_days"),
        ({"minimum_days": "ten"}, "minimum_days"),
        ({"prevention_percent": "NaN"}, "prevention_percent"),
        ({"falling_points": "1e999999999"}, "falling_points"),
        ({"mute_excused": "perhaps"}, "mute_excused"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"failing_percent": "12.345"}, "failing_percent"),
    ],
)
def test_settings_that_cannot_hold_are_named(entered: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidThresholds) as refused:
        Thresholds.from_settings(entered)
    assert field in {problem.field for problem in refused.value.problems}


def test_thresholds_are_plain_values() -> None:
    assert all(isinstance(getattr(DEFAULTS, one.name), Decimal | int | bool) for one in fields(Thresholds))
