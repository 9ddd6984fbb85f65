"""The rules of alerts: facts and thresholds in, a judgement with its reasons out; no database, no clock.

The evaluation of alerts, the preview of thresholds and the risk profile call judge().
"""

from __future__ import annotations

from collections.abc import Iterator

from school_app.alerts.facts import AttendanceFacts, MarksFacts, StudentFacts
from school_app.alerts.rules.attendance import chronic_absence, consecutive_unexplained, prevention_band
from school_app.alerts.rules.behaviour import behaviour
from school_app.alerts.rules.decision import Judgement, NotEnoughData, Rule, Verdict
from school_app.alerts.rules.marks import course_failure, marks_falling
from school_app.alerts.thresholds import Thresholds

ATTENDANCE_RULES = (Rule.CHRONIC_ABSENCE, Rule.PREVENTION_BAND, Rule.CONSECUTIVE_UNEXPLAINED)
MARKS_RULES = (Rule.COURSE_FAILURE, Rule.MARKS_FALLING)


def judge(facts: StudentFacts, thresholds: Thresholds) -> Judgement:
    """What every rule says of one student; a part without facts is "not enough data" for each of its rules."""
    return Judgement.of(_verdicts(facts, thresholds))


def _verdicts(facts: StudentFacts, thresholds: Thresholds) -> Iterator[Verdict]:
    if facts.attendance is None:
        yield from (_without(rule, "attendance") for rule in ATTENDANCE_RULES)
    else:
        yield from _of_attendance(facts.attendance, thresholds)
    if facts.behaviour is None:
        yield _without(Rule.BEHAVIOUR, "behaviour")
    else:
        yield behaviour(facts.behaviour, thresholds)
    if facts.marks is None or not facts.marks.subjects:
        yield from (_without(rule, "marks") for rule in MARKS_RULES)
    else:
        yield from _of_marks(facts.marks, thresholds)


def _of_attendance(facts: AttendanceFacts, thresholds: Thresholds) -> Iterator[Verdict]:
    yield chronic_absence(facts, thresholds)
    yield prevention_band(facts, thresholds)
    yield consecutive_unexplained(facts, thresholds)


def _of_marks(facts: MarksFacts, thresholds: Thresholds) -> Iterator[Verdict]:
    for subject in facts.subjects:
        yield course_failure(facts, thresholds, subject=subject)
        yield marks_falling(facts, thresholds, subject=subject)


def _without(rule: Rule, part: str) -> NotEnoughData:
    return NotEnoughData(rule, None, f"Not enough data: nothing is recorded about {part}.")
