"""Staff, years, forms, students and classes, so many of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.core.permissions import Role
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import (
    Form,
    FormMaster,
    HeadOfYear,
    SchoolYear,
    Subject,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
    TermKind,
    YearGroup,
)
from school_app.students.models import (
    Enrolment,
    Guardian,
    Student,
    StudentGuardian,
    TeachingGroupMember,
)
from tests.factories import cheap_hash
from tests.many.base import CHAIRS, Many, forms_of, in_form, people_of

GUARDIANS, YEARS = 8, 20


def staff(many: Many) -> None:
    """Staff, the first of them admins."""
    many.write(
        Account,
        (
            {
                "login": f"person{one}@{many.world.school.slug}",
                "given_name": "Person",
                "family_name": f"Number {one}",
                "status": AccountStatus.ACTIVE,
                "password_hash": cheap_hash("not used"),
                "session_version": 1,
                "created_at": datetime.now(UTC),
            }
            for one in many.rooms()
        ),
    )
    roles = (Role.SCHOOL_ADMIN, Role.FORM_MASTER)
    many.write(
        AccountRole, ({"account_id": one, "role": roles[place > 0]} for place, one in enumerate(people_of(many)))
    )


def years_and_forms(many: Many) -> None:
    """Past years with a term each, year groups with their heads, and forms with their masters."""
    past = _past_years(many)
    begin, people = many.world.things["year"].starts_on, people_of(many)
    many.write(YearGroup, ({"code": f"g{one}", "name": f"Group {one}", "ordinal": one} for one in many.rooms()))
    groups = many.ids(YearGroup)
    many.write(
        HeadOfYear,
        ({"year_group_id": groups[-1 - one], "account_id": people[one], "starts_on": begin} for one in many.rooms()),
    )
    _forms(many, past)


def _past_years(many: Many) -> list[int]:
    """The ids of years before the world's own, each with a term as long as it is."""
    world, begin = many.world, many.world.things["year"].starts_on
    many.write(
        SchoolYear,
        (
            {
                "name": f"Past {one}",
                "starts_on": begin - timedelta(300 * (one + 1)),
                "ends_on": begin - timedelta(300 * one + 60),
            }
            for one in range(min(many.number, YEARS))
        ),
    )
    years = [one for one in many.ids(SchoolYear) if one != world.things["year"].id]
    many.write(
        Term,
        (
            {
                "school_year_id": years[one],
                "name": f"Term {one}",
                "kind": TermKind.TERM,
                "starts_on": begin - timedelta(300 * (one + 1)),
                "ends_on": begin - timedelta(300 * one + 60),
            }
            for one in range(len(years))
        ),
    )
    return years


def _forms(many: Many, past: Sequence[int]) -> None:
    """Forms of the present year and of past ones, each with a master."""
    world, begin, people = many.world, many.world.things["year"].starts_on, people_of(many)
    present = {"school_year_id": world.things["year"].id, "year_group_id": world.things["year_group"].id}
    many.write(Form, ({**present, "name": f"F{one}", "is_active": True} for one in many.rooms()))
    many.write(
        Form,
        (
            {**present, "school_year_id": past[one % len(past)], "name": f"P{one}", "is_active": False}
            for one in many.rooms()
        ),
    )
    many.write(
        FormMaster,
        (
            {"form_id": form, "account_id": people[place % len(people)], "is_primary": True, "starts_on": begin}
            for place, form in enumerate(many.ids(Form))
            if form not in (world.form.id, world.other_form.id)
        ),
    )


