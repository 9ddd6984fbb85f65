"""Incidents: most students have none, a few have many; and positive records.

making.py calls it year by year; episodes.py reads the incidents.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from school_app.alerts.facts import IncidentFact
from school_app.behaviour.models import IncidentKind
from school_app.core.db.bulk import Row
from school_app.demo.generated.attendance import PRESENT, Attended
from school_app.demo.generated.calendar import SchoolCalendar
from school_app.demo.generated.dice import Weighted, often
from school_app.demo.generated.loading import Numbers
from school_app.demo.generated.people import Pupil

POSITIVES_A_YEAR = 0.8
SEVERITIES = Weighted((1, 32), (2, 34), (3, 20), (4, 10), (5, 4))
TOLD = {
    1: (("Disruption", "Talked through the lesson again."), ("Phone", "Had a phone out during the lesson.")),
    2: (("Disruption", "Would not begin the work and kept others from it."), ("Phone", "Used a phone during a test.")),
    3: (("Defiance", "Walked out of the lesson after being asked to move."), ("Damage", "Broke a chair at break.")),
    4: (("Fight", "Hit another student on the stairs; nobody was hurt."), ("Bullying", "Sent threats to a student.")),
    5: (("Fight", "Hurt another student, who was taken to a doctor."), ("Weapon", "Brought a knife to school.")),
}
GOOD = (
    ("Kindness", "Showed a new student around all week."),
    ("Effort", "Finished the whole project early and helped others."),
    ("Progress", "Two good tests after a hard term."),
)
RECORDED_AT = 790


@dataclass(frozen=True, slots=True)
class Happened:
    """A concern or a positive record (severity 0) of one student; `day` is the place of its day."""

    id: int
    pupil: Pupil
    day: int
    severity: int
    category: str
    text: str

    def fact(self, days: SchoolCalendar) -> IncidentFact:
        """What the rules know of a concern."""
        return IncidentFact(self.id, days.days[self.day], self.severity, self.category)


def happen(pupil: Pupil, attended: Attended, numbers: Numbers, dice: random.Random) -> list[Happened]:
    """What happened with a student in a year, on days when they were there, in order; concerns and good news."""
    length = sum(place.end - place.begin for place in attended.places)
    share = length / 190
    severities = [SEVERITIES.draw(dice) for _ in range(often(dice, pupil.trouble * share))]
    severities += [0] * often(dice, POSITIVES_A_YEAR * share)
    found = []
    for severity in severities:
        place = dice.choice(attended.places)
        day = dice.randrange(place.begin, place.end)
        if attended.marks.get(day, PRESENT)[-1] in "AE":
            continue
        category, text = dice.choice(TOLD[severity] if severity else GOOD)
        found.append((day, severity, category, text))
    found.sort()
    return [Happened(numbers.next("incident"), pupil, *one) for one in found]


def rows(found: list[Happened], days: SchoolCalendar, school_id: int, attended: Attended) -> Iterator[Row]:
    """The rows of incidents, told by the form's master of the day."""
    for one in found:
        place = next(place for place in attended.places if place.begin <= one.day < place.end)
        on = days.days[one.day]
        master = place.form.master(on)
        kind = IncidentKind.CONCERN if one.severity else IncidentKind.POSITIVE
        yield (
            one.id, school_id, one.pupil.id, kind.value, on, one.category, one.severity, one.text, master.id,
            master.name, days.at(one.day, RECORDED_AT),
        )  # fmt: skip
