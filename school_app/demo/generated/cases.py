"""Cases as masters work them: steps, notes, reviews, escalations, hand-overs, and an end with its figures.

chain.py opens one for each fourth alert.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from school_app.cases.models import CaseEventKind, CaseStatus, Monitoring, Outcome
from school_app.cases.service import REVIEW_AFTER
from school_app.core.db.bulk import Row
from school_app.core.figures import attended as attended_percent
from school_app.dashboards.case_figures import LOOK_BACK
from school_app.demo.generated.calendar import DAY, SchoolCalendar
from school_app.demo.generated.dice import Weighted
from school_app.demo.generated.loading import Numbers
from school_app.demo.generated.people import Person, Pupil
from school_app.demo.generated.wording import YearKnown
from school_app.demo.shared import PLANS
from school_app.students.models import NoteKind

STEPS = ("Call home", "Talk with the student", "Meet with the head of year", "Meet with the home", "Ask the nurse")
CONTACTS = (
    "Spoke with the home: will call when something comes up.",
    "Spoke with the home: they had not known, and will look after it.",
    "No answer.",
    "Message sent: asked to call back.",
)
NOTES = (
    "Says the mornings are hard since the move; asks for a seat near the door.",
    "Came by and told how the week went.",
    "Looks tired; sleeps badly, says the phone stays in the kitchen from now on.",
    "Better this week. Two friends walk along in the morning.",
    "The plan is kept on most days; Fridays remain hard.",
)
ENDED = {
    Outcome.GOAL_MET: "The goal was met and has held for two weeks.",
    Outcome.IMPROVED: "Better than before, though not all the way; stays on the list.",
    Outcome.NO_CHANGE: "Nothing has changed; goes on with the head of year.",
    Outcome.WORSE: "It has become worse; the district was told.",
    Outcome.LEFT_SCHOOL: "Has left the school.",
}
OUTCOMES = Weighted((Outcome.GOAL_MET, 34), (Outcome.IMPROVED, 36), (Outcome.NO_CHANGE, 22), (Outcome.WORSE, 8))
EXTENDED, ESCALATED, STEP_MISSED, RESTRICTED = 0.22, 0.08, 0.12, 0.1
REVIEW_LATE_DAYS = 6
MOVED = ("from_champion", "from_champion_name", "to_champion", "to_champion_name")
LONGER = timedelta(weeks=4)


@dataclass(slots=True, eq=False)
class CaseDraft:
    """A case while it is lived through."""

    id: int
    pupil: Pupil
    alert_id: int
    champion: Person
    opened_by: Person
    opened_at: datetime
    starts_on: date
    review_on: date
    tier: int
    plan: tuple[str, str]
    status: CaseStatus = CaseStatus.OPEN
    closed_at: datetime | None = None
    outcome: Outcome | None = None
    figures: dict[str, Any] | None = None


@dataclass(slots=True)
class CaseFiles:
    """The rows of a school's cases, and who was written about when."""

    school_id: int
    cases: list[CaseDraft] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    noted: dict[Pupil, list[date]] = field(default_factory=dict)

    def last_note(self, pupil: Pupil, on: date) -> date | None:
        """The day of the last note on a student up to a day."""
        return max((one for one in self.noted.get(pupil, ()) if one <= on), default=None)