def students(many: Many) -> None:
    """So many in the form of the world, as far as it has chairs, and one in each other form."""
    world, begin = many.world, many.world.things["year"].starts_on
    forms = [*[world.form.id] * (min(many.number, CHAIRS) - 3), *forms_of(many)[1:]]
    many.write(
        Student,
        (
            {
                "sourced_id": f"many-{one}",
                "given_name": f"Pupil{one}",
                "family_name": f"Numbered{one}",
                "birth_date": date(2010, 1, 1) + timedelta(one),
                "form_id": form,
                "year_group_id": world.things["year_group"].id,
                "is_active": True,
                "created_at": datetime(2026, 1, 1, tzinfo=UTC),
            }
            for one, form in enumerate(forms)
        ),
    )
    rows = many.connection.execute(
        select(Student.id, Student.form_id).where(
            Student.school_id == many.school_id, Student.sourced_id.like("many-%")
        )
    ).all()
    many.write(Enrolment, ({"student_id": row.id, "form_id": row.form_id, "starts_on": begin} for row in rows))
    _guardians(many)


def _guardians(many: Many) -> None:
    """More guardians of the world's student, as many as one may have."""
    world = many.world
    many.write(
        Guardian,
        (
            {"given_name": "Parent", "family_name": f"Of {one}", "role": "guardian", "is_active": True}
            for one in range(min(many.number, GUARDIANS))
        ),
    )
    many.write(
        StudentGuardian,
        (
            {"student_id": world.student.id, "guardian_id": guardian}
            for guardian in many.ids(Guardian)
            if guardian != world.things["guardian"].id
        ),
    )


def classes(many: Many) -> None:
    """Classes of one teacher with their members, their tests, and the results of these."""
    world, made = many.world, many.world.things
    begin, group = made["year"].starts_on, made["teaching_group"].id
    many.write(Subject, ({"name": f"Subject {one}", "is_core": False} for one in many.rooms()))
    subjects = [one for one in many.ids(Subject) if one != made["subject"].id]
    many.write(
        TeachingGroup,
        (
            {
                "school_year_id": made["year"].id,
                "term_id": made["term"].id,
                "subject_id": subjects[one],
                "name": f"Class {one}",
                "is_active": True,
            }
            for one in many.rooms()
        ),
    )
    groups = [one for one in many.ids(TeachingGroup) if one != group]
    teaches = {"account_id": world.teacher.id, "is_primary": True, "starts_on": begin}
    many.write(TeachingGroupTeacher, ({**teaches, "teaching_group_id": one} for one in groups))
    _members(many, groups)
    _assessments(many, groups)
    _results(many)


def _members(many: Many, groups: Sequence[int]) -> None:
    """The world's form in the world's class, and the world's student in all others."""
    world, group = many.world, many.world.things["teaching_group"].id
    begin = world.things["year"].starts_on
    others = [one for one in in_form(many) if one != world.student.id]
    many.write(
        TeachingGroupMember,
        ({"teaching_group_id": group, "student_id": one, "starts_on": begin} for one in others),
    )
    many.write(
        TeachingGroupMember,
        ({"teaching_group_id": one, "student_id": world.student.id, "starts_on": begin} for one in groups),
    )


def _assessments(many: Many, groups: Sequence[int]) -> None:
    """Tests of the world's class, and as many of the others together."""
    made, group = many.world.things, many.world.things["teaching_group"].id
    many.write(
        Assessment,
        (
            {
                "teaching_group_id": where,
                "term_id": made["term"].id,
                "title": f"Test {one}",
                "due_on": on,
                "minimum": 0,
                "maximum": 100,
            }
            for one, on, _ in many.each()
            for where in (group, groups[one % len(groups)])
        ),
    )


def _results(many: Many) -> None:
    made, now = many.world.things, datetime.now(UTC)
    same = {"score": 40, "score_status": "fully graded", "scored_on": many.today, "entered_at": now}
    others = [one for one in in_form(many) if one != many.world.student.id]
    many.write(
        AssessmentResult, ({**same, "assessment_id": made["assessment"].id, "student_id": one} for one in others)
    )
    many.write(
        AssessmentResult,
        (
            {**same, "assessment_id": one, "student_id": many.world.student.id}
            for one in many.ids(Assessment)
            if one != made["assessment"].id
        ),
    )
