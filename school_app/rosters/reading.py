"""Reading the rows of a bundle as records; what cannot be read is noted with its place.

rosters.check reads every row once, and puts it aside for its school.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from school_app.rosters.bundle import Bundle
from school_app.rosters.fields import Reader
from school_app.rosters.problems import Problems
from school_app.rosters.records import (
    CLASS_TYPES,
    ENROLMENT_ROLES,
    ORG_TYPES,
    SESSION_TYPES,
    USER_ROLES,
    Category,
    Class,
    Course,
    Demographics,
    Enrolment,
    LineItem,
    Org,
    Post,
    Result,
    Role,
    Session,
    User,
)

LONGEST_GRADE = 20


def _each(bundle: Bundle, name: str, problems: Problems) -> Iterator[Reader]:
    dated: int | None = None
    for row in bundle.rows(name, problems):
        if dated is None and row.fields["dateLastModified"]:
            dated = row.line
        yield Reader(name, row, problems)
    if dated is not None:
        message = "Rows say when they were changed last, as those of a delta do."
        remedy = "The file is taken for the whole roster; see that it is."
        problems.warning(name, dated, "dateLastModified", message=message, remedy=remedy)


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
                    is_school=read.choice("type", ORG_TYPES) == "school",
                    parent=read.text("parentSourcedId"),
                ),
            )


def courses(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Course]]:
    """The courses, with their lines."""
    for read in _each(bundle, "courses.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Course(
                    read.text("sourcedId", needed=True),
                    read.text("title", needed=True),
                    read.list("subjects"),
                    org=read.text("orgSourcedId"),
                    year=read.text("schoolYearSourcedId"),
                ),
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
                    grades=read.list("grades", longest=LONGEST_GRADE),
                    course=read.text("courseSourcedId"),
                    school=read.text("schoolSourcedId", needed=True),
                    terms=read.list("termSourcedIds"),
                    subjects=read.list("subjects"),
                ),
            )


def users(
    bundle: Bundle, posts: Mapping[str, Sequence[Post]], problems: Problems
) -> Iterator[tuple[int, User, Sequence[Post]]]:
    """The people with what they are and where, with their lines; who is marked to be deleted comes as inactive.

    In version 1.2 what they are is in roles.csv, and given as `posts` by their ids.
    """
    for read in _each(bundle, "users.csv", problems):
        user = _user(read)
        if bundle.version == "1.1":
            role = read.choice("role", USER_ROLES["1.1"])
            yield read.row.line, user, [Post(org, role) for org in read.list("orgSourcedIds")]
            continue
        if user.is_active and user.sourced_id not in posts:
            message, remedy = f"{user.sourced_id!r} has no role.", "Give the person a row in roles.csv."
            problems.error("users.csv", read.row.line, "sourcedId", message=message, remedy=remedy)
        yield read.row.line, user, posts.get(user.sourced_id, ())


def _user(read: Reader) -> User:
    return User(
        read.text("sourcedId", needed=True),
        read.text("username", longest=120),
        read.text("givenName", needed=True, longest=120),
        read.text("middleName", longest=120),
        read.text("familyName", needed=True, longest=120),
        email=read.address("email"),
        phone=read.text("phone", longest=60) or read.text("sms", longest=60),
        agents=read.list("agentSourcedIds"),
        grades=read.list("grades", longest=LONGEST_GRADE),
        is_active=read.is_active(),
        may_log_in=read.choice("enabledUser", ("", "true", "false")) != "false",
    )


def roles(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Role]]:
    """Whose role is what and where, with their lines."""
    for read in _each(bundle, "roles.csv", problems):
        post = Post(
            read.text("orgSourcedId", needed=True),
            read.choice("role", USER_ROLES["1.2"]),
            ends_on=read.day("endDate"),
            is_main=read.choice("roleType", ("primary", "secondary")) == "primary",
        )
        read.day("beginDate")
        sourced_id, user = read.text("sourcedId", needed=True), read.text("userSourcedId", needed=True)
        yield read.row.line, Role(sourced_id, user, post if read.is_active() else None)


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


def categories(bundle: Bundle, problems: Problems) -> Iterator[tuple[int, Category]]:
    """The kinds of assessments, with their lines."""
    for read in _each(bundle, "categories.csv", problems):
        if read.is_active():
            yield (
                read.row.line,
                Category(read.text("sourcedId", needed=True), read.text("title", needed=True, longest=120)),
            )


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
                    school=read.text("schoolSourcedId"),
                    minimum=_else(read.number("resultValueMin"), Decimal(0)),
                    maximum=_else(read.number("resultValueMax"), Decimal(100)),
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
                    comment=read.text("comment", longest=4000, lines=True),
                ),
            )


def _else(number: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if number is None else number
