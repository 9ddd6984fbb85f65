"""What the rows of a bundle say, as typed records that are the same for both versions.

rosters.reading makes them; the parts of an import bring them in.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

SESSION_TYPES = ("schoolYear", "semester", "term", "gradingPeriod")
ORG_TYPES = ("department", "school", "district", "local", "state", "national")
CLASS_TYPES = ("homeroom", "scheduled")
HOME_ROLES = ("parent", "guardian", "relative")
STAFF_ROLES_11 = ("administrator", "aide", "proctor", "teacher")
STAFF_ROLES_12 = (
    *STAFF_ROLES_11,
    "counselor",
    "districtAdministrator",
    "principal",
    "siteAdministrator",
    "systemAdministrator",
)
USER_ROLES = {"1.1": ("student", *HOME_ROLES, *STAFF_ROLES_11), "1.2": ("student", *HOME_ROLES, *STAFF_ROLES_12)}
ENROLMENT_ROLES = ("administrator", "proctor", "student", "teacher", "aide")


class Kind(enum.StrEnum):
    """What a person is to a school, whatever the roster calls it."""

    STUDENT = "student"
    HOME = "home"
    STAFF = "staff"


def kind_of(role: str) -> Kind:
    """What somebody of a role is to a school."""
    return Kind.STUDENT if role == "student" else Kind.HOME if role in HOME_ROLES else Kind.STAFF


@dataclass(frozen=True, slots=True)
class Session:
    """A school year, semester, term or grading period."""

    sourced_id: str
    title: str
    type: str
    starts_on: date
    ends_on: date
    parent: str


@dataclass(frozen=True, slots=True)
class Org:
    """A school or another organisation."""

    sourced_id: str
    name: str
    is_school: bool
    parent: str


@dataclass(frozen=True, slots=True)
class Course:
    """A course, for the subject of classes that name none."""

    sourced_id: str
    title: str
    subjects: tuple[str, ...]
    org: str
    year: str


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of assessment."""

    sourced_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Class:
    """A homeroom or a taught class."""

    sourced_id: str
    title: str
    code: str
    is_homeroom: bool
    grades: tuple[str, ...]
    course: str
    school: str
    terms: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody is at an organisation, until a day or further notice; one that `is_main` is named before others."""

    org: str
    role: str
    ends_on: date | None = None
    is_main: bool = True


@dataclass(frozen=True, slots=True)
class Role:
    """Whose post is which, by a row of roles.csv; None in place of a post that is to be deleted."""

    sourced_id: str
    user: str
    post: Post | None


def main_posts(posts: Iterable[Post]) -> dict[tuple[str, Kind], Post]:
    """What somebody is at each organisation: at most one post of a kind, until the last day of any of them."""
    found: dict[tuple[str, Kind], Post] = {}
    for post in sorted(posts, key=lambda one: not one.is_main):
        place = (post.org, kind_of(post.role))
        before = found.get(place, post)
        last = None if before.ends_on is None or post.ends_on is None else max(before.ends_on, post.ends_on)
        found[place] = replace(before, ends_on=last)
    return found


@dataclass(frozen=True, slots=True)
class User:
    """A person in one role at one school; in version 1.2 it comes from roles.csv, and `until` is its last day.

    `is_active` is False for who is to be deleted, `may_log_in` for whose access the source has taken: a student without
    a log-in is a student all the same.
    """

    sourced_id: str
    username: str
    given_name: str
    middle_name: str
    family_name: str
    email: str
    phone: str
    agents: tuple[str, ...]
    grades: tuple[str, ...]
    is_active: bool
    may_log_in: bool
    role: str = ""
    until: date | None = None

    @property
    def kind(self) -> Kind:
        """What the person is here."""
        return kind_of(self.role)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A person's place in a class."""

    sourced_id: str
    class_id: str
    school: str
    user: str
    role: str
    is_primary: bool
    begins_on: date | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Demographics:
    """A student's day of birth and sex, where known."""

    user: str
    birth_date: date | None
    sex: str


@dataclass(frozen=True, slots=True)
class LineItem:
    """An assessment of a class."""

    sourced_id: str
    title: str
    assigned_on: date | None
    due_on: date
    class_id: str
    category: str
    term: str
    school: str
    minimum: Decimal
    maximum: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """A student's result in an assessment; `score` None where there is none."""

    sourced_id: str
    line_item: str
    student: str
    status: str
    score: Decimal | None
    scored_on: date
    comment: str
