"""A student's risk profile: one level from what the rules say, with the triggers and counts that produced it.

The evaluation of alerts stores it; pages print it. It orders attention and predicts nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from school_app.alerts.facts import StudentFacts
from school_app.alerts.rules.attendance import Band, known_band
from school_app.alerts.rules.decision import Count, Indicator, Judgement, NotEnoughData, Rule
from school_app.alerts.thresholds import Thresholds


class RiskLevel(enum.Enum):
    """The level; its value is the number to store, None for "not enough data", a level of its own."""

    NOT_ENOUGH_DATA = None
    NONE = 0
    PREVENTION = 1
    ONE_INDICATOR = 2
    TWO_INDICATORS = 3
    THREE_INDICATORS = 4


@dataclass(frozen=True, slots=True)
class RiskProfile:
    """The level, the rules that fired (worst first), their reasons, the counts, and what was not judged."""

    level: RiskLevel
    triggers: tuple[Rule, ...]
    reasons: tuple[str, ...]
    unjudged: tuple[Indicator, ...]
    inputs: Mapping[str, Count] = field(hash=False)


def risk_profile(judgement: Judgement, facts: StudentFacts, thresholds: Thresholds) -> RiskProfile:
    """The risk profile from a judgement of the same facts by the same thresholds.

    4: all three indicators, or absence in the intensive band and another indicator. 3: two indicators, or the
    intensive band. 2: one indicator. 1: the prevention band only. 0: none of these. Where nothing fired and
    attendance cannot be judged, the level is "not enough data"; where something fired, missing parts can only
    raise the level, so it stands. Source: students off track on more of the ABC indicators drop out more
    often (Balfanz, Herzog and Mac Iver, 2007); the bands are those of alerts.rules.attendance. The weighing
    is this product's own.
    """
    raised = {decision.indicator for decision in judgement.alerts}
    band = known_band(facts.attendance, thresholds)
    return RiskProfile(
        level=_level(raised, band),
        triggers=tuple(dict.fromkeys(decision.rule for decision in judgement.decisions)),
        reasons=tuple(decision.reason for decision in judgement.decisions),
        unjudged=_unjudged(judgement, facts),
        inputs=_inputs(facts, band),
    )


def _level(raised: set[Indicator], band: Band | None) -> RiskLevel:
    if not raised:
        if band is None:
            return RiskLevel.NOT_ENOUGH_DATA
        return RiskLevel.PREVENTION if band is Band.PREVENTION else RiskLevel.NONE
    intensive = band is Band.INTENSIVE
    if len(raised) == len(Indicator) or (intensive and len(raised) > 1):
        return RiskLevel.THREE_INDICATORS
    return RiskLevel.TWO_INDICATORS if intensive or len(raised) > 1 else RiskLevel.ONE_INDICATOR


def _unjudged(judgement: Judgement, facts: StudentFacts) -> tuple[Indicator, ...]:
    missing = {unjudged.indicator for unjudged in judgement.not_enough if _decides(unjudged)}
    short = sum(unjudged.rule is Rule.COURSE_FAILURE for unjudged in judgement.not_enough)
    # One core subject with enough results is enough to say something of the student's course performance.
    if _core_subjects(facts) > short:
        missing.discard(Indicator.COURSE)
    return tuple(indicator for indicator in Indicator if indicator in missing)


def _decides(unjudged: NotEnoughData) -> bool:
    # A fall needs two terms and is unjudged in every first one, which does not make the marks unknown.
    return unjudged.rule in (Rule.CHRONIC_ABSENCE, Rule.BEHAVIOUR, Rule.COURSE_FAILURE)


def _core_subjects(facts: StudentFacts) -> int:
    return sum(subject.is_core for subject in facts.marks.subjects) if facts.marks else 0


def _inputs(facts: StudentFacts, band: Band | None) -> dict[str, Count]:
    counts: dict[str, Count] = {"band": band.value if band else None}
    if facts.attendance:
        counts["sessions_counted"] = facts.attendance.sessions_counted
        counts["sessions_absent"] = facts.attendance.sessions_absent
        counts["sessions_unknown"] = facts.attendance.sessions_unknown
        counts["days_counted"] = facts.attendance.days_counted
        counts["consecutive_unexplained_days"] = facts.attendance.consecutive_unexplained_days
    if facts.behaviour:
        counts["incidents"] = len(facts.behaviour.incidents)
        counts["window_school_days"] = facts.behaviour.window_school_days
    if facts.marks:
        counts["subjects"] = len(facts.marks.subjects)
        counts["results_counted"] = sum(subject.results_counted for subject in facts.marks.subjects)
    return counts
