"""The rules on attendance: bands, chronic absence, and days of absence in a row.

alerts.rules.judge() calls them; pages may ask for a rate's band.
"""

from __future__ import annotations

import enum
from fractions import Fraction

from school_app.alerts.facts import AttendanceCategory, AttendanceFacts
from school_app.alerts.rules import words
from school_app.alerts.rules.decision import Count, Decision, NotEnoughData, Rule, Severity, Verdict
from school_app.alerts.thresholds import Thresholds
from school_app.core.figures import percent


class Band(enum.StrEnum):
    """How much of school a student misses, in the three tiers of support and what lies below them."""

    BELOW = "below"
    PREVENTION = "prevention"
    EARLY_INTERVENTION = "early_intervention"
    INTENSIVE = "intensive"


def band(rate: Fraction, thresholds: Thresholds) -> Band:
    """The band of an absence rate from 0 to 1, exactly; a rate on a cut point is in the upper band.

    Source: the prevention, early intervention and intensive tiers used with the US federal 10 % of enrolled
    days.
    """
    share = rate * 100
    if share >= Fraction(thresholds.intensive_percent):
        return Band.INTENSIVE
    if share >= Fraction(thresholds.chronic_percent):
        return Band.EARLY_INTERVENTION
    return Band.PREVENTION if share >= Fraction(thresholds.prevention_percent) else Band.BELOW


def is_persistent(rate: Fraction, thresholds: Thresholds) -> bool:
    """Whether an absence rate from 0 to 1 is persistent: 10 % or more (England, Department for Education)."""
    return rate * 100 >= Fraction(thresholds.persistent_percent)


def is_severe(rate: Fraction, thresholds: Thresholds) -> bool:
    """Whether an absence rate from 0 to 1 is severe: 50 % or more (England, Department for Education)."""
    return rate * 100 >= Fraction(thresholds.severe_percent)


def known_band(facts: AttendanceFacts | None, thresholds: Thresholds) -> Band | None:
    """The student's band; None where too few days are counted to say."""
    if facts is None or facts.days_counted < thresholds.minimum_days or facts.absence_rate is None:
        return None
    return band(facts.absence_rate, thresholds)


def chronic_absence(facts: AttendanceFacts, thresholds: Thresholds) -> Verdict:
    """Absent at least 10 % of the days counted, for any reason, with 10 days counted; one window a year.

    Days with a missing register count neither as absent nor towards the ten. Severity follows the band, and
    is grave where absence is severe. Source: US Department of Education (10 % of enrolled days, 10 days
    enrolled).
    """
    known = known_band(facts, thresholds)
    if known is None or facts.absence_rate is None:
        return _too_few_days(Rule.CHRONIC_ABSENCE, facts, thresholds)
    if known in (Band.BELOW, Band.PREVENTION):
        return None
    severity = Severity.SERIOUS if known is Band.INTENSIVE else Severity.CONCERN
    if is_severe(facts.absence_rate, thresholds):
        severity = Severity.GRAVE
    return _of_rate(Rule.CHRONIC_ABSENCE, facts, thresholds, severity=severity)


def prevention_band(facts: AttendanceFacts, thresholds: Thresholds) -> Verdict:
    """Absent 5 to less than 10 % of the days counted: to be watched on the form's table, not to be decided on."""
    known = known_band(facts, thresholds)
    if known is None:
        return _too_few_days(Rule.PREVENTION_BAND, facts, thresholds)
    if known is not Band.PREVENTION:
        return None
    return _of_rate(Rule.PREVENTION_BAND, facts, thresholds, severity=Severity.WATCH)


