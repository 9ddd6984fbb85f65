"""What thresholds would do before they are saved: how many students they would flag, and in which forms.

The admin's page of thresholds uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from school_app.alerts.facts import StudentFacts
from school_app.alerts.rules import judge
from school_app.alerts.rules.decision import Rule
from school_app.alerts.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Preview:
    """Counts of students: all, those with an alert, and those whose attendance cannot be judged yet.

    A student with several alerts is flagged once, and counts once under each rule.
    """

    students: int
    flagged: int
    not_enough_data: int
    by_form: Mapping[str, int]
    by_rule: Mapping[Rule, int]

    def forms_over(self, cap: int) -> tuple[str, ...]:
        """The forms whose form master would have more than `cap` students to decide on, the fullest first."""
        over = [(form, count) for form, count in self.by_form.items() if count > cap]
        return tuple(form for form, count in sorted(over, key=lambda pair: (-pair[1], pair[0])))


def preview(students: Iterable[tuple[str, StudentFacts]], thresholds: Thresholds) -> Preview:
    """What `thresholds` would flag among students, each given with the name of their form."""
    total = flagged = unjudged = 0
    by_form: Counter[str] = Counter()
    by_rule: Counter[Rule] = Counter()
    for form, facts in students:
        judgement = judge(facts, thresholds)
        rules = {decision.rule for decision in judgement.alerts}
        total += 1
        flagged += bool(rules)
        unjudged += any(missing.rule is Rule.CHRONIC_ABSENCE for missing in judgement.not_enough)
        by_form[form] += bool(rules)
        by_rule.update(rules)
    return Preview(total, flagged, unjudged, by_form=dict(by_form), by_rule=dict(by_rule))


def reaching(rates: Iterable[Fraction], percent: Decimal) -> int:
    """How many absence rates, 0 to 1, reach a cut point in percent: the number beside a slider, without the facts."""
    return sum(rate * 100 >= Fraction(percent) for rate in rates)
