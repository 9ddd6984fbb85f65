"""Whether a whole bundle can be brought in: every field of every row, every reference, before anything is written.

rosters.service calls it; it keeps ids only, so that its memory grows with people, not with their rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from school_app.rosters import records
from school_app.rosters.bundle import Bundle
from school_app.rosters.problems import Problems

Ids = set[str]


def check(bundle: Bundle, problems: Problems) -> None:
    """Note everything that is wrong with a bundle, and what will be decided about its oddities as warnings.

    Raises ImportRefused where something is wrong; a bundle that passes can be written.
    """
    sessions = _ids("academicSessions.csv", records.sessions(bundle, problems), problems)
    orgs = _ids("orgs.csv", records.orgs(bundle, problems), problems)
    courses = _ids("courses.csv", records.courses(bundle, problems), problems)
    classes = _classes(bundle, problems, orgs=orgs, courses=courses, sessions=sessions)
    schools = {one.sourced_id for _, one in records.orgs(bundle, Problems()) if one.is_school}
    users = _users(bundle, problems, orgs=orgs, schools=schools)
    _enrolments(bundle, problems, classes=classes, users=users)
    for line, one in records.demographics(bundle, problems):
        _known("demographics.csv", line, "sourcedId", one.user, users, problems=problems)
    _marks(bundle, problems, classes=classes, users=users)
    problems.refuse_if_any()


def _ids(file: str, rows: Iterator[tuple[int, Any]], problems: Problems) -> Ids:
    found: Ids = set()
    for line, one in rows:
        _add(file, line, one.sourced_id, found, problems)
    return found


def _add(file: str, line: int, sourced_id: str, found: Ids, problems: Problems) -> None:
    if sourced_id in found:
        message = f"{sourced_id!r} stands in the file twice."
        problems.error(file, line, "sourcedId", message=message, remedy="Each row has an id of its own.")
    found.add(sourced_id)


def _known(file: str, line: int, column: str, value: str, ids: Collection[str], *, problems: Problems) -> None:
    if value and value not in ids:
        problems.error(
            file,
            line,
            column,
            message=f"{value!r} is nowhere in the bundle.",
            remedy="Export the row it points to, or remove this one.",
        )


def _classes(bundle: Bundle, problems: Problems, *, orgs: Ids, courses: Ids, sessions: Ids) -> Ids:
    found: Ids = set()
    for line, one in records.classes(bundle, problems):
        _add("classes.csv", line, one.sourced_id, found, problems)
        _known("classes.csv", line, "schoolSourcedId", one.school, orgs, problems=problems)
        for term in one.terms:
            _known("classes.csv", line, "termSourcedIds", term, sessions, problems=problems)
        if one.course not in courses and not one.is_homeroom:
            _known("classes.csv", line, "courseSourcedId", one.course, courses, problems=problems)
        if not one.terms:
            problems.error(
                "classes.csv",
                line,
                "termSourcedIds",
                message="The class belongs to no term.",
                remedy="Name its term, so that its school year is known.",
            )
    return found


def _users(bundle: Bundle, problems: Problems, *, orgs: Ids, schools: Ids) -> Ids:
    found: Ids = set()
    for line, one in records.users(bundle, problems):
        _add("users.csv", line, one.sourced_id, found, problems)
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


def _enrolments(bundle: Bundle, problems: Problems, *, classes: Ids, users: Ids) -> None:
    found: Ids = set()
    taught: Ids = set()
    for line, one in records.enrolments(bundle, problems):
        _add("enrollments.csv", line, one.sourced_id, found, problems)
        _known("enrollments.csv", line, "classSourcedId", one.class_id, classes, problems=problems)
        _known("enrollments.csv", line, "userSourcedId", one.user, users, problems=problems)
        if one.begins_on and one.ends_on and one.ends_on < one.begins_on:
            message = f"It ends on {one.ends_on} before it begins on {one.begins_on}."
            problems.error("enrollments.csv", line, "endDate", message=message, remedy="Correct one of the days.")
        if one.role == "teacher":
            taught.add(one.class_id)
        elif one.role != "student":
            message = f"The role {one.role!r} in a class gives no rights here."
            problems.warning("enrollments.csv", line, "role", message=message, remedy="The row is left out.")
    for line, one_class in records.classes(bundle, Problems()):
        if one_class.sourced_id not in taught:
            message = f"Nobody teaches {one_class.title}."
            problems.warning("classes.csv", line, None, message=message, remedy="The class is kept without a teacher.")


def _marks(bundle: Bundle, problems: Problems, *, classes: Ids, users: Ids) -> None:
    most: dict[str, Any] = {}
    for line, item in records.line_items(bundle, problems):
        if item.sourced_id in most:
            message = f"{item.sourced_id!r} stands in the file twice."
            problems.error("lineItems.csv", line, "sourcedId", message=message, remedy="Each row has an id of its own.")
        most[item.sourced_id] = item.maximum
        _known("lineItems.csv", line, "classSourcedId", item.class_id, classes, problems=problems)
        if item.maximum <= item.minimum:
            message = f"{item.maximum} is not above {item.minimum}."
            problems.error("lineItems.csv", line, "resultValueMax", message=message, remedy="Correct the limits.")
    found: Ids = set()
    for line, result in records.results(bundle, problems):
        _add("results.csv", line, result.sourced_id, found, problems)
        _known("results.csv", line, "lineItemSourcedId", result.line_item, most.keys(), problems=problems)
        _known("results.csv", line, "studentSourcedId", result.student, users, problems=problems)
        highest = most.get(result.line_item)
        if result.score is not None and highest is not None and result.score > highest:
            message = f"The score {result.score} is above the highest, {highest}."
            problems.warning("results.csv", line, "score", message=message, remedy="It is kept, as extra credit.")
