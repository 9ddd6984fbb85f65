"""Whether a whole bundle can be brought in: every field of every row, every reference, before anything is written.

rosters.service calls it; it keeps ids only, so that its memory grows with people, not with their rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from school_app.rosters import reading, records
from school_app.rosters.bundle import Bundle
from school_app.rosters.nesting import Within, chain_of, check_nesting
from school_app.rosters.problems import Problems

Ids = set[str]


@dataclass(frozen=True, slots=True)
class When:
    """When a session is: its first day, and the school year that it lies in; None where it lies in none."""

    starts_on: date
    year: str | None


Sessions = Mapping[str, When]
# The homerooms and classes by their ids, each with its first day; None where that cannot be said.
Classes = dict[str, date | None]


def check(bundle: Bundle, problems: Problems) -> None:
    """Note everything that is wrong with a bundle, and what will be decided about its oddities as warnings.

    Raises ImportRefused where something is wrong; a bundle that passes can be written.
    """
    sessions = _sessions(bundle, problems)
    orgs, schools = _orgs(bundle, problems)
    courses = _ids("courses.csv", reading.courses(bundle, problems), problems)
    classes = _classes(bundle, problems, orgs=orgs, courses=courses, sessions=sessions)
    users = _users(bundle, problems, orgs=orgs, schools=schools)
    _enrolments(bundle, problems, classes=classes, users=users)
    for line, one in reading.demographics(bundle, problems):
        _known("demographics.csv", line, "sourcedId", one.user, users, problems=problems)
    _marks(bundle, problems, classes=classes, users=users)
    problems.refuse_if_any()


def _sessions(bundle: Bundle, problems: Problems) -> Sessions:
    """The sessions by their ids."""
    starts: dict[str, date] = {}
    types: dict[str, str] = {}
    rows: dict[str, Within] = {}
    for line, one in reading.sessions(bundle, problems):
        _once("academicSessions.csv", line, one.sourced_id, rows, problems)
        types[one.sourced_id], rows[one.sourced_id] = one.type, Within(line, one.parent)
        starts[one.sourced_id] = one.starts_on
        if one.ends_on < one.starts_on:
            message = f"It ends on {one.ends_on} before it starts on {one.starts_on}."
            problems.error("academicSessions.csv", line, "endDate", message=message, remedy="Correct one of the days.")
    check_nesting("academicSessions.csv", rows, problems)
    years = {id_: next((up for up in chain_of(id_, rows) if types[up] == "schoolYear"), None) for id_ in rows}
    for sourced_id, year in years.items():
        if year is None:
            message = f"{sourced_id!r} lies in no school year."
            remedy = "It is left out, unless its parentSourcedId leads to a session of type schoolYear."
            line = rows[sourced_id].line
            problems.warning("academicSessions.csv", line, "parentSourcedId", message=message, remedy=remedy)
    return {id_: When(starts[id_], year) for id_, year in years.items()}


def _orgs(bundle: Bundle, problems: Problems) -> tuple[Ids, Ids]:
    """The ids of the organisations, and of those that are schools."""
    schools: Ids = set()
    rows: dict[str, Within] = {}
    for line, one in reading.orgs(bundle, problems):
        _once("orgs.csv", line, one.sourced_id, rows, problems)
        rows[one.sourced_id] = Within(line, one.parent)
        if one.is_school:
            schools.add(one.sourced_id)
    check_nesting("orgs.csv", rows, problems)
    return set(rows), schools


def _ids(file: str, rows: Iterator[tuple[int, Any]], problems: Problems) -> Ids:
    found: Ids = set()
    for line, one in rows:
        _once(file, line, one.sourced_id, found, problems)
        found.add(one.sourced_id)
    return found


def _once(file: str, line: int, sourced_id: str, found: Collection[str], problems: Problems) -> None:
    if sourced_id in found:
        message = f"{sourced_id!r} stands in the file twice."
        problems.error(file, line, "sourcedId", message=message, remedy="Each row has an id of its own.")


def _known(file: str, line: int, column: str, value: str, ids: Collection[str], *, problems: Problems) -> None:
    if value and value not in ids:
        problems.error(
            file,
            line,
            column,
            message=f"{value!r} is nowhere in the bundle.",
            remedy="Export the row it points to, or remove this one.",
        )


def _classes(bundle: Bundle, problems: Problems, *, orgs: Ids, courses: Ids, sessions: Sessions) -> Classes:
    found: Classes = {}
    for line, one in reading.classes(bundle, problems):
        _once("classes.csv", line, one.sourced_id, found, problems)
        found[one.sourced_id] = min((sessions[term].starts_on for term in one.terms if term in sessions), default=None)
        _known("classes.csv", line, "schoolSourcedId", one.school, orgs, problems=problems)
        _in_a_year(line, one, sessions, problems)
        if one.course not in courses and not one.is_homeroom:
            _known("classes.csv", line, "courseSourcedId", one.course, courses, problems=problems)
    return found


def _in_a_year(line: int, one: records.Class, sessions: Sessions, problems: Problems) -> None:
    for term in one.terms:
        _known("classes.csv", line, "termSourcedIds", term, sessions, problems=problems)
        if term in sessions and sessions[term].year is None:
            message = f"The term {term!r} lies in no school year."
            remedy = "Give it a parent in academicSessions.csv that leads to a session of type schoolYear."
            problems.error("classes.csv", line, "termSourcedIds", message=message, remedy=remedy)
    if not one.terms:
        message, remedy = "The class belongs to no term.", "Name its term, so that its school year is known."
        problems.error("classes.csv", line, "termSourcedIds", message=message, remedy=remedy)


def _users(bundle: Bundle, problems: Problems, *, orgs: Ids, schools: Ids) -> Ids:
    found: Ids = set()
    for line, one in reading.users(bundle, problems):
        _once("users.csv", line, one.sourced_id, found, problems)
        found.add(one.sourced_id)
        for org in one.orgs:
            _known("users.csv", line, "orgSourcedIds", org, orgs, problems=problems)
        if not schools.intersection(one.orgs):
            message = f"{one.given_name} {one.family_name} ({one.role}) belongs to no school of the bundle."
            problems.warning("users.csv", line, "orgSourcedIds", message=message, remedy="The row is left out.")
        if len(one.orgs) > 1:
            message = f"{one.given_name} {one.family_name} belongs to {len(one.orgs)} organisations."
            remedy = "The person gets an account at each school."
            problems.warning("users.csv", line, "orgSourcedIds", message=message, remedy=remedy)
    return found


def _enrolments(bundle: Bundle, problems: Problems, *, classes: Classes, users: Ids) -> None:
    found: Ids = set()
    taught: Ids = set()
    for line, one in reading.enrolments(bundle, problems):
        _once("enrollments.csv", line, one.sourced_id, found, problems)
        found.add(one.sourced_id)
        _known("enrollments.csv", line, "classSourcedId", one.class_id, classes, problems=problems)
        _known("enrollments.csv", line, "userSourcedId", one.user, users, problems=problems)
        begins_on = one.begins_on or classes.get(one.class_id)
        if begins_on and one.ends_on and one.ends_on < begins_on:
            message = f"It ends on {one.ends_on} before it begins on {begins_on}."
            problems.error("enrollments.csv", line, "endDate", message=message, remedy="Correct one of the days.")
        if one.role == "teacher":
            taught.add(one.class_id)
        elif one.role != "student":
            message = f"The role {one.role!r} in a class gives no rights here."
            problems.warning("enrollments.csv", line, "role", message=message, remedy="The row is left out.")
    for line, one_class in reading.classes(bundle, Problems()):
        if one_class.sourced_id not in taught:
            message = f"Nobody teaches {one_class.title}."
            problems.warning("classes.csv", line, None, message=message, remedy="The class is kept without a teacher.")


def _marks(bundle: Bundle, problems: Problems, *, classes: Classes, users: Ids) -> None:
    most: dict[str, Any] = {}
    for line, item in reading.line_items(bundle, problems):
        _once("lineItems.csv", line, item.sourced_id, most, problems)
        most[item.sourced_id] = item.maximum
        _known("lineItems.csv", line, "classSourcedId", item.class_id, classes, problems=problems)
        if item.maximum <= item.minimum:
            message = f"{item.maximum} is not above {item.minimum}."
            problems.error("lineItems.csv", line, "resultValueMax", message=message, remedy="Correct the limits.")
    found: Ids = set()
    for line, result in reading.results(bundle, problems):
        _once("results.csv", line, result.sourced_id, found, problems)
        found.add(result.sourced_id)
        _known("results.csv", line, "lineItemSourcedId", result.line_item, most.keys(), problems=problems)
        _known("results.csv", line, "studentSourcedId", result.student, users, problems=problems)
        highest = most.get(result.line_item)
        if result.score is not None and highest is not None and result.score > highest:
            message = f"The score {result.score} is above the highest, {highest}."
            problems.warning("results.csv", line, "score", message=message, remedy="It is kept, as extra credit.")
