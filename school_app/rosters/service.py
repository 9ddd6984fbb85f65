"""Importing: a whole bundle for operators, one school's part of it for its admin; all or nothing.

Commands and jobs call these and commit; ImportRefused and ImportBrake say why nothing was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.tenancy import all_schools, use_school
from school_app.rosters.brake import brake
from school_app.rosters.bundle import open_bundle, refused
from school_app.rosters.check import checked
from school_app.rosters.classes import bring_classes
from school_app.rosters.departed import let_staff_go
from school_app.rosters.duties import bring_duties
from school_app.rosters.leavers import let_students_go
from school_app.rosters.merge import Counts
from school_app.rosters.parts import Part, Parts
from school_app.rosters.people import bring_people
from school_app.rosters.places import bring_places
from school_app.rosters.problems import Problems
from school_app.rosters.records import Org
from school_app.rosters.results import bring_results
from school_app.rosters.roster import Roster, Target
from school_app.rosters.years import bring_years
from school_app.schools.due import note_due
from school_app.schools.models import School
from school_app.students.name_index import refresh_names

AnySession = Session | scoped_session[Any]
Progress = Callable[[str], None]
STEPS: tuple[Callable[[Roster], None], ...] = (
    bring_years,
    bring_classes,
    bring_people,
    bring_places,
    bring_duties,
    bring_results,
    let_staff_go,
    let_students_go,
)


@dataclass(frozen=True, slots=True)
class Options:
    """How a bundle is brought in: one org of it or all schools, forced past the brake or not."""

    org: str | None = None
    force: bool = False
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Given:
    """What one school is brought in from and how: the name of the file, the school, forced past the brake or not."""

    name: str
    school: School
    force: bool


@dataclass(slots=True)
class Outcome:
    """What an import did: the counts of each school by its name, and the problems that were only warnings."""

    schools: dict[str, Counts] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)

    @property
    def differences(self) -> int:
        """How many rows were written in all."""
        return sum(counts.differences for counts in self.schools.values())


def _quiet(text: str) -> None:
    """Progress that nobody watches."""


def import_bundle(
    session: AnySession, file: Path, options: Options, *, name: str | None = None, progress: Progress = _quiet
) -> Outcome:
    """Bring in every school of a bundle, or one; schools that are new are made. For operators.

    Raises ImportRefused or ImportBrake; the caller rolls back then, and nothing was written.
    """
    outcome, name = Outcome(), name or file.name
    with open_bundle(file, name) as bundle:
        progress("Checking every row")
        with checked(bundle, outcome.problems, only=options.org) as parts:
            for org in _chosen(parts, options.org):
                progress(f"Bringing in {org.name}")
                school = _school_of(session, org, timezone=options.timezone)
                with use_school(session, school.id):
                    _bring_in(session, parts.of(org.sourced_id), outcome, Given(name, school, options.force))
    return outcome


def import_own(
    session: AnySession, file: Path, *, name: str, force: bool = False, progress: Progress = _quiet
) -> Outcome:
    """Bring in the session's own school from a bundle; rows of other schools are left alone. For a school's admin."""
    outcome = Outcome()
    school = session.scalars(select(School)).one()
    own = school.sourced_id or ""
    with open_bundle(file, name) as bundle:
        progress("Checking every row")
        with checked(bundle, outcome.problems, only=own) as parts:
            if own not in parts.schools:
                message = f"None of its schools is {school.name} ({own or 'which has no roster id yet'})."
                remedy = "Ask the platform’s operator to import the bundle the first time."
                raise refused("orgs.csv", message, remedy)
            progress(f"Bringing in {school.name}")
            _bring_in(session, parts.of(own), outcome, Given(name, school, force))
    return outcome


def _chosen(parts: Parts, org: str | None) -> list[Org]:
    if not parts.schools:
        raise refused("orgs.csv", "There is no school in it.", "Export the rows of the type school.")
    if org is not None and org not in parts.schools:
        known = ", ".join(parts.schools)
        raise refused("orgs.csv", f"There is no school {org!r} in it.", f"Its schools are: {known}.")
    return [one for one in parts.schools.values() if org in (None, one.sourced_id)]


def _bring_in(session: AnySession, part: Part, outcome: Outcome, given: Given) -> None:
    """Write the differences of one school. Raises ImportBrake; the caller commits, or rolls everything back."""
    school = given.school
    target = Target(part.school, school.slug, clock.today(school.timezone), force=given.force)
    roster = Roster(session, part, target, outcome.problems)
    try:
        brake(roster)
        for step in STEPS:
            step(roster)
        # The search finds everybody by the names they have now, and those who left behind the others.
        refresh_names(session)
    except (IntegrityError, DataError) as error:
        # What two servers take for the same text differs; the one that is used has the last word.
        message = f"The database does not take a row of {school.name}: {error.orig}."
        raise refused("users.csv", message, "Correct it in the roster, or ask for help with these words.") from None
    if roster.moved:
        note_due(session, min(roster.moved), None)
    outcome.schools[f"{school.name} ({school.slug})" if school.name in outcome.schools else school.name] = roster.counts
    if roster.counts.differences:
        record(session, Event.IMPORT_FINISHED, reason=f"{given.name}: {roster.counts.differences} rows written")


def _school_of(session: AnySession, org: Org, *, timezone: str) -> School:
    with all_schools(session):
        school = session.scalar(select(School).where(School.sourced_id == org.sourced_id))
        if school is None:
            slugs = set(session.scalars(select(School.slug)))
            school = School(
                sourced_id=org.sourced_id, name=org.name, slug=free_slug(org.name, slugs), timezone=timezone
            )
            session.add(school)
            session.flush()
        return school


def free_slug(name: str, taken: set[str]) -> str:
    """A short name for addresses and log-ins that nobody has yet: "grand-bend-high-school"."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:60] or "school"
    return next(slug for number in range(1, len(taken) + 2) if (slug := _numbered(plain, number)) not in taken)


def _numbered(plain: str, number: int) -> str:
    return plain if number == 1 else f"{plain}-{number}"
