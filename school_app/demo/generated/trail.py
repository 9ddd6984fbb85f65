"""The audit rows of one school: a sample of what its rows would have left behind, and the looks and log-ins between.

Each tells of a row that is there, by who made it and when. making.py keeps the rows of all schools until history.py
writes them in the order of time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from school_app.audit.capture import REDACTED, SKIPPED
from school_app.audit.events import Event
from school_app.core.db.bulk import Row
from school_app.demo.generated.calendar import SchoolCalendar
from school_app.demo.generated.chain import Chain
from school_app.demo.generated.loading import Shape
from school_app.demo.generated.people import People
from school_app.demo.generated.plan import shared
from school_app.demo.generated.sampling import Sample
from school_app.demo.generated.tables import (
    ALERT,
    CASE,
    DECISION,
    EVENT,
    INCIDENT,
    MARK,
    NOTE,
    REGISTER,
    RESULT,
    STEP,
)

# What leaves a row in the log each time: how much of all, the column with its moment, and that with who did it.
ADDED: dict[Shape, tuple[float, str, str | None]] = {
    REGISTER: (15, "taken_at", "taken_by"),
    MARK: (22, "recorded_at", "recorded_by"),
    RESULT: (14, "entered_at", "entered_by"),
    INCIDENT: (2, "recorded_at", "reported_by"),
    NOTE: (1.5, "created_at", "author_id"),
    EVENT: (1.5, "happened_at", "done_by"),
    STEP: (1, "created_at", None),
    DECISION: (1.5, "decided_at", "decided_by"),
    ALERT: (2.5, "opened_at", None),
    CASE: (1, "created_at", "opened_by"),
}
# What is recorded beside the rows: whose rows it is told of, and how much of all.
TOLD: dict[Event, tuple[Shape, float]] = {
    Event.REGISTER_TAKEN: (REGISTER, 13),
    Event.ALERT_RAISED: (ALERT, 2.5),
    Event.ALERT_RESOLVED: (ALERT, 1.5),
    Event.ALERT_DECIDED: (DECISION, 1.5),
    Event.CASE_OPENED: (CASE, 1),
    Event.CASE_CLOSED: (CASE, 1),
}
# And what people do that changes nothing.
LOOKS: dict[Event, float] = {
    Event.STUDENT_VIEWED: 8,
    Event.LOGGED_IN: 6,
    Event.LOGGED_OUT: 2,
    Event.ALERT_VIEWED: 1.5,
    Event.CASE_VIEWED: 1,
    Event.LOGIN_FAILED: 0.5,
}
REASONS = {
    Event.ALERT_RAISED: ("reason",),
    Event.ALERT_RESOLVED: ("reason",),
    Event.ALERT_DECIDED: ("kind", "reason"),
    Event.CASE_CLOSED: ("outcome", "outcome_note"),
}
MOMENTS = {Event.ALERT_RESOLVED: "resolved_at", Event.CASE_CLOSED: "closed_at"}
SYSTEM = "system"
WORK_BEGINS, WORK_MINUTES = 8 * 60, 9 * 60
# Of looks at students, so many are their form's master's; the rest are heads of year.
MASTERS_LOOK = 0.8
Thing = tuple[str, int, int | None]


Counted = Callable[[Row], tuple[int, int]]


class Trail:
    """Watches the rows of one school go by, and makes `rows` audit rows of them."""

    def __init__(self, school_id: int, rows: int, *, days: SchoolCalendar, dice: random.Random) -> None:
        self.school_id, self.days, self.dice, self._wanted = school_id, days, dice, rows
        keys: list[Shape | Event] = [*ADDED, *TOLD]
        shares = [share for share, _, _ in ADDED.values()] + [share for _, share in TOLD.values()]
        sizes = shared(rows, [*shares, sum(LOOKS.values())])
        self._samples = {key: Sample(size, dice) for key, size in zip(keys, sizes, strict=False)}
        self._names: dict[int, str] = {}

    def watch(self, shape: Shape, rows: Iterable[Row]) -> Iterable[Row]:
        """The rows, unchanged, of which some are remembered."""
        for key, sample in self._samples.items():
            if key is shape or (isinstance(key, Event) and TOLD[key][0] is shape):
                rows = sample.of(rows)
        return rows

    def told(self, people: People, chain: Chain, counted: Counted) -> Iterator[Row]:
        """The audit rows without their ids, in no order, as many as were wanted.

        `counted` says of a register how many students and how many exceptions it has.
        """
        self._names = {person.id: person.name for person in people.everyone()}
        count = 0
        for key, sample in self._samples.items():
            for row in sample.rows:
                found = self._added(key, row) if isinstance(key, Shape) else self._event(key, row, counted)
                if found is not None:
                    count += 1
                    yield found
        looks = shared(self._wanted - count, list(LOOKS.values()))
        for event, number in zip(LOOKS, looks, strict=True):
            for _ in range(number):
                yield self._look(event, people, chain)

    def _added(self, shape: Shape, row: Row) -> Row:
        _, moment, actor = ADDED[shape]
        columns = shape.table.columns
        changes = {
            name: [None, REDACTED if columns[name].info.get("audit") == "redact" else value]
            for name, value in zip(shape.columns, row, strict=True)
            if name not in SKIPPED and value is not None
        }
        by = None if actor is None else row[shape.place(actor)]
        return self._row(row[shape.place(moment)], by, Event.ROW_ADDED, _thing(shape, row), changes=changes)

    def _event(self, event: Event, row: Row, counted: Counted) -> Row | None:
        """What was recorded beside a row; None where it has not happened to this one."""
        shape = TOLD[event][0]
        _, usual, actor = ADDED[shape]
        moment = row[shape.place(MOMENTS.get(event, usual))]
        if moment is None:
            return None
        by = None if actor is None or event is Event.ALERT_RESOLVED else row[shape.place(actor)]
        changes = None
        if event is Event.REGISTER_TAKEN:
            students, exceptions = counted(row)
            changes = {"students": [None, students], "exceptions": [None, exceptions]}
        words = [row[shape.place(name)] for name in REASONS.get(event, ())]
        reason = ": ".join(word for word in words if word) or None
        thing = _thing(shape, row)
        if event is Event.ALERT_DECIDED:
            thing = ("alert", row[shape.place("alert_id")], None)
        return self._row(moment, by, event, thing, changes=changes, reason=reason)

    def _look(self, event: Event, people: People, chain: Chain) -> Row:
        """A log-in, or a look at a student, an alert or a case; a log-in where there is nothing to look at."""
        dice = self.dice
        if event is Event.STUDENT_VIEWED and self.days.days:
            place = dice.choice(dice.choice(people.forms).places or [None])
            if place is not None and place.begin < place.end:
                day = dice.randrange(place.begin, place.end)
                by = (
                    place.form.master(self.days.days[day])
                    if dice.random() < MASTERS_LOOK
                    else dice.choice(people.heads)
                )
                return self._row(self._at(day), by.id, event, ("student", place.student.id, place.student.id))
        if event is Event.ALERT_VIEWED and chain.alerts:
            alert = dice.choice(chain.alerts)
            student = alert.episode.pupil.id
            moment = alert.opened_at + timedelta(minutes=dice.randrange(1, 14))
            return self._row(moment, alert.assigned_to.id, event, ("alert", alert.id, student))
        if event is Event.CASE_VIEWED and chain.files.cases:
            case = dice.choice(chain.files.cases)
            moment = case.opened_at + timedelta(minutes=dice.randrange(1, 90))
            return self._row(moment, case.opened_by.id, event, ("intervention_case", case.id, case.pupil.id))
        person = dice.choice(people.everyone())
        kept = event if event in (Event.LOGGED_OUT, Event.LOGIN_FAILED) else Event.LOGGED_IN
        some_day = dice.randrange(len(self.days.days)) if self.days.days else None
        return self._row(self._at(some_day), person.id, kept, ("account", person.id, None))

    def _at(self, day: int | None) -> datetime:
        minutes = WORK_BEGINS + self.dice.randrange(WORK_MINUTES)
        at = self.days.moment(self.days.until, minutes) if day is None else self.days.at(day, minutes)
        return at + timedelta(microseconds=self.dice.randrange(60_000_000))

    def _row(
        self,
        moment: datetime,
        by: int | None,
        event: Event,
        thing: Thing,
        *,
        changes: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> Row:
        """An audit row from its moment on, in the order of its columns."""
        kind, id_, student = thing
        ip = request = None
        if by is not None:
            ip = f"10.{self.school_id % 250}.{by % 250}.{self.dice.randrange(1, 250)}"
            request = f"{self.dice.getrandbits(64):016x}"
        name = SYSTEM if by is None else self._names[by]
        return (
            moment, by, name, event.value, kind, id_, student, changes, reason, ip, request, None, self.school_id,
        )  # fmt: skip


def _thing(shape: Shape, row: Row) -> Thing:
    """What a row is told of: its table, its id, and whose record it is."""
    student = row[shape.place("student_id")] if "student_id" in shape.columns else None
    return shape.name, row[0], student
