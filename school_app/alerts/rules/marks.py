"""The rules on course performance: a failing mark in a core subject, and marks that fall between terms.

alerts.rules.judge() calls them, once for each subject.
"""

from __future__ import annotations

from fractions import Fraction

from school_app.alerts.facts import MarksFacts, SubjectMarks
from school_app.alerts.rules import words
from school_app.alerts.rules.decision import Decision, NotEnoughData, Rule, Severity, Verdict
from school_app.alerts.thresholds import Thresholds
from school_app.core.figures import percent, tenths


def course_failure(facts: MarksFacts, thresholds: Thresholds, *, subject: SubjectMarks) -> Verdict:
    """An average below 50 % this term in a core subject, with at least 3 results; a window is one subject's term.

    Serious below the school's badly failing mark. A subject that is not core never fires.
    Source: the C of the early-warning indicators (Balfanz), with this product's defaults.
    """
    if not subject.is_core:
        return None
    window = _window(facts, subject)
    average = subject.average_percent
    if average is None or subject.results_counted < thresholds.minimum_results:
        return _too_few_results(Rule.COURSE_FAILURE, subject, thresholds, window=window)
    if average >= Fraction(thresholds.failing_percent):
        return None
    badly = average < Fraction(thresholds.failing_badly_percent)
    basis = f"{words.counted(subject.results_counted, 'result')} counted"
    pass_mark = words.cut_point(thresholds.failing_percent)
    return Decision(
        Rule.COURSE_FAILURE,
        Severity.SERIOUS if badly else Severity.CONCERN,
        window,
        reason=f"{subject.subject}: {percent(average)} in {subject.term_name} ({basis}), below {pass_mark}.",
        inputs={
            "subject": subject.subject,
            "term": subject.term_name,
            "average_percent": str(tenths(average)),
            "results_counted": subject.results_counted,
            "failing_percent": str(thresholds.failing_percent),
        },
    )


def marks_falling(facts: MarksFacts, thresholds: Thresholds, *, subject: SubjectMarks) -> Verdict:
    """An average at least 10 points below the term before, in any subject, with 3 results in each term.

    Serious from twice the step on; a window is a subject's term. Source: this product's default.
    """
    window = _window(facts, subject)
    now, before = subject.average_percent, subject.previous_average_percent
    fewest = min(subject.results_counted, subject.previous_results_counted)
    if now is None or before is None or fewest < thresholds.minimum_results:
        return _too_few_results(Rule.MARKS_FALLING, subject, thresholds, window=window)
    step = Fraction(thresholds.falling_points)
    if before - now < step:
        return None
    return Decision(
        Rule.MARKS_FALLING,
        Severity.SERIOUS if before - now >= 2 * step else Severity.CONCERN,
        window,
        reason=_fall(subject, now, before=before),
        inputs={
            "subject": subject.subject,
            "term": subject.term_name,
            "previous_term": subject.previous_term_name,
            "average_percent": str(tenths(now)),
            "previous_average_percent": str(tenths(before)),
            "results_counted": subject.results_counted,
            "previous_results_counted": subject.previous_results_counted,
            "falling_points": str(thresholds.falling_points),
        },
    )


def _fall(subject: SubjectMarks, now: Fraction, *, before: Fraction) -> str:
    term = subject.previous_term_name or "the term before"
    results = words.counted(subject.previous_results_counted, "result")
    return (
        f"{subject.subject}: {percent(now)} in {subject.term_name}, "
        f"{tenths(before) - tenths(now)} points below {percent(before)} in {term} "
        f"({subject.results_counted} and {results} counted)."
    )


def _window(facts: MarksFacts, subject: SubjectMarks) -> str:
    return f"{facts.school_year_key}/{subject.term_key}/{subject.subject_key}"


def _too_few_results(rule: Rule, subject: SubjectMarks, thresholds: Thresholds, *, window: str) -> NotEnoughData:
    has = words.counted(subject.results_counted, "result")
    said = f"{has} in {subject.term_name}"
    if rule is Rule.MARKS_FALLING:
        said += f" and {subject.previous_results_counted} in the term before"
    needed = f"{thresholds.minimum_results} needed" + (" in each" if rule is Rule.MARKS_FALLING else "")
    reason = f"Not enough data: {subject.subject} has {said}, {needed}."
    counts = {
        "results_counted": subject.results_counted,
        "previous_results_counted": subject.previous_results_counted,
    }
    return NotEnoughData(rule, window, reason, inputs={"subject": subject.subject, **counts})
