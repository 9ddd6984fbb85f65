"""The whole form, sorted by drift: section 6 of the home.

dashboards.home alone uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from school_app.alerts.models import AlertStatus
from school_app.alerts.queries import Told
from school_app.alerts.rules.attendance import Band, band
from school_app.alerts.rules.decision import INDICATORS, Rule, Severity
from school_app.alerts.thresholds import Thresholds
from school_app.attendance.history import History
from school_app.students.queries import FormStudent

WEEKS = 12
BANDS = {Band.BELOW: 0, Band.PREVENTION: 1, Band.EARLY_INTERVENTION: 2, Band.INTENSIVE: 3}
LOWEST_AXIS = 40


@dataclass(frozen=True, slots=True)
class Signal:
    """An indicator that holds for a student: its letter, the worst severity, and whether all of it was answered."""

    letter: str
    severity: int
    answered: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What other features know of the students, by their id.

    `alerts` are those whose facts still hold, `triggers` the rules in their risk profiles, `cases` the latest open one
    of each as id and tier, `notes` when the last was written.
    """

    thresholds: Thresholds
    alerts: Mapping[int, Sequence[Told]]
    triggers: Mapping[int, Collection[str]]
    cases: Mapping[int, tuple[int, int]]
    notes: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class Row:
    """One student's line."""

    student_id: int
    student_name: str
    percent: float | None
    band: int | None
    weeks: Sequence[float | None]
    change: float | None
    signals: Sequence[Signal]
    last_note_on: datetime | None
    case_id: int | None
    case_text: str | None


@dataclass(frozen=True, slots=True)
class WholeForm:
    """Section 6."""

    form_name: str
    days_counted: int
    registers_missing: int
    last_import_on: date | None
    sparkline_low: int
    rows: Sequence[Row]


def whole_form(
    name: str, students: Sequence[FormStudent], histories: Mapping[int, History], known: Known, *, today: date
) -> WholeForm:
    """Every student of a form, the one who drifts away fastest first."""
    rows = [_row(student, histories.get(student.id, History(())), known, today=today) for student in students]
    rows.sort(key=lambda row: (row.change is None, row.change or 0.0, row.percent if row.percent is not None else 101))
    shares = [one.share() for one in histories.values()]
    lows = [week for row in rows for week in row.weeks if week is not None]
    return WholeForm(
        name,
        days_counted=max((share.counted for share in shares), default=0),
        registers_missing=max((share.unknown for share in shares), default=0),
        last_import_on=None,
        sparkline_low=min(70, max(LOWEST_AXIS, int(min(lows, default=70) // 10 * 10))),
        rows=rows,
    )


def attendance_band(history: History, thresholds: Thresholds) -> int | None:
    """The band of a student's absence, 0 to 3; None where too few days are counted to say."""
    share = history.share()
    if share.counted < thresholds.minimum_days:
        return None
    return BANDS[band(Fraction(share.absent, share.counted), thresholds)]


def _row(student: FormStudent, history: History, known: Known, *, today: date) -> Row:
    case_id, tier = known.cases.get(student.id, (None, None))
    return Row(
        student.id,
        student.name,
        percent=history.share().percent,
        band=attendance_band(history, known.thresholds),
        weeks=history.weeks(today, WEEKS),
        change=history.change(today),
        signals=signals(known.alerts.get(student.id, ()), known.triggers.get(student.id, ())),
        last_note_on=known.notes.get(student.id),
        case_id=case_id,
        case_text=None if case_id is None else f"tier {tier}",
    )


def signals(alerts: Sequence[Told], triggers: Collection[str]) -> list[Signal]:
    """A, B and C of a student, whether they were answered or not; the prevention band alone is an A to be watched."""
    found = []
    for letter in "ABC":
        held = [alert for alert in alerts if alert.indicator == letter]
        if held:
            answered = all(alert.status is AlertStatus.DECIDED for alert in held)
            found.append(Signal(letter, max(alert.severity for alert in held), answered))
        elif letter == INDICATORS[Rule.PREVENTION_BAND] and Rule.PREVENTION_BAND in triggers:
            found.append(Signal(letter, Severity.WATCH, answered=False))
    return found
