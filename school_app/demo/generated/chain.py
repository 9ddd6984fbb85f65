"""From episodes to alerts, answers and cases, in the order of time; and everybody's risk profile on the last day.

making.py calls it once for each school, when all its years are known.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from school_app.alerts.evaluation import DECIDE_WITHIN_SCHOOL_DAYS
from school_app.alerts.facts import StudentFacts
from school_app.alerts.models import AlertStatus, DecisionKind
from school_app.alerts.risk import risk_profile
from school_app.alerts.rules import judge
from school_app.alerts.rules.decision import Decision, Judgement, Rule
from school_app.core.db.bulk import Row
from school_app.demo.generated.calendar import SchoolCalendar
from school_app.demo.generated.cases import CaseFiles, Casework
from school_app.demo.generated.dice import Weighted
from school_app.demo.generated.episodes import THRESHOLDS, Episode
from school_app.demo.generated.loading import Numbers
from school_app.demo.generated.people import Person, Pupil
from school_app.demo.generated.wording import Wording, YearKnown
from school_app.students.models import NoteKind

# Of alerts whose reason holds on the last day, so many of the last days' wait still, and so many of those before.
FRESH_DAYS, FRESH_WAIT, OLD_WAIT = 5, 0.6, 0.015
# Of those whose reason has gone before anybody answered, so many were answered all the same, on the first day.
ANSWERED_AT_ONCE = 0.35
# One case for so many alerts.
ALERTS_A_CASE = 4
NOTES_A_YEAR = 0.25
LAGS = Weighted((0, 20), (1, 28), (2, 22), (3, 14), (4, 8), (5, 4), (7, 2), (10, 2))
OTHERWISE = Weighted((DecisionKind.ALREADY_HANDLED, 55), (DecisionKind.NOT_A_CONCERN, 45))
REASONS = {
    DecisionKind.ALREADY_HANDLED: (
        "Spoke with the home last week; a doctor is involved.",
        "The head of year has it in hand.",
        "There is a case already.",
        None,
    ),
    DecisionKind.NOT_A_CONCERN: (
        "Was ill, with a note of the doctor.",
        "A week with the family abroad, agreed with the school.",
        "One bad test; the next was fine.",
        "Known and settled within the form.",
    ),
}
# Minutes after midnight at which each rule's alert is raised: with the register, the result, the incident.
RAISED_AT = {Rule.COURSE_FAILURE: 931, Rule.MARKS_FALLING: 931, Rule.BEHAVIOUR: 791}
RAISED_WITH_REGISTER, RESOLVED_AT = 556, 561


@dataclass(slots=True, eq=False)
class AlertDraft:
    """An alert as it stands on the last day."""

    id: int
    episode: Episode
    decision: Decision
    status: AlertStatus
    assigned_to: Person
    opened_at: datetime
    resolved_at: datetime | None = None
    decided_severity: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to an alert."""

    id: int
    alert: AlertDraft
    kind: DecisionKind
    reason: str | None
    case_id: int | None
    by: Person
    at: datetime


