"""Reading the rows of a bundle as records; what cannot be read is noted with its place.

rosters.check reads every row once for its problems; the parts of an import read them again for each school.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from school_app.rosters.bundle import Bundle
from school_app.rosters.fields import Reader
from school_app.rosters.problems import Problems
from school_app.rosters.records import (
    CLASS_TYPES,
    ENROLMENT_ROLES,
    SESSION_TYPES,
    USER_ROLES,
    Class,
    Course,
    Demographics,
    Enrolment,
    LineItem,
    Org,
    Result,
    Session,
    User,
)


def _each(bundle: Bundle, name: str, problems: Problems) -> Iterator[Reader]:
    for row in bundle.rows(name, problems):
        yield Reader(name, row, problems)


def sessions(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Session]]:
    """The school years and their parts, with their lines."""
    for read in _each(bundle, "academicSessions.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Session(
                    read.text("sourcedId", needed=True),
                    read.text("title", needed=True, longest=80),
                    read.choice("type", SESSION_TYPES),
                    starts_on=read.needed_day("startDate"),
                    ends_on=read.needed_day("endDate"),
                    parent=read.text("parentSourcedId"),
                ),
            )


def orgs(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Org]]:
    """The organisations, with their lines."""
    for read in _each(bundle, "orgs.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Org(
                    read.text("sourcedId", needed=True),
                    read.text("name", needed=True),
                    is_school=read.text("type") == "school",
                    parent=read.text("parentSourcedId"),
                ),
            )


def courses(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Course]]:
    """The courses, with their lines."""
    for read in _each(bundle, "courses.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Course(read.text("sourcedId", needed=True), read.text("title", needed=True), read.list("subjects")),
            )


def classes(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Class]]:
    """The classes, with their lines."""
    for read in _each(bundle, "classes.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Class(
                    read.text("sourcedId", needed=True),
                    read.text("title", needed=True, longest=160),
                    read.text("classCode", longest=80),
                    is_homeroom=read.choice("classType", CLASS_TYPES) == "homeroom",
                    grades=read.list("grades"),
                    course=read.text("courseSourcedId"),
                    school=read.text("schoolSourcedId", needed=True),
                    terms=read.list("termSourcedIds"),
                    subjects=read.list("subjects"),
                ),
            )


def users(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, User]]:
    """The people, with their lines; who is marked to be deleted comes as inactive."""
    roles = _roles(bundle, problems) if bundle.version == "1.2" else {}
    for read in _each(bundle, "users.csv", problems):
        sourced_id = read.text("sourcedId", needed=True)
        role, places = roles.get(sourced_id, ("", ()))
        if bundle.version == "1.1":
            role, places = read.choice("role", USER_ROLES["1.1"]), read.list("orgSourcedIds")
        elif not role:
            problems.error(
                "users.csv",
                read.row.line,
                "sourcedId",
                message=f"{sourced_id!r} has no role.",
                remedy="Give the person a row in roles.csv.",
            )
        yield (
            read.row.line,
            User(
                sourced_id,
                read.text("username", longest=120),
                read.text("givenName", needed=True, longest=120),
                read.text("middleName", longest=120),
                read.text("familyName", needed=True, longest=120),
                email=read.text("email"),
                phone=read.text("phone", longest=60) or read.text("sms", longest=60),
                role=role,
                orgs=places,
                agents=read.list("agentSourcedIds"),
                grades=read.list("grades"),
                is_active=read.is_active(),
                may_log_in=read.choice("enabledUser", ("", "true", "false")) != "false",
            ),
        )


def _roles(bundle: Bundle, problems: Problems) -> dict[str, tuple[str, tuple[str, ...]]]:
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for read in _each(bundle, "roles.csv", problems):
        if not read.is_active():
            continue
        user, org = read.text("userSourcedId", needed=True), read.text("orgSourcedId", needed=True)
        role = read.choice("role", USER_ROLES["1.2"])
        is_primary = read.choice("roleType", ("primary", "secondary")) == "primary"
        before = found.get(user)
        places = (*(before[1] if before else ()), org)
        found[user] = (role if is_primary or before is None else before[0], tuple(dict.fromkeys(places)))
    return found


def enrolments(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Enrolment]]:
    """Who is in which class, with their lines."""
    for read in _each(bundle, "enrollments.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Enrolment(
                    read.text("sourcedId", needed=True),
                    read.text("classSourcedId", needed=True),
                    read.text("schoolSourcedId", needed=True),
                    read.text("userSourcedId", needed=True),
                    role=read.choice("role", ENROLMENT_ROLES),
                    is_primary=read.flag("primary"),
                    begins_on=read.day("beginDate"),
                    ends_on=read.day("endDate"),
                ),
            )


def demographics(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Demographics]]:
    """Days of birth and sexes, with their lines."""
    for read in _each(bundle, "demographics.csv", problems):
        if read.is_active():
            sex = read.choice("sex", ("", "male", "female", "unspecified", "other"))
            yield read.row.line, Demographics(read.text("sourcedId", needed=True), read.day("birthDate"), sex)


def categories(bundle: Bundle, problems: Problems) -> dict[str, str]:
    """The titles of assessment categories by their id."""
    return {
        read.text("sourcedId", needed=True): read.text("title", longest=120)
        for read in _each(bundle, "categories.csv", problems)
    }


def line_items(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, LineItem]]:
    """The assessments, with their lines."""
    for read in _each(bundle, "lineItems.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                LineItem(
                    read.text("sourcedId", needed=True),
                    read.text("title", needed=True, longest=200),
                    read.day("assignDate"),
                    due_on=read.needed_day("dueDate"),
                    class_id=read.text("classSourcedId", needed=True),
                    category=read.text("categorySourcedId"),
                    term=read.text("gradingPeriodSourcedId"),
                    minimum=read.number("resultValueMin") or Decimal(0),
                    maximum=read.number("resultValueMax") or Decimal(100),
                ),
            )


def results(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Result]]:
    """The results, with their lines."""
    for read in _each(bundle, "results.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Result(
                    read.text("sourcedId", needed=True),
                    read.text("lineItemSourcedId", needed=True),
                    read.text("studentSourcedId", needed=True),
                    status=read.text("scoreStatus", longest=40) or "fully graded",
                    score=read.number("score"),
                    scored_on=read.needed_day("scoreDate"),
                    comment=read.text("comment", longest=4000),
                ),
            )
