"""Bringing one school's part of a bundle in: years, forms, classes, people, enrolments, marks.

rosters.service calls it inside the school, with a bundle that rosters.check has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.core.permissions import Role
from school_app.marks.models import Assessment, AssessmentResult
from school_app.rosters import leavers, records
from school_app.rosters.bundle import Bundle
from school_app.rosters.merge import Counts, merge
from school_app.rosters.problems import Problems
from school_app.schools.models import (
    Form,
    FormMaster,
    SchoolYear,
    Subject,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
    TermKind,
    YearGroup,
)
from school_app.students.models import Enrolment, Guardian, Student, StudentGuardian, TeachingGroupMember

AnySession = Session | scoped_session[Any]
REASON = "roster import"
TERM_KINDS = {"semester": TermKind.SEMESTER, "term": TermKind.TERM, "gradingPeriod": TermKind.GRADING_PERIOD}
# The early-warning indicators look at English and mathematics; a school changes this for itself on its set-up page.
CORE = re.compile(r"math|english|language arts", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """The school that a bundle is brought into, and how: `brake_percent` of the students may leave at once."""

    org: str
    slug: str
    today: date
    brake_percent: float = 10.0
    force: bool = False


@dataclass(slots=True)
class Roster:
    """One school's part of a bundle on its way in; the ids of what was written, by the bundle's own ids."""

    session: AnySession
    bundle: Bundle
    target: Target
    counts: Counts = field(default_factory=Counts)
    years: dict[Any, int] = field(default_factory=dict)
    terms: dict[Any, int] = field(default_factory=dict)
    year_of: dict[str, str] = field(default_factory=dict)
    groups: dict[Any, int] = field(default_factory=dict)
    forms: dict[Any, int] = field(default_factory=dict)
    classes: dict[Any, int] = field(default_factory=dict)
    students: dict[Any, int] = field(default_factory=dict)
    accounts: dict[Any, int] = field(default_factory=dict)
    spans: dict[str, tuple[date, date]] = field(default_factory=dict)

    def bring_in(self) -> Counts:
        """Write the differences. Raises ImportBrake; the caller commits, or rolls everything back."""
        if not self.target.force:
            leavers.brake(self.session, self._listed(), percent=self.target.brake_percent)
        self._sessions()
        self._year_groups()
        self._classes()
        self._people()
        self._places()
        self._marks()
        leavers.let_go(self.session, self._listed(), today=self.target.today, counts=self.counts)
        return self.counts

    def _merge(self, model: Any, rows: Any, **options: Any) -> dict[Any, int]:
        return merge(self.session, model, rows, counts=self.counts, reason=REASON, **options)

    def _sessions(self) -> None:
        found = {one.sourced_id: one for _, one in records.sessions(self.bundle, Problems())}
        years = [one for one in found.values() if one.type == "schoolYear"]
        self.years = self._merge(
            SchoolYear,
            [
                {"sourced_id": one.sourced_id, "name": one.title, "starts_on": one.starts_on, "ends_on": one.ends_on}
                for one in years
            ],
        )
        for one in found.values():
            top = one
            while top.type != "schoolYear" and top.parent in found:
                top = found[top.parent]
            self.year_of[one.sourced_id] = top.sourced_id
            self.spans[one.sourced_id] = (one.starts_on, one.ends_on)
        waiting = [
            one for one in found.values() if one.type != "schoolYear" and self.year_of[one.sourced_id] in self.years
        ]
        while waiting:
            ready = [one for one in waiting if one.parent in self.years or one.parent in self.terms or not one.parent]
            self.terms = self._merge(Term, [self._term(one) for one in ready or waiting])
            waiting = [one for one in waiting if one not in ready] if ready else []

    def _term(self, one: records.Session) -> dict[str, Any]:
        return {
            "sourced_id": one.sourced_id,
            "school_year_id": self.years[self.year_of[one.sourced_id]],
            "parent_id": self.terms.get(one.parent),
            "name": one.title,
            "kind": TERM_KINDS[one.type],
            "starts_on": one.starts_on,
            "ends_on": one.ends_on,
        }

    def _of_school(self) -> Iterator[records.Class]:
        return (one for _, one in records.classes(self.bundle, Problems()) if one.school == self.target.org)

    def _users(self) -> Iterator[records.User]:
        return (one for _, one in records.users(self.bundle, Problems()) if self.target.org in one.orgs)

    def _year_groups(self) -> None:
        codes = {grade for one in self._of_school() if one.is_homeroom for grade in one.grades[:1]}
        codes |= {grade for one in self._users() if one.role == "student" for grade in one.grades[:1]}
        rows = [
            {
                "code": code,
                "name": f"Grade {int(code)}" if code.isdecimal() else f"Grade {code}",
                "ordinal": _ordinal(code),
            }
            for code in sorted(codes)
        ]
        self.groups = self._merge(YearGroup, rows, key=("code",), only_new=("name", "ordinal"))

    def _classes(self) -> None:
        courses = {one.sourced_id: one for _, one in records.courses(self.bundle, Problems())}
        homerooms = [one for one in self._of_school() if one.is_homeroom]
        self.forms = self._merge(
            Form,
            [
                {
                    "sourced_id": one.sourced_id,
                    "school_year_id": self._year(one),
                    "year_group_id": self.groups.get(one.grades[0]) if one.grades else None,
                    "name": one.title[:80],
                }
                for one in homerooms
            ],
        )
        taught = [(one, _subject(one, courses)) for one in self._of_school() if not one.is_homeroom]
        names = sorted({name for _, name in taught if name})
        subjects = self._merge(
            Subject,
            [{"name": name, "is_core": bool(CORE.search(name))} for name in names],
            key=("name",),
            only_new=("is_core",),
        )
        self.classes = self._merge(
            TeachingGroup,
            [
                {
                    "sourced_id": one.sourced_id,
                    "school_year_id": self._year(one),
                    "term_id": self.terms.get(one.terms[0]) if len(one.terms) == 1 else None,
                    "subject_id": subjects.get(name),
                    "name": one.title,
                    "course_code": one.code or None,
                }
                for one, name in taught
            ],
        )

    def _year(self, one: records.Class) -> int:
        return self.years[self.year_of[one.terms[0]]]

    def _people(self) -> None:
        born = {one.user: one for _, one in records.demographics(self.bundle, Problems())}
        self.students = self._merge(Student, self._student_rows(born))
        homes = self._merge(Guardian, self._guardian_rows())
        self.accounts = self._merge(Account, self._account_rows(), only_new=("login", "status"))
        links = set()
        for one in self._users():
            for other in one.agents:
                pair = (one.sourced_id, other) if one.role == "student" else (other, one.sourced_id)
                if pair[0] in self.students and pair[1] in homes:
                    links.add((self.students[pair[0]], homes[pair[1]]))
        rows = [{"student_id": student, "guardian_id": home} for student, home in sorted(links)]
        self._merge(StudentGuardian, rows, key=("student_id", "guardian_id"))

    def _student_rows(self, born: dict[str, records.Demographics]) -> Iterator[dict[str, Any]]:
        for one in self._users():
            if one.role == "student":
                known = born.get(one.sourced_id)
                yield {
                    "sourced_id": one.sourced_id,
                    "given_name": one.given_name,
                    "middle_name": one.middle_name or None,
                    "family_name": one.family_name,
                    "birth_date": known.birth_date if known else None,
                    "sex": (known.sex or None) if known else None,
                    "year_group_id": self.groups.get(one.grades[0]) if one.grades else None,
                    "is_active": one.is_active,
                }

    def _guardian_rows(self) -> Iterator[dict[str, Any]]:
        for one in self._users():
            if one.role in records.HOME_ROLES:
                yield {
                    "sourced_id": one.sourced_id,
                    "given_name": one.given_name,
                    "family_name": one.family_name,
                    "role": one.role,
                    "email": one.email or None,
                    "phone": one.phone or None,
                    "is_active": one.is_active,
                }

    def _account_rows(self) -> Iterator[dict[str, Any]]:
        for one in self._users():
            if one.role not in ("student", *records.HOME_ROLES) and one.is_active:
                yield {
                    "sourced_id": one.sourced_id,
                    "login": f"{one.username or one.sourced_id}@{self.target.slug}".lower(),
                    "email": one.email or None,
                    "given_name": one.given_name,
                    "family_name": one.family_name,
                    "status": AccountStatus.INVITED,
                }

    def _enrolments(self) -> Iterator[records.Enrolment]:
        for _, one in records.enrolments(self.bundle, Problems()):
            if one.class_id in self.forms or one.class_id in self.classes:
                yield one

    def _places(self) -> None:
        spans = {one.sourced_id: self._span(one) for one in self._of_school()}
        forms = [one for one in self._enrolments() if one.class_id in self.forms]
        classes = [one for one in self._enrolments() if one.class_id in self.classes]
        self._merge(Enrolment, self._in_forms(forms, spans))
        self._merge(
            FormMaster,
            self._once(forms, spans, "form_id", self.forms),
            key=("form_id", "account_id", "starts_on"),
        )
        self._merge(
            TeachingGroupTeacher,
            self._once(classes, spans, "teaching_group_id", self.classes),
            key=("teaching_group_id", "account_id"),
        )
        self._merge(TeachingGroupMember, self._members(classes, spans), key=("teaching_group_id", "student_id"))
        self._present_forms(forms)
        self._roles(forms, classes)

    def _span(self, one: records.Class) -> tuple[date, date]:
        spans = [self.spans[term] for term in one.terms]
        return min(span[0] for span in spans), max(span[1] for span in spans)

    def _in_forms(self, rows: list[records.Enrolment], spans: dict[str, tuple[date, date]]) -> Iterator[dict[str, Any]]:
        for one in rows:
            if one.role == "student" and one.user in self.students:
                yield {
                    "sourced_id": one.sourced_id,
                    "student_id": self.students[one.user],
                    "form_id": self.forms[one.class_id],
                    "starts_on": one.begins_on or spans[one.class_id][0],
                    "ends_on": one.ends_on,
                }

    def _members(self, rows: list[records.Enrolment], spans: dict[str, tuple[date, date]]) -> list[dict[str, Any]]:
        found: dict[tuple[int, int], dict[str, Any]] = {}
        for one in rows:
            if one.role == "student" and one.user in self.students:
                place = (self.classes[one.class_id], self.students[one.user])
                row: dict[str, Any] = {
                    "sourced_id": one.sourced_id,
                    "teaching_group_id": place[0],
                    "student_id": place[1],
                    "starts_on": one.begins_on or spans[one.class_id][0],
                    "ends_on": one.ends_on,
                }
                # Somebody who left a class and came back has one place, from the first day to the last.
                before = found.setdefault(place, row)
                before["starts_on"] = min(before["starts_on"], row["starts_on"])
                before["ends_on"] = _later(before["ends_on"], row["ends_on"])
        return list(found.values())

    def _once(
        self, rows: list[records.Enrolment], spans: dict[str, tuple[date, date]], column: str, ids: dict[Any, int]
    ) -> list[dict[str, Any]]:
        found: dict[tuple[int, int], dict[str, Any]] = {}
        for one in rows:
            if one.role == "teacher" and one.user in self.accounts:
                place = (ids[one.class_id], self.accounts[one.user])
                found.setdefault(
                    place,
                    {
                        column: place[0],
                        "account_id": place[1],
                        "is_primary": one.is_primary,
                        "starts_on": one.begins_on or spans[one.class_id][0],
                        "ends_on": one.ends_on,
                    },
                )
        return list(found.values())

    def _present_forms(self, rows: list[records.Enrolment]) -> None:
        latest: dict[str, records.Enrolment] = {}
        for one in rows:
            if one.role == "student" and one.user in self.students:
                before = latest.get(one.user)
                if before is None or (one.begins_on or date.min) >= (before.begins_on or date.min):
                    latest[one.user] = one
        for student in self.session.scalars(select(Student)):
            place = latest.get(student.sourced_id or "")
            form_id = self.forms[place.class_id] if place else None
            if place is not None and student.form_id != form_id:
                student.form_id = form_id
        self.session.flush()

    def _roles(self, forms: list[records.Enrolment], classes: list[records.Enrolment]) -> None:
        # What a person teaches gives the role; what a roster calls somebody, such as administrator, gives no right.
        pairs = {(self.accounts[one.user], Role.FORM_MASTER) for one in forms if self._teaches(one)}
        pairs |= {(self.accounts[one.user], Role.TEACHER) for one in (*forms, *classes) if self._teaches(one)}
        rows = [{"account_id": account, "role": role} for account, role in sorted(pairs)]
        self._merge(AccountRole, rows, key=("account_id", "role"))

    def _teaches(self, one: records.Enrolment) -> bool:
        return one.role == "teacher" and one.user in self.accounts

    def _marks(self) -> None:
        titles = records.categories(self.bundle, Problems())
        items = [one for _, one in records.line_items(self.bundle, Problems()) if one.class_id in self.classes]
        assessments = self._merge(
            Assessment,
            [
                {
                    "sourced_id": one.sourced_id,
                    "teaching_group_id": self.classes[one.class_id],
                    "term_id": self.terms.get(one.term),
                    "title": one.title,
                    "category": titles.get(one.category) or None,
                    "assigned_on": one.assigned_on,
                    "due_on": one.due_on,
                    "minimum": one.minimum,
                    "maximum": one.maximum,
                }
                for one in items
            ],
        )
        rows = (
            {
                "sourced_id": one.sourced_id,
                "assessment_id": assessments[one.line_item],
                "student_id": self.students[one.student],
                "score": one.score,
                "score_status": one.status,
                "scored_on": one.scored_on,
                "comment": one.comment or None,
            }
            for _, one in records.results(self.bundle, Problems())
            if one.line_item in assessments and one.student in self.students
        )
        self._merge(AssessmentResult, rows, key=("assessment_id", "student_id"))

    def _listed(self) -> set[str]:
        return {one.sourced_id for one in self._users() if one.role == "student" and one.is_active}


def _grade_name(code: str) -> str:
    return f"Grade {int(code)}" if code.isdecimal() else f"Grade {code}"


def _ordinal(code: str) -> int:
    if code.isdecimal():
        return int(code)
    return {"PK": -2, "KG": 0, "K": 0}.get(code.upper(), -1)


def _subject(one: records.Class, courses: dict[str, records.Course]) -> str | None:
    course = courses.get(one.course)
    names = one.subjects or (course.subjects if course else ())
    return (names[0] if names else course.title if course else one.title)[:120] or None


def _later(one: date | None, other: date | None) -> date | None:
    return None if one is None or other is None else max(one, other)
