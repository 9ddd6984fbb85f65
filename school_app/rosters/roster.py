"""One school's part of a bundle on its way in: where it goes, what was written, and the ids it was given.

rosters.service makes it, inside the school; years, classes, people, places, duties and results each bring a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session, scoped_session

from school_app.rosters.merge import Counts, merge
from school_app.rosters.parts import Part
from school_app.rosters.problems import Problems
from school_app.rosters.records import Class, Enrolment, Kind, User

AnySession = Session | scoped_session[Any]
REASON = "roster import"


@dataclass(frozen=True, slots=True)
class Target:
    """The school that a bundle is brought into, and how: `brake_percent` of its people may leave at once."""

    org: str
    slug: str
    today: date
    brake_percent: float = 10.0
    force: bool = False


@dataclass(slots=True)
class Roster:
    """One school's part of a bundle on its way in; the ids of what was written, by the bundle's own ids.

    `moved` are the days from which on somebody is in another form than before.
    """

    session: AnySession
    part: Part
    target: Target
    problems: Problems
    counts: Counts = field(default_factory=Counts)
    people: dict[Kind, list[User]] = field(default_factory=dict)
    years: dict[Any, int] = field(default_factory=dict)
    terms: dict[Any, int] = field(default_factory=dict)
    year_of: dict[str, str] = field(default_factory=dict)
    groups: dict[Any, int] = field(default_factory=dict)
    forms: dict[Any, int] = field(default_factory=dict)
    classes: dict[Any, int] = field(default_factory=dict)
    students: dict[Any, int] = field(default_factory=dict)
    accounts: dict[Any, int] = field(default_factory=dict)
    spans: dict[str, tuple[date, date]] = field(default_factory=dict)
    moved: list[date] = field(default_factory=list)

    def merge(self, model: Any, rows: Any, **options: Any) -> dict[Any, int]:
        """Bring rows into a table, and count them; as rosters.merge does."""
        return merge(self.session, model, rows, counts=self.counts, reason=REASON, **options)

    def warn(self, file: str, message: str, remedy: str) -> None:
        """Say what was decided about something odd that no one row shows."""
        self.problems.warning(file, None, None, message=message, remedy=remedy)

    def listed_classes(self) -> Iterator[Class]:
        """The school's homerooms and classes."""
        return (one for _, one in self.part.rows(Class))

    def listed_users(self, kind: Kind) -> list[User]:
        """The school's people of a kind, but for those who are it no longer."""
        if not self.people:
            for _, one in self.part.rows(User):
                if one.until is None or one.until >= self.target.today:
                    self.people.setdefault(one.kind, []).append(one)
        return self.people.get(kind, [])

    def listed_enrolments(self) -> Iterator[tuple[int, Enrolment]]:
        """Who is in the school's homerooms and classes, with their lines."""
        return self.part.rows(Enrolment)

    def listed_students(self) -> set[str]:
        """The ids of the students whom the bundle says to be at the school."""
        return {one.sourced_id for one in self.listed_users(Kind.STUDENT)}

    def listed_staff(self) -> Iterator[User]:
        """The staff whom the bundle says to be at the school, and to have access."""
        return (one for one in self.listed_users(Kind.STAFF) if one.may_log_in)

    def span(self, one: Class) -> tuple[date, date]:
        """The first and the last day of a class, by its terms."""
        spans = [self.spans[term] for term in one.terms]
        return min(span[0] for span in spans), max(span[1] for span in spans)
