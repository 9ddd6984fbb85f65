"""Whether a whole bundle can be brought in: every field of every row, every reference, before anything is written.

rosters.service calls it; it keeps ids only, so that its memory grows with people, not with their rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from school_app.rosters import reading
from school_app.rosters.bundle import Bundle
from school_app.rosters.nesting import Within, chain_of, check_nesting
from school_app.rosters.problems import Problems
from school_app.rosters.records import Class, Enrolment, Kind, LineItem, Post, Result, User, main_posts

LEFT_OUT = "The row is left out."
ENROLLED = {"student": Kind.STUDENT, "teacher": Kind.STAFF}
Places = frozenset[tuple[str, Kind]]


def check(bundle: Bundle, problems: Problems) -> None:
    """Note everything that is wrong with a bundle, and what will be decided about its oddities as warnings.

    Raises ImportRefused where something is wrong; a bundle that passes can be written.
    """
    one = Check(bundle, problems)
    one.sessions()
    one.orgs()
    one.courses()
    one.classes()
    one.users()
    one.enrolments()
    one.demographics()
    one.categories()
    one.line_items()
    one.results()
    problems.refuse_if_any()


@dataclass(frozen=True, slots=True)
class When:
    """When a session is: its first day, and the school year that it lies in; None where it lies in none."""

    starts_on: date
    year: str | None


@dataclass(frozen=True, slots=True)
class Taught:
    """A homeroom or class: its school and its first day; None where that cannot be said."""

    title: str
    school: str
    starts_on: date | None
    line: int


@dataclass(slots=True)
class Check:
    """What is known of a bundle so far, for the references of the files that come later."""

    bundle: Bundle
    problems: Problems
    session_ids: dict[str, When] = field(default_factory=dict)
    org_ids: set[str] = field(default_factory=set)
    schools: set[str] = field(default_factory=set)
    course_ids: set[str] = field(default_factory=set)
    class_ids: dict[str, Taught] = field(default_factory=dict)
    people: dict[str, Places] = field(default_factory=dict)
    category_ids: set[str] = field(default_factory=set)
    items: dict[str, tuple[str, Decimal]] = field(default_factory=dict)

    def sessions(self) -> None:
        """The school years and their parts: each has its days in order and lies in a year."""
        file, types, starts = "academicSessions.csv", dict[str, str](), dict[str, date]()
        rows: dict[str, Within] = {}
        for line, one in reading.sessions(self.bundle, self.problems):
            self._once(file, line, one.sourced_id, rows)
            types[one.sourced_id], starts[one.sourced_id] = one.type, one.starts_on
            rows[one.sourced_id] = Within(line, one.parent)
            if one.ends_on < one.starts_on:
                message = f"It ends on {one.ends_on} before it starts on {one.starts_on}."
                self.problems.error(file, line, "endDate", message=message, remedy="Correct one of the days.")
        check_nesting(file, rows, self.problems)
        for sourced_id, row in rows.items():
            year = next((up for up in chain_of(sourced_id, rows) if types[up] == "schoolYear"), None)
            self.session_ids[sourced_id] = When(starts[sourced_id], year)
            if year is None:
                message = f"{sourced_id!r} lies in no school year."
                remedy = "It is left out, unless its parentSourcedId leads to a session of type schoolYear."
                self.problems.warning(file, row.line, "parentSourcedId", message=message, remedy=remedy)

    def orgs(self) -> None:
        """The organisations."""
        rows: dict[str, Within] = {}
        for line, one in reading.orgs(self.bundle, self.problems):
            self._once("orgs.csv", line, one.sourced_id, rows)
            rows[one.sourced_id] = Within(line, one.parent)
            if one.is_school:
                self.schools.add(one.sourced_id)
        self.org_ids = set(rows)
        check_nesting("orgs.csv", rows, self.problems)

    def courses(self) -> None:
        """The courses."""
        for line, one in reading.courses(self.bundle, self.problems):
            self._once("courses.csv", line, one.sourced_id, self.course_ids)
            self.course_ids.add(one.sourced_id)
            self._known("courses.csv", line, "orgSourcedId", one.org, self.org_ids)
            self._known("courses.csv", line, "schoolYearSourcedId", one.year, self.session_ids)

    def classes(self) -> None:
        """The homerooms and classes: each lies in a year."""
        for line, one in reading.classes(self.bundle, self.problems):
            self._once("classes.csv", line, one.sourced_id, self.class_ids)
            starts = [self.session_ids[term].starts_on for term in one.terms if term in self.session_ids]
            self.class_ids[one.sourced_id] = Taught(one.title, one.school, min(starts, default=None), line)
            self._known("classes.csv", line, "schoolSourcedId", one.school, self.org_ids)
            if one.school in self.org_ids - self.schools:
                message = f"{one.title} belongs to no school, but to another organisation."
                self.problems.warning("classes.csv", line, "schoolSourcedId", message=message, remedy=LEFT_OUT)
            self._in_a_year(line, one)
            if not one.is_homeroom:
                self._known("classes.csv", line, "courseSourcedId", one.course, self.course_ids)

    def _in_a_year(self, line: int, one: Class) -> None:
        for term in one.terms:
            self._known("classes.csv", line, "termSourcedIds", term, self.session_ids)
            if term in self.session_ids and self.session_ids[term].year is None:
                message = f"The term {term!r} lies in no school year."
                remedy = "Give it a parent in academicSessions.csv that leads to a session of type schoolYear."
                self.problems.error("classes.csv", line, "termSourcedIds", message=message, remedy=remedy)
        if not one.terms:
            message, remedy = "The class belongs to no term.", "Name its term, so that its school year is known."
            self.problems.error("classes.csv", line, "termSourcedIds", message=message, remedy=remedy)

    def users(self) -> None:
        """The people, what they are and where, and who answers for whom."""
        same: dict[Places, Places] = {}
        agents: list[tuple[int, str]] = []
        for line, one, posts in reading.users(self.bundle, self.problems):
            self._once("users.csv", line, one.sourced_id, self.people)
            places: Places = frozenset(main_posts(posts))
            # Thousands are the same at the same school; what they are is kept once.
            self.people[one.sourced_id] = same.setdefault(places, places)
            agents += [(line, agent) for agent in one.agents]
            if self.bundle.version == "1.1":
                for post in posts:
                    self._known("users.csv", line, "orgSourcedIds", post.org, self.org_ids)
            self._belongs(line, one, posts)
        for line, agent in agents:
            if agent not in self.people:
                message = f"{agent!r} is nowhere in the bundle."
                remedy = "Nobody is noted in that place."
                self.problems.warning("users.csv", line, "agentSourcedIds", message=message, remedy=remedy)
        self._roles()

    def _belongs(self, line: int, one: User, posts: Sequence[Post]) -> None:
        orgs = {post.org for post in posts}
        name = f"{one.given_name} {one.family_name}"
        if not orgs & self.schools:
            role = f" ({posts[0].role})" if posts else ""
            message = f"{name}{role} belongs to no school of the bundle."
            self.problems.warning("users.csv", line, "orgSourcedIds", message=message, remedy=LEFT_OUT)
        if len(orgs) > 1:
            message, remedy = f"{name} belongs to {len(orgs)} organisations.", "The person is listed at each school."
            self.problems.warning("users.csv", line, "orgSourcedIds", message=message, remedy=remedy)

    def _roles(self) -> None:
        if self.bundle.version != "1.2":
            return
        found: set[str] = set()
        for line, one in reading.roles(self.bundle, Problems()):
            self._once("roles.csv", line, one.sourced_id, found)
            found.add(one.sourced_id)
            self._known("roles.csv", line, "userSourcedId", one.user, self.people)
            self._known("roles.csv", line, "orgSourcedId", one.post.org if one.post else "", self.org_ids)

    def enrolments(self) -> None:
        """Who is in which class; the classes that nobody teaches."""
        file, found, taught = "enrollments.csv", set[str](), set[str]()
        for line, one in reading.enrolments(self.bundle, self.problems):
            self._once(file, line, one.sourced_id, found)
            found.add(one.sourced_id)
            self._known(file, line, "classSourcedId", one.class_id, self.class_ids)
            self._known(file, line, "schoolSourcedId", one.school, self.org_ids)
            self._known(file, line, "userSourcedId", one.user, self.people)
            if one.class_id in self.class_ids and one.user in self.people:
                self._fits(line, one, self.class_ids[one.class_id])
            if one.role == "teacher":
                taught.add(one.class_id)
        for sourced_id, one_class in self.class_ids.items():
            if sourced_id not in taught:
                message, remedy = f"Nobody teaches {one_class.title}.", "The class is kept without a teacher."
                self.problems.warning("classes.csv", one_class.line, None, message=message, remedy=remedy)

    def _fits(self, line: int, one: Enrolment, taught: Taught) -> None:
        begins_on = one.begins_on or taught.starts_on
        if begins_on and one.ends_on and one.ends_on < begins_on:
            message = f"It ends on {one.ends_on} before it begins on {begins_on}."
            self.problems.error("enrollments.csv", line, "endDate", message=message, remedy="Correct one of the days.")
        kind = ENROLLED.get(one.role)
        if kind is None:
            message = f"The role {one.role!r} in a class gives no rights here."
            self.problems.warning("enrollments.csv", line, "role", message=message, remedy=LEFT_OUT)
        elif taught.school in self.schools and (taught.school, kind) not in self.people[one.user]:
            what = "student" if kind is Kind.STUDENT else "member of staff"
            message = f"{one.user!r} is no {what} of the class’s school."
            self.problems.warning("enrollments.csv", line, "userSourcedId", message=message, remedy=LEFT_OUT)

    def demographics(self) -> None:
        """Days of birth and sexes, of each person once."""
        found: set[str] = set()
        for line, one in reading.demographics(self.bundle, self.problems):
            self._once("demographics.csv", line, one.user, found)
            found.add(one.user)
            self._known("demographics.csv", line, "sourcedId", one.user, self.people)

    def categories(self) -> None:
        """The kinds of assessments."""
        for line, one in reading.categories(self.bundle, self.problems):
            self._once("categories.csv", line, one.sourced_id, self.category_ids)
            self.category_ids.add(one.sourced_id)

    def line_items(self) -> None:
        """The assessments of classes."""
        file = "lineItems.csv"
        for line, one in reading.line_items(self.bundle, self.problems):
            self._once(file, line, one.sourced_id, self.items)
            taught = self.class_ids.get(one.class_id)
            self.items[one.sourced_id] = (taught.school if taught else "", one.maximum)
            self._known(file, line, "classSourcedId", one.class_id, self.class_ids)
            self._known(file, line, "categorySourcedId", one.category, self.category_ids)
            self._known(file, line, "gradingPeriodSourcedId", one.term, self.session_ids)
            self._known(file, line, "schoolSourcedId", one.school, self.org_ids)
            self._in_order(line, one)

    def _in_order(self, line: int, one: LineItem) -> None:
        if one.maximum <= one.minimum:
            message = f"{one.maximum} is not above {one.minimum}."
            self.problems.error("lineItems.csv", line, "resultValueMax", message=message, remedy="Correct the limits.")

    def results(self) -> None:
        """The results of students in assessments, each once."""
        file, found, pairs = "results.csv", set[str](), set[tuple[str, str]]()
        for line, one in reading.results(self.bundle, self.problems):
            self._once(file, line, one.sourced_id, found)
            found.add(one.sourced_id)
            self._known(file, line, "lineItemSourcedId", one.line_item, self.items)
            self._known(file, line, "studentSourcedId", one.student, self.people)
            if (one.line_item, one.student) in pairs:
                message, remedy = "The student has a result in this assessment already.", "Keep one of the rows."
                self.problems.error(file, line, "studentSourcedId", message=message, remedy=remedy)
            pairs.add((one.line_item, one.student))
            if one.line_item in self.items and one.student in self.people:
                self._earned(line, one)

    def _earned(self, line: int, one: Result) -> None:
        school, highest = self.items[one.line_item]
        if one.score is not None and one.score > highest:
            message = f"The score {one.score} is above the highest, {highest}."
            self.problems.warning("results.csv", line, "score", message=message, remedy="It is kept, as extra credit.")
        if school in self.schools and (school, Kind.STUDENT) not in self.people[one.student]:
            message = f"{one.student!r} is no student of the class’s school."
            self.problems.warning("results.csv", line, "studentSourcedId", message=message, remedy=LEFT_OUT)

    def _once(self, file: str, line: int, sourced_id: str, found: Collection[str]) -> None:
        if sourced_id in found:
            message = f"{sourced_id!r} stands in the file twice."
            self.problems.error(file, line, "sourcedId", message=message, remedy="Each row has an id of its own.")

    def _known(self, file: str, line: int, column: str, value: str, ids: Collection[str]) -> None:
        if value and value not in ids:
            message = f"{value!r} is nowhere in the bundle."
            remedy = "Export the row it points to, or remove this one."
            self.problems.error(file, line, column, message=message, remedy=remedy)
