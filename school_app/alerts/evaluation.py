"""From facts to alerts: judge students by their school's thresholds, and keep the episodes and risk profiles.

Whoever saves a register, a mark or an incident calls evaluate() for the students it touches; so do the nightly job and
the command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import StudentFacts
from school_app.alerts.models import Alert, AlertStatus
from school_app.alerts.models import RiskProfile as StoredProfile
from school_app.alerts.queries import deciders, out_of_care, profiles_of, thresholds_of
from school_app.alerts.risk import risk_profile
from school_app.alerts.rules import judge
from school_app.alerts.rules.decision import Decision, Judgement, Rule
from school_app.alerts.rules.episodes import EpisodeState, EpisodeStatus, Move, Transition, transition
from school_app.alerts.sources import Sources
from school_app.alerts.thresholds import Thresholds
from school_app.audit.events import Event
from school_app.audit.service import record, together
from school_app.core import clock
from school_app.core.db.putting import put
from school_app.core.lasting import lasting
from school_app.schools.due import note_moment_due
from school_app.schools.queries import add_school_days
from school_app.students.models import Student, student_name

AnySession = Session | scoped_session[Any]
BATCH = 500
# A form master answers within a week of school; the product's own line.
DECIDE_WITHIN_SCHOOL_DAYS = 5
UNDER_90 = Fraction(1, 10)
EVENTS = {
    Move.OPEN: Event.ALERT_RAISED,
    Move.REOPEN: Event.ALERT_RAISED,
    Move.WORSEN: Event.ALERT_WORSENED,
    Move.RESOLVE: Event.ALERT_RESOLVED,
}


@dataclass(slots=True)
class Evaluation:
    """What an evaluation saw and changed; `under_90` counts students who attended less than 90 % of what is counted.

    `judged` are those with enough days for a rate to be judged, `chronic` of these those absent 10 % or more by the
    school's own setting. `reasons` are those of the alerts raised, worst first within each batch.
    """

    students: int = 0
    judged: int = 0
    under_90: int = 0
    chronic: int = 0
    moves: dict[Move, int] = field(default_factory=dict)
    reasons: list[tuple[str, str]] = field(default_factory=list)

    def count(self, move: Move) -> int:
        """How many alerts made a move."""
        return self.moves.get(move, 0)

    def add(self, other: Evaluation) -> None:
        """Take another evaluation's counts into this one."""
        for name in ("students", "judged", "under_90", "chronic"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for move, number in other.moves.items():
            self.moves[move] = self.count(move) + number
        self.reasons.extend(other.reasons)

    @property
    def raised(self) -> int:
        """Alerts opened, or opened again."""
        return self.count(Move.OPEN) + self.count(Move.REOPEN)


@dataclass(frozen=True, slots=True)
class _Batch:
    session: AnySession
    as_of: date
    thresholds: Thresholds
    asked: _Asked
    students: dict[int, _Judged]
    done: Evaluation


class _Asked:
    """Who answers the alerts of each form, and by when; read when the first asks, since most evaluations raise none."""

    def __init__(self, session: AnySession, as_of: date) -> None:
        self._session, self._as_of = session, as_of
        self._deciders: dict[int, int | None] = {}

    @cached_property
    def decide_by(self) -> date:
        return add_school_days(self._session, self._as_of, DECIDE_WITHIN_SCHOOL_DAYS)

    def decider(self, form_id: int, forms: Collection[int]) -> int | None:
        """The decider of a form, read together with those of the other forms of its batch."""
        if form_id not in self._deciders:
            self._deciders |= dict.fromkeys(forms) | deciders(self._session, forms, self._as_of)
        return self._deciders[form_id]


@dataclass(frozen=True, slots=True)
class _Judged:
    id: int
    given_name: str
    family_name: str
    form_id: int | None

    @property
    def name(self) -> str:
        return student_name(self.given_name, self.family_name)


def evaluate(session: AnySession, sources: Sources, student_ids: Collection[int], *, as_of: date) -> Evaluation:
    """Judge some students as of a day: alerts open, worsen and resolve, risk profiles are written anew.

    The number of statements is fixed for each 500 students, but for what changes. Doing it twice changes nothing the
    second time; two at once wait for each other at the students' rows.
    """
    done, asked = Evaluation(), _Asked(session, as_of)
    thresholds = thresholds_of(session)
    ordered = sorted(student_ids)
    for start in range(0, len(ordered), BATCH):
        students = _locked(session, ordered[start : start + BATCH])
        with together(session):
            _evaluate(_Batch(session, as_of, thresholds, asked, students=students, done=done), sources)
    return done


def students_to_evaluate(session: AnySession) -> list[int]:
    """The ids of all active students of the session's school."""
    return list(session.scalars(select(Student.id).where(Student.is_active).order_by(Student.id)))


def _locked(session: AnySession, ids: Collection[int]) -> dict[int, _Judged]:
    return {row.id: _Judged(*row) for row in session.execute(LOCKED, {"ids": list(ids)})}


IDS: Any = bindparam("ids", expanding=True)
LOCKED = lasting(
    select(*(getattr(Student, one.name) for one in fields(_Judged)))
    .where(Student.id.in_(IDS), Student.is_active)
    .order_by(Student.id)
    .with_for_update()
)
# Of those that are resolved, what may come back is in a window that somebody is judged by now.
JUDGED = lasting(
    select(Alert).where(
        Alert.student_id.in_(IDS),
        or_(Alert.status != AlertStatus.RESOLVED, Alert.window_key.in_(bindparam("windows", expanding=True))),
    )
)


def _evaluate(batch: _Batch, sources: Sources) -> None:
    names = {id_: student.name for id_, student in batch.students.items()}
    facts = sources.facts_of(batch.session, names, as_of=batch.as_of, thresholds=batch.thresholds)
    judged = [(one, judge(one, batch.thresholds)) for one in facts]
    stored = _alerts_of(batch.session, names, {alert.window_key for _, found in judged for alert in found.alerts})
    moved: list[tuple[Alert, Move]] = []
    for one, judgement in judged:
        _count(batch.done, one, judgement, thresholds=batch.thresholds)
        moved.extend(_apply(batch, one.student_id, judgement, stored=stored.get(one.student_id, {})))
    _keep_profiles(batch, judged)
    _hand_on(batch, [alert for found in stored.values() for alert in found.values()])
    batch.session.flush()
    _report(batch, moved)


def _alerts_of(
    session: AnySession, ids: Iterable[int], windows: Iterable[str]
) -> dict[int, dict[tuple[str, str], Alert]]:
    """The alerts of some students on which what is judged now, in some windows, may change anything."""
    found: dict[int, dict[tuple[str, str], Alert]] = {}
    for alert in session.scalars(JUDGED, {"ids": list(ids), "windows": list(windows)}):
        found.setdefault(alert.student_id, {})[(alert.rule, alert.window_key)] = alert
    return found


def _apply(
    batch: _Batch, student_id: int, judgement: Judgement, *, stored: dict[tuple[str, str], Alert]
) -> Iterator[tuple[Alert, Move]]:
    fresh = {(decision.rule.value, decision.window_key) for decision in judgement.alerts} - stored.keys()
    for rule, window in fresh:
        answer = transition(None, judgement.verdict(Rule(rule), window))
        if answer.decision is not None:
            alert = _open(batch, student_id, answer.decision)
            yield alert, answer.move
    for (rule, window), alert in stored.items():
        answer = transition(_state(alert), judgement.verdict(Rule(rule), window))
        _change(batch, alert, answer)
        if answer.move in EVENTS:
            yield alert, answer.move


def _state(alert: Alert) -> EpisodeState:
    return EpisodeState(EpisodeStatus(alert.status.value), alert.severity, alert.decided_severity)


def _open(batch: _Batch, student_id: int, decision: Decision) -> Alert:
    alert = Alert(
        student_id=student_id,
        rule=decision.rule.value,
        window_key=decision.window_key,
        indicator=decision.indicator.value,
        status=AlertStatus.OPEN,
    )
    _fill(alert, decision)
    _ask(batch, alert)
    batch.session.add(alert)
    return alert


def _change(batch: _Batch, alert: Alert, answer: Transition) -> None:
    if answer.decision is not None:
        _fill(alert, answer.decision)
    if answer.move is Move.RESOLVE:
        alert.status, alert.resolved_at = AlertStatus.RESOLVED, clock.now()
    elif answer.asks:
        alert.status, alert.resolved_at = AlertStatus.OPEN, None
        if answer.move is Move.WORSEN:
            alert.worsened_at = clock.now()
        else:
            # It no longer counts as opened on the day on which it was before.
            note_moment_due(batch.session, alert.opened_at, alert.student_id)
            alert.opened_at, alert.decided_severity = clock.now(), None
        _ask(batch, alert)


def _fill(alert: Alert, decision: Decision) -> None:
    # An equal value is not set again, so that a silent night leaves no trace in the history.
    for name, value in (
        ("severity", int(decision.severity)),
        ("reason", decision.reason),
        ("inputs", dict(decision.inputs)),
    ):
        if getattr(alert, name) != value:
            setattr(alert, name, value)


def _hand_on(batch: _Batch, alerts: list[Alert]) -> None:
    """Give alerts whose decider has left, or has other students now, to whoever decides today."""
    left = out_of_care(batch.session, alerts, today=batch.as_of)
    for alert in alerts:
        if alert.id in left:
            alert.assigned_to = _decider(batch, alert)


def _decider(batch: _Batch, alert: Alert) -> int | None:
    form_id = batch.students[alert.student_id].form_id
    forms = {one.form_id for one in batch.students.values() if one.form_id is not None}
    return None if form_id is None else batch.asked.decider(form_id, forms)


def _ask(batch: _Batch, alert: Alert) -> None:
    alert.assigned_to = _decider(batch, alert)
    alert.alert_date, alert.decide_by = batch.as_of, batch.asked.decide_by


def _keep_profiles(batch: _Batch, judged: Sequence[tuple[StudentFacts, Judgement]]) -> None:
    stored = profiles_of(batch.session, list(batch.students))
    moment = clock.now()
    # Of most students nothing changes when one of them is marked; what would be written is what is there.
    changed = [
        {"student_id": one.student_id, **found, "computed_at": moment}
        for one, judgement in judged
        if (found := _profile(batch, one, judgement)) != stored.get(one.student_id)
    ]
    if changed:
        put(batch.session, StoredProfile, changed, key=("school_id", "student_id"))


def _profile(batch: _Batch, facts: StudentFacts, judgement: Judgement) -> dict[str, Any]:
    """The columns of a risk profile, as profiles_of() reads them."""
    found = risk_profile(judgement, facts, batch.thresholds)
    words = {"reasons": list(found.reasons), "unjudged": [indicator.value for indicator in found.unjudged]}
    return {
        "level": found.level.value,
        "triggers": [rule.value for rule in found.triggers],
        "inputs": {**found.inputs, **words},
        "as_of": batch.as_of,
    }


def _count(done: Evaluation, facts: StudentFacts, judgement: Judgement, *, thresholds: Thresholds) -> None:
    done.students += 1
    attendance = facts.attendance
    if attendance is None or attendance.absence_rate is None:
        return
    done.under_90 += attendance.absence_rate > UNDER_90
    done.judged += attendance.days_counted >= thresholds.minimum_days
    done.chronic += any(decision.rule is Rule.CHRONIC_ABSENCE for decision in judgement.decisions)


def _report(batch: _Batch, moved: list[tuple[Alert, Move]]) -> None:
    for alert, move in sorted(moved, key=lambda one: -one[0].severity):
        batch.done.moves[move] = batch.done.moves.get(move, 0) + 1
        record(batch.session, EVENTS[move], alert, reason=alert.reason)
        if move is not Move.RESOLVE:
            batch.done.reasons.append((batch.students[alert.student_id].name, alert.reason))
    # Added after all have been recorded, so that they are written together and not one before each record.
    for alert, _ in moved:
        note_moment_due(batch.session, clock.now(), alert.student_id)
