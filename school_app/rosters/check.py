"""Whether a whole bundle can be brought in: every field of every row, every reference, before anything is written.

rosters.service calls it. It keeps the ids of people and classes, and puts their rows aside by school.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from school_app.rosters import reading
from school_app.rosters.bundle import Bundle
from school_app.rosters.check_people import demographics, enrolments, users
from school_app.rosters.check_results import categories, line_items, results
from school_app.rosters.found import LEFT_OUT, Found, Taught, When
from school_app.rosters.nesting import Within, chain_of, check_nesting
from school_app.rosters.parts import Parts
from school_app.rosters.problems import Problems
from school_app.rosters.records import Class


@contextmanager
def checked(bundle: Bundle, problems: Problems, *, only: str | None = None) -> Iterator[Parts]:
    """Read every row of a bundle once; its rows by school, or those of the one school `only`.

    Everything that is wrong is noted, and what will be decided about oddities as warnings. Raises ImportRefused where
    something is wrong; a bundle that passes can be written.
    """
    steps: tuple[Callable[[Found], None], ...] = (
        *(sessions, orgs, courses, classes),
        *(users, enrolments, demographics),
        *(categories, line_items, results),
    )
    with Parts(only) as parts:
        found = Found(bundle, problems, parts)
        for step in steps:
            step(found)
        problems.refuse_if_any()
        yield parts


def sessions(found: Found) -> None:
    """The school years and their parts: each has its days in order and lies in a year."""
    file, seen = "academicSessions.csv", found.parts.sessions
    rows: dict[str, Within] = {}
    for line, one in reading.sessions(found.bundle, found.problems):
        found.once(file, line, one.sourced_id, seen)
        seen[one.sourced_id], rows[one.sourced_id] = one, Within(line, one.parent)
        if one.ends_on < one.starts_on:
            message = f"It ends on {one.ends_on} before it starts on {one.starts_on}."
            found.problems.error(file, line, "endDate", message=message, remedy="Correct one of the days.")
    check_nesting(file, rows, found.problems)
    for sourced_id, row in rows.items():
        year = next((up for up in chain_of(sourced_id, rows) if seen[up].type == "schoolYear"), None)
        found.session_ids[sourced_id] = When(seen[sourced_id].starts_on, year)
        if year is None:
            message = f"{sourced_id!r} lies in no school year."
            remedy = "It is left out, unless its parentSourcedId leads to a session of type schoolYear."
            found.problems.warning(file, row.line, "parentSourcedId", message=message, remedy=remedy)


def orgs(found: Found) -> None:
    """The organisations."""
    rows: dict[str, Within] = {}
    for line, one in reading.orgs(found.bundle, found.problems):
        found.once("orgs.csv", line, one.sourced_id, rows)
        rows[one.sourced_id] = Within(line, one.parent)
        if one.is_school:
            found.parts.schools[one.sourced_id] = one
    found.org_ids = set(rows)
    check_nesting("orgs.csv", rows, found.problems)


def courses(found: Found) -> None:
    """The courses."""
    for line, one in reading.courses(found.bundle, found.problems):
        found.once("courses.csv", line, one.sourced_id, found.parts.courses)
        found.parts.courses[one.sourced_id] = one
        found.known("courses.csv", line, "orgSourcedId", one.org, found.org_ids)
        found.known("courses.csv", line, "schoolYearSourcedId", one.year, found.session_ids)


def classes(found: Found) -> None:
    """The homerooms and classes: each lies in a year."""
    for line, one in reading.classes(found.bundle, found.problems):
        found.once("classes.csv", line, one.sourced_id, found.class_ids)
        found.parts.put(one.school, line, one)
        starts = [found.session_ids[term].starts_on for term in one.terms if term in found.session_ids]
        found.class_ids[one.sourced_id] = Taught(one.title, one.school, min(starts, default=None), line)
        found.known("classes.csv", line, "schoolSourcedId", one.school, found.org_ids)
        if one.school in found.org_ids and one.school not in found.parts.schools:
            message = f"{one.title} belongs to no school, but to another organisation."
            found.problems.warning("classes.csv", line, "schoolSourcedId", message=message, remedy=LEFT_OUT)
        _in_a_year(found, line, one)
        if not one.is_homeroom:
            found.known("classes.csv", line, "courseSourcedId", one.course, found.parts.courses)


def _in_a_year(found: Found, line: int, one: Class) -> None:
    for term in one.terms:
        found.known("classes.csv", line, "termSourcedIds", term, found.session_ids)
        if term in found.session_ids and found.session_ids[term].year is None:
            message = f"The term {term!r} lies in no school year."
            remedy = "Give it a parent in academicSessions.csv that leads to a session of type schoolYear."
            found.problems.error("classes.csv", line, "termSourcedIds", message=message, remedy=remedy)
    if not one.terms:
        message, remedy = "The class belongs to no term.", "Name its term, so that its school year is known."
        found.problems.error("classes.csv", line, "termSourcedIds", message=message, remedy=remedy)