class Casework:
    """Lives through the cases of one school."""

    def __init__(
        self, files: CaseFiles, days: SchoolCalendar, known: list[YearKnown], *, numbers: Numbers, dice: random.Random
    ) -> None:
        self.files, self.days, self.known = files, days, known
        self.numbers, self.dice = numbers, dice
        self._open: dict[Pupil, date] = {}

    def is_open(self, pupil: Pupil, on: date) -> bool:
        """Whether a student has a case on a day."""
        return self._open.get(pupil, date.min) >= on

    def open(
        self, pupil: Pupil, alert_id: int, *, indicator: str, severity: int, by: Person, at: datetime
    ) -> CaseDraft:
        """Open a case at a moment of a school day, and live through it up to the last day of all."""
        on = at.date()
        review_on = self.days.school_day_from(on + REVIEW_AFTER)
        tier = 3 if severity > 2 and self.dice.random() < 0.3 else 2
        plan = self.dice.choice(PLANS[indicator])
        id_ = self.numbers.next("intervention_case")
        case = CaseDraft(id_, pupil, alert_id, by, by, at, on, review_on, tier, plan)
        self.files.cases.append(case)
        self._tell(case, CaseEventKind.OPENED, at, review_after=review_on)
        end = self._review(case)
        self._work(case, end)
        self._open[pupil] = end
        return case

    def _review(self, case: CaseDraft) -> date:
        """Reviews and the end of a case, as far as they have come; the last day on which it is open."""
        until = case.pupil.left or self.days.until
        if self.dice.random() < ESCALATED:
            self._escalate(case, until)
        reviewed = self.days.school_day_from(case.review_on + timedelta(days=self.dice.randrange(REVIEW_LATE_DAYS)))
        if reviewed <= until and self.dice.random() < EXTENDED:
            reviewed = self._extend(case, reviewed)
        if reviewed <= until or case.pupil.left is not None:
            # Whoever has left the school is nobody's to review.
            end = reviewed if reviewed <= until else max(until, case.starts_on)
            self._hand_over(case, end)
            self._close(case, end, OUTCOMES.draw(self.dice) if reviewed <= until else Outcome.LEFT_SCHOOL)
            return end
        self._hand_over(case, until)
        if case.review_on <= until and case.status is CaseStatus.OPEN:
            case.status = CaseStatus.IN_REVIEW
            self._tell(case, CaseEventKind.REVIEW_STARTED, self._at(case.review_on))
        return until

    def _escalate(self, case: CaseDraft, until: date) -> None:
        on = self.days.school_day_from(case.starts_on + timedelta(days=self.dice.randrange(10, 30)))
        if on <= until and on < case.review_on:
            case.status, case.tier = CaseStatus.ESCALATED, 3
            self._tell(case, CaseEventKind.ESCALATED, self._at(on), "No change in weeks, and the home does not answer.")

    def _extend(self, case: CaseDraft, on: date) -> date:
        later = self.days.school_day_from(case.review_on + LONGER)
        moved = {"review_before": case.review_on, "review_after": later}
        self._tell(case, CaseEventKind.EXTENDED, self._at(on), "It begins to work; four more weeks.", **moved)
        case.review_on = later
        return self.days.school_day_from(later + DAY)

    def _hand_over(self, case: CaseDraft, on: date) -> None:
        """Give a case to whoever has become the form's master since it was opened."""
        place = next(place for place in reversed(case.pupil.places) if place.first <= on)
        duty = next(duty for duty in reversed(place.form.masters) if duty.first <= on)
        since = self.days.school_day_from(max(place.first, duty.first))
        if duty.person is case.champion or not case.starts_on < since <= on:
            return
        to = {"to_champion": duty.person.id, "to_champion_name": duty.person.name}
        moved = {"from_champion": case.champion.id, "from_champion_name": case.champion.name, **to}
        self._tell(
            case, CaseEventKind.HANDED_OVER, self._at(since), "You have the form now; the plan is kept.", **moved
        )
        case.champion = duty.person

    def _close(self, case: CaseDraft, on: date, outcome: Outcome) -> None:
        case.status, case.outcome, case.closed_at = CaseStatus.CLOSED, outcome, self._at(on)
        case.figures = self._measured(case, on)
        self._tell(case, CaseEventKind.CLOSED, case.closed_at, ENDED[outcome])

    def _measured(self, case: CaseDraft, last: date) -> dict[str, Any]:
        """The figures that the product closes a case with: twelve weeks before it, and since."""
        begin, end = self.days.place_from(case.starts_on), self.days.place_from(last + DAY)
        look_back = self.days.place_from(case.starts_on - LOOK_BACK)
        figures: dict[str, Any] = {"measured_on": last.isoformat()}
        for name, low, high in (("before", look_back, begin), ("since", begin, end)):
            lives = [one.lives[case.pupil] for one in self.known if case.pupil in one.lives]
            counted = sum(one.counted_between(low, high) for one in lives)
            absent = sum(one.absent_between(low, high) for one in lives)
            incidents = [day.day for one in self.known for day in one.happened.get(case.pupil, ()) if day.severity]
            figures[f"attendance_{name}"] = float(attended_percent(absent, counted)) if counted else None
            figures[f"sessions_{name}"] = counted
            figures[f"incidents_{name}"] = sum(low <= day < high for day in incidents)
        return figures

    def _work(self, case: CaseDraft, end: date) -> None:
        """Steps and notes while a case is open."""
        dice = self.dice
        for title in dice.sample(STEPS, dice.randint(1, 3)):
            due = self.days.school_day_from(case.starts_on + timedelta(days=dice.randrange(2, 24)))
            done = due if due <= end and dice.random() > STEP_MISSED else None
            at = None if done is None else self._at(done)
            by = None if done is None else case.opened_by.id
            id_ = self.numbers.next("case_step")
            self.files.steps.append((id_, self.files.school_id, case.id, title, due, at, by, case.opened_at))
        contact = self.days.school_day_from(case.starts_on + timedelta(days=dice.randrange(1, 9)))
        if contact <= end:
            self.note(case.pupil, contact, case.opened_by, kind=NoteKind.CONTACT, case_id=case.id)
        talk = self.days.school_day_from(case.starts_on + timedelta(days=dice.randrange(9, 40)))
        if talk <= end and dice.random() < 0.5:
            self.note(case.pupil, talk, case.opened_by, kind=NoteKind.GENERAL, case_id=case.id)

    def note(self, pupil: Pupil, on: date, by: Person, *, kind: NoteKind, case_id: int | None = None) -> None:
        """Write a note on a student."""
        body = self.dice.choice(CONTACTS if kind is NoteKind.CONTACT else NOTES)
        restricted = kind is NoteKind.GENERAL and self.dice.random() < RESTRICTED
        id_ = self.numbers.next("note")
        row = (id_, self.files.school_id, pupil.id, case_id, kind.value, restricted, body, by.id, by.name, self._at(on))
        self.files.notes.append(row)
        self.files.noted.setdefault(pupil, []).append(on)

    def _at(self, on: date) -> datetime:
        return self.days.moment(on, 15 * 60 + self.dice.randrange(60))

    def _tell(self, case: CaseDraft, kind: CaseEventKind, at: datetime, text: str | None = None, **more: Any) -> None:
        by, columns = case.champion, ("review_before", "review_after", *MOVED)
        values = tuple(more.get(name) for name in columns)
        id_ = self.numbers.next("case_event")
        row = (id_, self.files.school_id, case.id, kind.value, text, case.tier, *values, by.id, by.name, at)
        self.files.events.append(row)


def case_row(case: CaseDraft, school_id: int) -> Row:
    """The row of a case."""
    note = None if case.outcome is None else ENDED[case.outcome]
    return (
        case.id, school_id, case.pupil.id, case.alert_id, case.champion.id, case.status.value, case.tier, *case.plan,
        Monitoring.WEEKLY.value, case.starts_on, case.review_on, case.opened_at, case.opened_by.id, case.opened_at,
        case.closed_at, None if case.outcome is None else case.outcome.value, note, case.figures,
    )  # fmt: skip