def consecutive_unexplained(facts: AttendanceFacts, thresholds: Thresholds) -> Verdict:
    """Absent on at least 3 school days in a row, up to the last day known; each run is a window of its own.

    Counts days without an accepted reason; where the school does not mute excused absence, days of any
    absence. Source: the schools' own setting; ten days is when schools in England must report unauthorised
    absence.
    """
    if not facts.sessions_counted:
        return _no_register(Rule.CONSECUTIVE_UNEXPLAINED, facts)
    days, since = facts.consecutive_unexplained_days, facts.run_started_on
    if not thresholds.mute_excused:
        days, since = facts.consecutive_absent_days, facts.absent_run_started_on
    if since is None or days < thresholds.consecutive_days:
        return None
    what = "Absent without a reason" if thresholds.mute_excused else "Absent"
    spell = f"{what} on {words.counted(days, 'school day')} in a row, since {words.day(since, as_of=facts.as_of)}"
    return Decision(
        Rule.CONSECUTIVE_UNEXPLAINED,
        _severity_of_run(days, thresholds),
        since.isoformat(),
        reason=f"{spell}; {words.note(facts.last_note_on, as_of=facts.as_of)}.",
        inputs={
            "days": days,
            "started_on": since.isoformat(),
            "consecutive_days": thresholds.consecutive_days,
        },
    )


def _severity_of_run(days: int, thresholds: Thresholds) -> Severity:
    if days >= thresholds.consecutive_grave_days:
        return Severity.GRAVE
    return Severity.SERIOUS if days >= thresholds.consecutive_serious_days else Severity.CONCERN


def _of_rate(rule: Rule, facts: AttendanceFacts, thresholds: Thresholds, *, severity: Severity) -> Decision:
    rate = facts.absence_rate or Fraction(0)
    basis = f"{words.counted(facts.sessions_counted, facts.unit)} counted"
    if facts.sessions_unknown:
        basis += f", {words.counted(facts.sessions_unknown, 'register')} missing"
    parts = (
        _recently(facts, muted=thresholds.mute_excused),
        f"{percent(rate * 100)} this year ({basis})",
        words.note(facts.last_note_on, as_of=facts.as_of),
    )
    return Decision(
        rule,
        severity,
        facts.school_year_key,
        reason="; ".join(parts) + ".",
        inputs=_inputs(facts, thresholds),
    )


def _recently(facts: AttendanceFacts, *, muted: bool) -> str:
    counted = [fact for fact in facts.recent_sessions if fact.is_counted]
    if not counted:
        return "No register taken lately"
    absent = sum(fact.is_absent for fact in counted)
    excused = sum(fact.category is AttendanceCategory.ABSENT_EXCUSED for fact in counted)
    said = f"Absent {absent or 'on none'} of the last {words.counted(len(counted), facts.unit)}"
    return said if muted or not excused else f"{said} ({excused} of them excused)"


def _inputs(facts: AttendanceFacts, thresholds: Thresholds) -> dict[str, Count]:
    recent = [fact for fact in facts.recent_sessions if fact.is_counted]
    return {
        "sessions_counted": facts.sessions_counted,
        "sessions_absent": facts.sessions_absent,
        "sessions_absent_unexcused": facts.sessions_absent_unexcused,
        "sessions_late": facts.sessions_late,
        "sessions_unknown": facts.sessions_unknown,
        "days_counted": facts.days_counted,
        "recent_counted": len(recent),
        "recent_absent": sum(fact.is_absent for fact in recent),
        "prevention_percent": str(thresholds.prevention_percent),
        "chronic_percent": str(thresholds.chronic_percent),
        "intensive_percent": str(thresholds.intensive_percent),
    }


def _too_few_days(rule: Rule, facts: AttendanceFacts, thresholds: Thresholds) -> NotEnoughData:
    if not facts.sessions_counted:
        return _no_register(rule, facts)
    counted = words.counted(facts.days_counted, "day")
    reason = f"Not enough data: {counted} counted this year, {thresholds.minimum_days} needed."
    return NotEnoughData(rule, facts.school_year_key, reason, inputs=_inputs(facts, thresholds))


def _no_register(rule: Rule, facts: AttendanceFacts) -> NotEnoughData:
    # Without any register not even a run of days can be told apart, so no window of the rule is judged.
    window = None if rule is Rule.CONSECUTIVE_UNEXPLAINED else facts.school_year_key
    reason = "Not enough data: no register taken this year."
    return NotEnoughData(rule, window, reason, inputs={"sessions_unknown": facts.sessions_unknown})
