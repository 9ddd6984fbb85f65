"""The year groups, forms and taught classes of a roster.

rosters.service calls it, after the years.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from school_app.rosters import records
from school_app.rosters.names import LONGEST_FORM, folded, form_names
from school_app.rosters.records import Kind
from school_app.rosters.roster import Roster
from school_app.schools.models import Form, Subject, TeachingGroup, YearGroup

# The early-warning indicators look at English and mathematics; a school changes this for itself on its set-up page.
CORE = re.compile(r"math|english|language arts", re.IGNORECASE)
HIGHEST = 1_000


def bring_classes(roster: Roster) -> None:
    """Bring in the year groups, the homerooms as forms, and the other classes with their subjects."""
    _year_groups(roster)
    _forms(roster)
    _taught_classes(roster)


def _year_groups(roster: Roster) -> None:
    codes = {grade for one in roster.listed_classes() if one.is_homeroom for grade in one.grades[:1]}
    codes |= {grade for one in roster.listed_users(Kind.STUDENT) for grade in one.grades[:1]}
    rows = [{"code": code, "name": _grade_name(code), "ordinal": _ordinal(code)} for code in sorted(codes)]
    roster.groups = roster.merge(YearGroup, rows, key=("code",), only_new=("name", "ordinal"))


def _grade_name(code: str) -> str:
    return f"Grade {int(code)}" if code.isdecimal() else f"Grade {code}"


def _ordinal(code: str) -> int:
    if code.isdecimal():
        return min(int(code), HIGHEST)
    return {"PK": -2, "KG": 0, "K": 0}.get(code.upper(), -1)


def _forms(roster: Roster) -> None:
    homerooms = [one for one in roster.listed_classes() if one.is_homeroom]
    names = _names(roster, {one.sourced_id: (_year(roster, one), one.title) for one in homerooms})
    rows = [
        {
            "sourced_id": one.sourced_id,
            "school_year_id": _year(roster, one),
            "year_group_id": roster.groups.get(one.grades[0]) if one.grades else None,
            "name": names[one.sourced_id],
        }
        for one in homerooms
    ]
    ids = roster.merge(Form, rows)
    roster.forms = {one.sourced_id: ids[one.sourced_id] for one in homerooms}


def _names(roster: Roster, titles: dict[str, tuple[int, str]]) -> dict[str, str]:
    """What the homerooms are called: a year has no name twice."""
    forms = roster.session.scalars(select(Form)).all()
    others = [(one.school_year_id, one.name) for one in forms if one.sourced_id not in titles]
    names = form_names(titles, others)
    for sourced_id, name in names.items():
        if name != titles[sourced_id][1][:LONGEST_FORM]:
            message = f"More than one homeroom of the year is called {titles[sourced_id][1]!r}."
            roster.warn("classes.csv", message, f"{sourced_id!r} is kept as {name!r}.")
    holders = {(one.school_year_id, folded(one.name)): one for one in forms}
    for sourced_id, name in names.items():
        holder = holders.get((titles[sourced_id][0], folded(name)))
        if holder is not None and holder.sourced_id != sourced_id:
            # It gets another name itself, and must have let go of this one before.
            holder.name = f"(form {holder.id})"
    roster.session.flush()
    return names


def _taught_classes(roster: Roster) -> None:
    courses = roster.part.parts.courses
    taught = [(one, _subject(one, courses)) for one in roster.listed_classes() if not one.is_homeroom]
    subjects = _subjects(roster, {name for _, name in taught if name})
    rows = [_class(roster, one, subjects.get(folded(name or ""))) for one, name in taught]
    ids = roster.merge(TeachingGroup, rows)
    roster.classes = {one.sourced_id: ids[one.sourced_id] for one, _ in taught}


def _subjects(roster: Roster, names: set[str]) -> dict[str, int]:
    """The ids of subjects by their folded names; one that is spelt in several ways is one subject."""
    spelt = {folded(name): name for name in sorted(names, reverse=True)}
    spelt |= {folded(one): one for one in roster.session.scalars(select(Subject.name)) if folded(one) in spelt}
    rows = [{"name": name, "is_core": bool(CORE.search(name))} for name in spelt.values()]
    ids = roster.merge(Subject, rows, key=("name",), only_new=("is_core",))
    return {place: ids[name] for place, name in spelt.items()}


def _class(roster: Roster, one: records.Class, subject_id: int | None) -> dict[str, Any]:
    return {
        "sourced_id": one.sourced_id,
        "school_year_id": _year(roster, one),
        "term_id": roster.terms.get(one.terms[0]) if len(one.terms) == 1 else None,
        "subject_id": subject_id,
        "name": one.title,
        "course_code": one.code or None,
    }


def _year(roster: Roster, one: records.Class) -> int:
    return roster.years[roster.year_of[one.terms[0]]]


def _subject(one: records.Class, courses: dict[str, records.Course]) -> str | None:
    course = courses.get(one.course)
    names = one.subjects or (course.subjects if course else ())
    return (names[0] if names else course.title if course else one.title)[:120] or None