class Chain:
    """One school's alerts and what came of them."""

    def __init__(
        self, school_id: int, days: SchoolCalendar, known: list[YearKnown], *, numbers: Numbers, dice: random.Random
    ) -> None:
        self.school_id, self.days, self.known = school_id, days, known
        self.numbers, self.dice = numbers, dice
        self.files = CaseFiles(school_id)
        self.casework = Casework(self.files, days, known, numbers=numbers, dice=dice)
        self.alerts: list[AlertDraft] = []
        self.answers: list[Answered] = []
        self.unconfirmed = 0
        self._wording = [Wording(days, one) for one in known]
        self._facts: dict[Pupil, StudentFacts] = {}
        self._judged: dict[Pupil, Judgement] = {}
        self._cases_due = 0.0

    @property
    def _last(self) -> int:
        return len(self.days.days) - 1

    def live(self, pupils: list[Pupil], episodes: list[Episode]) -> None:
        """Judge everybody on the last day, and live through all episodes."""
        for pupil in pupils:
            if pupil.left is None:
                self._facts[pupil] = self._wording[-1].facts(pupil, self.days.today)
                self._judged[pupil] = judge(self._facts[pupil], THRESHOLDS)
        episodes = [*episodes, *self._uncounted(episodes)]
        self._notes(pupils)
        for episode in sorted(episodes, key=lambda one: (one.opened, one.pupil.id, one.rule.value, one.window)):
            decision, holds = self._decision(episode)
            if decision is None:
                self.unconfirmed += 1
                continue
            self._answer(self._raise(episode, decision, holds=holds), holds=holds)

    def _uncounted(self, episodes: list[Episode]) -> Iterator[Episode]:
        """What the rules say on the last day beyond what was counted; nothing, as a rule."""
        counted = {(one.pupil, one.rule, one.window) for one in episodes}
        for pupil, judgement in self._judged.items():
            for decision in judgement.alerts:
                if (pupil, decision.rule, decision.window_key) not in counted and self.days.days:
                    yield Episode(pupil, self.days.present, decision.rule, decision.window_key, self._last, None)

    def _decision(self, episode: Episode) -> tuple[Decision | None, bool]:
        """What the rule said last of an episode, and whether it holds on the last day."""
        pupil = episode.pupil
        if episode.year is self.days.present and (judgement := self._judged.get(pupil)) is not None:
            found = [one for one in judgement.alerts if (one.rule, one.window_key) == (episode.rule, episode.window)]
            if found:
                return found[0], True
        last = max(place.end for place in pupil.places if place.form.year is episode.year) - 1
        as_of = last if episode.resolved is None else max(episode.opened, episode.resolved - 1)
        note = self.files.last_note(pupil, self.days.days[as_of])
        decision = self._wording[episode.year.number].decision(episode, as_of, note)
        if decision is None or not decision.needs_decision:
            return None, False
        return decision, episode.resolved is None and pupil.left is not None and pupil.left <= episode.year.ends_on

    def _raise(self, episode: Episode, decision: Decision, *, holds: bool) -> AlertDraft:
        minutes = RAISED_AT.get(episode.rule, RAISED_WITH_REGISTER) + self.dice.randrange(4)
        opened = self.days.at(episode.opened, minutes)
        on = self.days.days[episode.opened]
        form = next(
            place.form for place in reversed(episode.pupil.places) if place.begin <= episode.opened
        )  # fmt: skip
        alert = AlertDraft(
            self.numbers.next("alert"), episode, decision, AlertStatus.OPEN, form.master(on), opened
        )  # fmt: skip
        if not holds:
            alert.status = AlertStatus.RESOLVED
            # What held until the summer is resolved by the first register of the next year.
            gone = episode.year.end if episode.resolved is None else episode.resolved
            alert.resolved_at = self.days.at(min(gone, self._last), RESOLVED_AT + self.dice.randrange(20))
        self.alerts.append(alert)
        return alert

    def _answer(self, alert: AlertDraft, *, holds: bool) -> None:
        """Draw whether and how an alert was answered, and open a case where it is its turn."""
        self._cases_due += 1 / ALERTS_A_CASE
        place = self._answered_on(alert, holds)
        if place is None:
            if holds:
                # Whoever decides on what still waits is the form's master of today.
                alert.assigned_to = alert.episode.pupil.places[-1].form.master(self.days.today)
            return
        kind, by, pupil = OTHERWISE.draw(self.dice), alert.assigned_to, alert.episode.pupil
        at = max(self.days.at(place, 570 + self.dice.randrange(360)), alert.opened_at + timedelta(minutes=4))
        case_id = reason = None
        if self._cases_due >= 1 and not self.casework.is_open(pupil, self.days.days[place]):
            kind, severity = DecisionKind.OPEN_CASE, alert.decision.severity
            case = self.casework.open(
                pupil, alert.id, indicator=alert.decision.indicator.value, severity=severity, by=by, at=at
            )
            case_id, self._cases_due = case.id, self._cases_due - 1
        else:
            reason = self.dice.choice(REASONS[kind])
        id_ = self.numbers.next("alert_decision")
        self.answers.append(Answered(id_, alert, kind, reason, case_id, by, at))
        alert.decided_severity = int(alert.decision.severity)
        if holds:
            alert.status = AlertStatus.DECIDED

    def _answered_on(self, alert: AlertDraft, holds: bool) -> int | None:
        """The place of the day on which an alert is answered; None where it is not."""
        dice, episode = self.dice, alert.episode
        end = self._last if episode.resolved is None else episode.resolved - 1
        if episode.pupil.left is not None:
            end = min(end, max(place.end for place in episode.pupil.places) - 1)
        elif holds and dice.random() < (FRESH_WAIT if episode.opened > self._last - FRESH_DAYS else OLD_WAIT):
            return None
        place = episode.opened + LAGS.draw(dice)
        if place <= end:
            return place
        if holds and episode.pupil.left is None:
            return None
        return episode.opened if holds or dice.random() < ANSWERED_AT_ONCE else None

    def _notes(self, pupils: list[Pupil]) -> None:
        """Notes that belong to no case."""
        for pupil in pupils:
            for place in pupil.places:
                if place.begin < place.end and self.dice.random() < NOTES_A_YEAR * (place.end - place.begin) / 190:
                    on = self.days.days[self.dice.randrange(place.begin, place.end)]
                    kind = self.dice.choice((NoteKind.GENERAL, NoteKind.CONTACT, NoteKind.MEETING))
                    self.casework.note(pupil, on, place.form.master(on), kind=kind)

    def alert_rows(self) -> Iterator[Row]:
        """The rows of all alerts; what holds on the last day is worded anew, now that the notes are known."""
        for alert in self.alerts:
            decision, episode = self._worded(alert), alert.episode
            opened_on = self.days.days[episode.opened]
            yield (
                alert.id, self.school_id, episode.pupil.id, episode.rule.value, episode.window,
                decision.indicator.value, int(decision.severity), alert.status.value, decision.reason,
                dict(decision.inputs), opened_on, alert.assigned_to.id,
                self.days.school_days_after(opened_on, DECIDE_WITHIN_SCHOOL_DAYS), alert.decided_severity,
                alert.opened_at, alert.resolved_at,
            )  # fmt: skip

    def _worded(self, alert: AlertDraft) -> Decision:
        judgement = self._final(alert.episode.pupil) if alert.episode.year is self.days.present else None
        found = judgement.verdict(alert.episode.rule, alert.episode.window) if judgement else None
        return found if isinstance(found, Decision) and found.needs_decision else alert.decision

    def _final(self, pupil: Pupil) -> Judgement | None:
        """What the rules say of a student on the last day, the last note included."""
        facts = self._facts.get(pupil)
        if facts is None or facts.attendance is None:
            return self._judged.get(pupil)
        note = self.files.last_note(pupil, self.days.until)
        if note != facts.attendance.last_note_on:
            self._facts[pupil] = replace(facts, attendance=replace(facts.attendance, last_note_on=note))
            self._judged[pupil] = judge(self._facts[pupil], THRESHOLDS)
        return self._judged[pupil]

    def profile_rows(self) -> Iterator[Row]:
        """The risk profile of every student on roll."""
        for pupil, facts in self._facts.items():
            judgement = self._final(pupil) or self._judged[pupil]
            found = risk_profile(judgement, facts, THRESHOLDS)
            inputs = {
                **found.inputs,
                "reasons": list(found.reasons),
                "unjudged": [indicator.value for indicator in found.unjudged],
            }
            yield (
                self.numbers.next("risk_profile"), self.school_id, pupil.id, found.level.value,
                [rule.value for rule in found.triggers], inputs, self.days.today, self._computed_at(),
            )  # fmt: skip

    def _computed_at(self) -> datetime:
        return self.days.moment(self.days.today, 5 * 60)

    def answer_rows(self) -> Iterator[Row]:
        """The rows of all answers."""
        for one in self.answers:
            severity = int(one.alert.decision.severity)
            yield (
                one.id, self.school_id, one.alert.id, one.kind.value, one.reason, severity, one.case_id, one.by.id,
                one.by.name, one.at,
            )  # fmt: skip
