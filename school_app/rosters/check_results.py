"""Whether the assessments of a bundle and the results in them can be brought in.

rosters.check calls it, after the people.
"""

from __future__ import annotations

from school_app.rosters import reading
from school_app.rosters.found import LEFT_OUT, Found
from school_app.rosters.records import Kind, LineItem, Result


def categories(found: Found) -> None:
    """The kinds of assessments."""
    for line, one in reading.categories(found.bundle, found.problems):
        found.once("categories.csv", line, one.sourced_id, found.parts.categories)
        found.parts.categories[one.sourced_id] = one


def line_items(found: Found) -> None:
    """The assessments of classes."""
    file = "lineItems.csv"
    for line, one in reading.line_items(found.bundle, found.problems):
        found.once(file, line, one.sourced_id, found.items)
        taught = found.class_ids.get(one.class_id)
        found.items[one.sourced_id] = (taught.school if taught else "", one.maximum)
        found.parts.put(taught.school if taught else "", line, one)
        found.known(file, line, "classSourcedId", one.class_id, found.class_ids)
        found.known(file, line, "categorySourcedId", one.category, found.parts.categories)
        found.known(file, line, "gradingPeriodSourcedId", one.term, found.session_ids)
        found.known(file, line, "schoolSourcedId", one.school, found.org_ids)
        _in_order(found, line, one)


def _in_order(found: Found, line: int, one: LineItem) -> None:
    if one.maximum <= one.minimum:
        message = f"{one.maximum} is not above {one.minimum}."
        found.problems.error("lineItems.csv", line, "resultValueMax", message=message, remedy="Correct the limits.")


def results(found: Found) -> None:
    """The results of students in assessments, each once."""
    file = "results.csv"
    for line, one in reading.results(found.bundle, found.problems):
        found.new(file, line, one.sourced_id)
        found.known(file, line, "lineItemSourcedId", one.line_item, found.items)
        found.known(file, line, "studentSourcedId", one.student, found.people)
        if not found.parts.is_new("result of a student", f"{one.line_item}\n{one.student}"):
            message, remedy = "The student has a result in this assessment already.", "Keep one of the rows."
            found.problems.error(file, line, "studentSourcedId", message=message, remedy=remedy)
        if one.line_item in found.items and one.student in found.people:
            _earned(found, line, one)


def _earned(found: Found, line: int, one: Result) -> None:
    school, highest = found.items[one.line_item]
    found.parts.put(school, line, one)
    if one.score is not None and one.score > highest:
        message = f"The score {one.score} is above the highest, {highest}."
        found.problems.warning("results.csv", line, "score", message=message, remedy="It is kept, as extra credit.")
    if school in found.parts.schools and (school, Kind.STUDENT) not in found.people[one.student]:
        message = f"{one.student!r} is no student of the class’s school."
        found.problems.warning("results.csv", line, "studentSourcedId", message=message, remedy=LEFT_OUT)
