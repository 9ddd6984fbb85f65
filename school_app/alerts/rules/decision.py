"""What a rule answers: a decision with its reason and counts, or that there is not enough data to judge.

The rules make these; the evaluation of alerts, the risk profile and the preview read them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Count = int | str | None


class Rule(enum.StrEnum):
    """The rules, by the names under which alerts are stored."""

    CHRONIC_ABSENCE = "chronic_absence"
    PREVENTION_BAND = "prevention_band"
    CONSECUTIVE_UNEXPLAINED = "consecutive_unexplained"
    BEHAVIOUR = "behaviour"
    COURSE_FAILURE = "course_failure"
    MARKS_FALLING = "marks_falling"


class Indicator(enum.StrEnum):
    """Attendance, behaviour, course performance: the ABC of early warning (Balfanz and others, 2007)."""

    ATTENDANCE = "A"
    BEHAVIOUR = "B"
    COURSE = "C"


class Severity(enum.IntEnum):
    """How bad, on one scale for all rules, so that a student's worst alert can be told."""

    WATCH = 1
    CONCERN = 2
    SERIOUS = 3
    GRAVE = 4


INDICATORS: Mapping[Rule, Indicator] = {
    Rule.CHRONIC_ABSENCE: Indicator.ATTENDANCE,
    Rule.PREVENTION_BAND: Indicator.ATTENDANCE,
    Rule.CONSECUTIVE_UNEXPLAINED: Indicator.ATTENDANCE,
    Rule.BEHAVIOUR: Indicator.BEHAVIOUR,
    Rule.COURSE_FAILURE: Indicator.COURSE,
    Rule.MARKS_FALLING: Indicator.COURSE,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule that fired for a student in one window; `reason` says why in words, `inputs` by which counts.

    `window_key` tells the episodes of one rule apart: a school year, the first day of a run, a term and
    subject. What needs no decision is shown on the form's table, but is no alert.
    """

    rule: Rule
    severity: Severity
    window_key: str
    reason: str
    inputs: Mapping[str, Count] = field(hash=False)

    @property
    def indicator(self) -> Indicator:
        """The indicator that the rule belongs to."""
        return INDICATORS[self.rule]

    @property
    def needs_decision(self) -> bool:
        """Whether a person has to answer it."""
        return self.severity > Severity.WATCH


@dataclass(frozen=True, slots=True)
class NotEnoughData:
    """A rule that could not judge, and why; without a `window_key` it could judge no window at all."""

    rule: Rule
    window_key: str | None
    reason: str
    inputs: Mapping[str, Count] = field(default_factory=dict, hash=False)

    @property
    def indicator(self) -> Indicator:
        """The indicator that the rule belongs to."""
        return INDICATORS[self.rule]


Verdict = Decision | NotEnoughData | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that the rules say of one student; a rule that judged and did not fire is in neither part."""

    decisions: tuple[Decision, ...]
    not_enough: tuple[NotEnoughData, ...]

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Judgement:
        """The verdicts sorted into what fired, worst first, and what could not be judged."""
        known = list(verdicts)
        fired = [verdict for verdict in known if isinstance(verdict, Decision)]
        fired.sort(key=lambda decision: -decision.severity)
        unjudged = tuple(verdict for verdict in known if isinstance(verdict, NotEnoughData))
        return cls(tuple(fired), unjudged)

    @property
    def alerts(self) -> tuple[Decision, ...]:
        """The decisions that a person has to answer, worst first."""
        return tuple(decision for decision in self.decisions if decision.needs_decision)

    def verdict(self, rule: Rule, window_key: str) -> Verdict:
        """What the rules say of one episode; None where its facts are gone or its window is over."""
        for decision in self.decisions:
            if decision.rule is rule and decision.window_key == window_key:
                return decision
        for unjudged in self.not_enough:
            if unjudged.rule is rule and unjudged.window_key in (None, window_key):
                return unjudged
        return None
