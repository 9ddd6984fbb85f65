"""The year groups, forms and taught classes of a roster.

rosters.service calls it, after the years.
"""

from __future__ import annotations

import re
from typing import Any

from school_app.rosters import reading, records
from school_app.rosters.problems import Problems
from school_app.rosters.roster import Roster
from school_app.schools.models import Form, Subject, TeachingGroup, YearGroup

# The early-warning indicators look at English and mathematics; a school changes this for itself on its set-up page.
CORE = re.compile(r"math|english|language arts", re.IGNORECASE)


def bring_classes(roster: Roster) -> None:
    """Bring in the year groups, the homerooms as forms, and the other classes with their subjects."""
    _year_groups(roster)
    _forms(roster)
    _taught_classes(roster)


def _year_groups(roster: Roster) -> None:
    codes = {grade for one in roster.listed_classes() if one.is_homeroom for grade in one.grades[:1]}
    codes |= {grade for one in roster.listed_users() if one.role == "student" for grade in one.grades[:1]}
    rows = [{"code": code, "name": _grade_name(code), "ordinal": _ordinal(code)} for code in sorted(codes)]
    roster.groups = roster.merge(YearGroup, rows, key=("code",), only_new=("name", "ordinal"))


def _grade_name(code: str) -> str:
    return f"Grade {int(code)}" if code.isdecimal() else f"Grade {code}"


def _ordinal(code: str) -> int:
    if code.isdecimal():
        return int(code)
    return {"PK": -2, "KG": 0, "K": 0}.get(code.upper(), -1)


def _forms(roster: Roster) -> None:
    roster.forms = roster.merge(
        Form,
        [
            {
                "sourced_id": one.sourced_id,
                "school_year_id": _year(roster, one),
                "year_group_id": roster.groups.get(one.grades[0]) if one.grades else None,
                "name": one.title[:80],
            }
            for one in roster.listed_classes()
            if one.is_homeroom
        ],
    )


def _taught_classes(roster: Roster) -> None:
    courses = {one.sourced_id: one for _, one in reading.courses(roster.bundle, Problems())}
    taught = [(one, _subject(one, courses)) for one in roster.listed_classes() if not one.is_homeroom]
    names = sorted({name for _, name in taught if name})
    subjects = roster.merge(
        Subject,
        [{"name": name, "is_core": bool(CORE.search(name))} for name in names],
        key=("name",),
        only_new=("is_core",),
    )
    roster.classes = roster.merge(TeachingGroup, [_class(roster, one, subjects.get(name)) for one, name in taught])


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
