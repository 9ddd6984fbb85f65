"""Whether the people of a bundle, their places and their days of birth can be brought in.

rosters.check calls it, after the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from school_app.rosters import reading
from school_app.rosters.found import LEFT_OUT, Found, Places, Taught
from school_app.rosters.records import Enrolment, Kind, Post, User, main_posts

ENROLLED = {"student": Kind.STUDENT, "teacher": Kind.STAFF}


def users(found: Found) -> None:
    """The people, what they are and where, and who answers for whom."""
    roles, holders = _roles(found)
    agents: list[tuple[int, str]] = []
    for line, one, posts in reading.users(found.bundle, roles, found.problems):
        found.once("users.csv", line, one.sourced_id, found.people)
        _stands(found, line, one, posts)
        _belongs(found, line, one, posts)
        agents += [(line, agent) for agent in one.agents]
    for line, agent in agents:
        if agent not in found.people:
            message, remedy = f"{agent!r} is nowhere in the bundle.", "Nobody is noted in that place."
            found.problems.warning("users.csv", line, "agentSourcedIds", message=message, remedy=remedy)
    for line, user in holders:
        found.known("roles.csv", line, "userSourcedId", user, found.people)


def _roles(found: Found) -> tuple[dict[str, list[Post]], list[tuple[int, str]]]:
    """In version 1.2 what people are, by their ids, and the lines that say so of whom; else nothing.

    Of somebody whose every role is to be deleted it is an empty list.
    """
    posts: dict[str, list[Post]] = {}
    holders: list[tuple[int, str]] = []
    for line, one in reading.roles(found.bundle, found.problems):
        found.new("roles.csv", line, one.sourced_id)
        holders.append((line, one.user))
        own = posts.setdefault(one.user, [])
        if one.post is not None:
            found.known("roles.csv", line, "orgSourcedId", one.post.org, found.org_ids)
            own.append(one.post)
    return posts, holders


def _stands(found: Found, line: int, one: User, posts: Sequence[Post]) -> None:
    mains = main_posts(posts)
    places: Places = frozenset(mains)
    # Thousands are the same at the same school; what they are is kept once.
    found.people[one.sourced_id] = found.places.setdefault(places, places)
    if one.is_active:
        for (org, _), post in mains.items():
            found.parts.put(org, line, replace(one, role=post.role, until=post.ends_on))


def _belongs(found: Found, line: int, one: User, posts: Sequence[Post]) -> None:
    orgs = {post.org for post in posts}
    if found.bundle.version == "1.1":
        for org in orgs:
            found.known("users.csv", line, "orgSourcedIds", org, found.org_ids)
    name = f"{one.given_name} {one.family_name}"
    if not orgs & found.parts.schools.keys():
        role = f" ({posts[0].role})" if posts else ""
        message = f"{name}{role} belongs to no school of the bundle."
        found.problems.warning("users.csv", line, "orgSourcedIds", message=message, remedy=LEFT_OUT)
    if len(orgs) > 1:
        message, remedy = f"{name} belongs to {len(orgs)} organisations.", "The person is listed at each school."
        found.problems.warning("users.csv", line, "orgSourcedIds", message=message, remedy=remedy)


def enrolments(found: Found) -> None:
    """Who is in which class; the classes that nobody teaches."""
    file, taught = "enrollments.csv", set[str]()
    for line, one in reading.enrolments(found.bundle, found.problems):
        found.new(file, line, one.sourced_id)
        found.known(file, line, "classSourcedId", one.class_id, found.class_ids)
        found.known(file, line, "schoolSourcedId", one.school, found.org_ids)
        found.known(file, line, "userSourcedId", one.user, found.people)
        if one.class_id in found.class_ids and one.user in found.people:
            _fits(found, line, one, found.class_ids[one.class_id])
        if one.role == "teacher":
            taught.add(one.class_id)
    for sourced_id, one_class in found.class_ids.items():
        if sourced_id not in taught:
            message, remedy = f"Nobody teaches {one_class.title}.", "The class is kept without a teacher."
            found.problems.warning("classes.csv", one_class.line, None, message=message, remedy=remedy)


def _fits(found: Found, line: int, one: Enrolment, taught: Taught) -> None:
    found.parts.put(taught.school, line, one)
    begins_on = one.begins_on or taught.starts_on
    if begins_on and one.ends_on and one.ends_on < begins_on:
        message = f"It ends on {one.ends_on} before it begins on {begins_on}."
        found.problems.error("enrollments.csv", line, "endDate", message=message, remedy="Correct one of the days.")
    kind = ENROLLED.get(one.role)
    if kind is None:
        message = f"The role {one.role!r} in a class gives no rights here."
        found.problems.warning("enrollments.csv", line, "role", message=message, remedy=LEFT_OUT)
    elif taught.school in found.parts.schools and (taught.school, kind) not in found.people[one.user]:
        what = "student" if kind is Kind.STUDENT else "member of staff"
        message = f"{one.user!r} is no {what} of the class’s school."
        found.problems.warning("enrollments.csv", line, "userSourcedId", message=message, remedy=LEFT_OUT)


def demographics(found: Found) -> None:
    """Days of birth and sexes, of each person once."""
    for line, one in reading.demographics(found.bundle, found.problems):
        found.new("demographics.csv", line, one.user)
        found.known("demographics.csv", line, "sourcedId", one.user, found.people)
        for org in {org for org, _ in found.people.get(one.user, ())}:
            found.parts.put(org, line, one)
