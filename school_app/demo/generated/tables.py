"""The shapes of all rows that are generated, and the rows of what a school is: days, staff, forms, classes, students.

making.py puts them into the database.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.alerts.models import Alert, AlertDecision, RiskProfile
from school_app.attendance.models import AttendanceCode, AttendanceMark, Register
from school_app.audit.digests import COLUMNS
from school_app.audit.models import AuditRow
from school_app.behaviour.models import Incident
from school_app.cases.models import Case, CaseEvent, CaseStep
from school_app.core.db.bulk import Row
from school_app.core.permissions import Role
from school_app.demo import people as demo
from school_app.demo.generated.calendar import SchoolCalendar
from school_app.demo.generated.loading import Numbers, Shape, Sink
from school_app.demo.generated.marks import ClassYear, Subject
from school_app.demo.generated.people import People, Person, Pupil
from school_app.demo.generated.plan import FIRST_YEAR_GROUP, SchoolPlan
from school_app.demo.shared import CODES, OPERATOR, TIMEZONE
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import (
    CalendarDay,
    Form,
    FormMaster,
    HeadOfYear,
    School,
    SchoolYear,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
    TermKind,
    YearGroup,
)
from school_app.schools.models import Subject as StoredSubject
from school_app.students.models import (
    Enrolment,
    Guardian,
    NameEntry,
    Note,
    Student,
    StudentGuardian,
    TeachingGroupMember,
)
from school_app.students.spelling import entries

SCHOOL = Shape(School, "id slug name sourced_id timezone session_scheme register_closes is_active created_at")
YEAR = Shape(SchoolYear, "id school_id name starts_on ends_on")
TERM = Shape(Term, "id school_id school_year_id name kind starts_on ends_on")
DAY = Shape(CalendarDay, "id school_id date day_type note")
CODE = Shape(AttendanceCode, "id school_id code name category ordinal is_active")
ACCOUNT = Shape(
    Account, "id school_id login email given_name family_name status password_hash session_version created_at"
)
ROLE = Shape(AccountRole, "id school_id account_id role")
YEAR_GROUP = Shape(YearGroup, "id school_id code name ordinal")
FORM = Shape(Form, "id school_id school_year_id year_group_id name is_active")
MASTER = Shape(FormMaster, "id school_id form_id account_id is_primary starts_on ends_on")
HEAD = Shape(HeadOfYear, "id school_id year_group_id account_id starts_on ends_on")
SUBJECT = Shape(StoredSubject, "id school_id name is_core")
CLASS = Shape(TeachingGroup, "id school_id school_year_id subject_id name is_active")
TEACHER = Shape(TeachingGroupTeacher, "id school_id teaching_group_id account_id is_primary starts_on ends_on")
MEMBER = Shape(TeachingGroupMember, "id school_id teaching_group_id student_id starts_on ends_on")
STUDENT = Shape(
    Student,
    "id school_id sourced_id given_name family_name birth_date year_group_id form_id is_active created_at",
)
NAME_ENTRY = Shape(NameEntry, "school_id student_id part is_active name")
ENROLMENT = Shape(Enrolment, "id school_id student_id form_id starts_on ends_on")
GUARDIAN = Shape(Guardian, "id school_id sourced_id given_name family_name role phone is_active")
LINK = Shape(StudentGuardian, "id school_id student_id guardian_id")
REGISTER = Shape(Register, "id school_id form_id date session state source taken_by taken_by_name taken_at")
MARK = Shape(
    AttendanceMark,
    "id school_id register_id student_id date session code_id minutes_late reason source recorded_by recorded_at",
)
WORK = Shape(Assessment, "id school_id teaching_group_id term_id title due_on minimum maximum")
RESULT = Shape(
    AssessmentResult, "id school_id assessment_id student_id score score_status scored_on entered_by entered_at"
)
INCIDENT = Shape(
    Incident,
    "id school_id student_id kind occurred_on category severity description reported_by reported_by_name recorded_at",
)
ALERT = Shape(
    Alert,
    "id school_id student_id rule window_key indicator severity status reason inputs alert_date assigned_to decide_by "
    "decided_severity opened_at resolved_at",
)
DECISION = Shape(
    AlertDecision, "id school_id alert_id kind reason severity case_id decided_by decided_by_name decided_at"
)
PROFILE = Shape(RiskProfile, "id school_id student_id level triggers inputs as_of computed_at")
CASE = Shape(
    Case,
    "id school_id student_id alert_id assigned_to status tier goal strategy monitoring starts_on review_on "
    "confirmed_at opened_by created_at closed_at outcome outcome_note figures",
)
STEP = Shape(CaseStep, "id school_id case_id title due_on done_at done_by created_at")
EVENT = Shape(
    CaseEvent,
    "id school_id case_id kind text tier review_before review_after from_champion from_champion_name to_champion "
    "to_champion_name done_by done_by_name happened_at",
)
NOTE = Shape(
    Note, "id school_id student_id case_id kind is_restricted body author_id author_name created_at"
)  # fmt: skip
AUDIT = Shape(AuditRow, " ".join(COLUMNS))


class Structure:
    """The rows of what a school is, before anything happens in it."""

    def __init__(self, school_id: int, plan: SchoolPlan, days: SchoolCalendar, numbers: Numbers, sink: Sink) -> None:
        self.school_id, self.plan, self.days, self.numbers, self.sink = school_id, plan, days, numbers, sink
        self.began = days.moment(days.years[0].starts_on, 8 * 60) - timedelta(days=14)

    def put_days(self) -> dict[str, int]:
        """Years, terms, calendar and codes; returns the ids of the codes by their letters."""
        school, days, put, numbers = self.school_id, self.days, self.sink.put, self.numbers
        put(YEAR, ((one.id, school, one.name, one.starts_on, one.ends_on) for one in days.years))
        put(
            TERM,
            (
                (term.id, school, year.id, term.name, TermKind.TERM.value, term.starts_on, term.ends_on)
                for year in days.years
                for term in year.terms
            ),
        )
        put(DAY, ((numbers.next("calendar_day"), school, on, kind.value, note) for on, kind, note in days.listed))
        codes = {letter: numbers.next("attendance_code") for letter in CODES}
        put(
            CODE,
            (
                (codes[letter], school, letter, name, category.value, place, True)
                for place, (letter, (name, category)) in enumerate(CODES.items())
            ),
        )
        return codes

    def put_staff(self, people: People) -> None:
        """Accounts with their roles, year groups with their heads, forms with their masters."""
        school, put, numbers = self.school_id, self.sink.put, self.numbers
        everyone = people.everyone()
        put(ACCOUNT, (account_row(one, school, self.plan.slug, self.began) for one in everyone))
        put(
            ROLE, ((numbers.next("account_role"), school, one.id, role.value) for one in everyone for role in one.roles)
        )
        first = numbers.take("year_group", len(self.plan.cohorts))
        put(
            YEAR_GROUP,
            (
                (first + place, school, f"{ordinal:02}", f"Year {ordinal}", ordinal)
                for place, ordinal in enumerate(range(FIRST_YEAR_GROUP, FIRST_YEAR_GROUP + len(self.plan.cohorts)))
            ),
        )
        put(HEAD, self._heads(people, first))
        present = self.days.present
        put(
            FORM,
            ((one.id, school, one.year.id, first + one.group, one.name, one.year is present) for one in people.forms),
        )
        put(MASTER, self._masters(people))
        self._first_group = first

    def _heads(self, people: People, first_group: int) -> Iterator[Row]:
        for place, head in enumerate(people.heads):
            id_ = self.numbers.next("head_of_year")
            yield id_, self.school_id, first_group + place, head.id, self.days.years[0].starts_on, None

    def _masters(self, people: People) -> Iterator[Row]:
        for form in people.forms:
            for duty in form.masters:
                id_ = self.numbers.next("form_master")
                yield id_, self.school_id, form.id, duty.person.id, True, duty.first, duty.last

    def put_students(self, pupils: list[Pupil], dice: random.Random) -> None:
        """Students with their places, and a guardian for each."""
        school, put, numbers = self.school_id, self.sink.put, self.numbers
        put(STUDENT, (self._student(one) for one in pupils))
        put(NAME_ENTRY, (row for one in pupils for row in self._name_entries(one)))
        put(
            ENROLMENT,
            (
                (numbers.next("enrolment"), school, one.id, place.form.id, place.first, place.last)
                for one in pupils
                for place in one.places
            ),
        )
        first = numbers.take("guardian", len(pupils))
        put(
            GUARDIAN,
            (
                (
                    first + place, school, f"home-{one.id}", dice.choice(pupils).given, one.family, "parent",
                    f"01{dice.randrange(100):02} 555 {dice.randrange(1000):03}", True,
                )
                for place, one in enumerate(pupils)
            ),
        )  # fmt: skip
        put(
            LINK,
            ((numbers.next("student_guardian"), school, one.id, first + place) for place, one in enumerate(pupils)),
        )

    def _student(self, pupil: Pupil) -> Row:
        place = pupil.places[-1]
        came = self.days.moment(pupil.places[0].first, 8 * 60) - timedelta(days=1)
        return (
            pupil.id, self.school_id, f"student-{pupil.id}", pupil.given, pupil.family, pupil.born,
            self._first_group + place.form.group, place.form.id, pupil.left is None, came,
        )  # fmt: skip

    def _name_entries(self, pupil: Pupil) -> Iterator[Row]:
        for one in sorted(entries(pupil.given, None, pupil.family), key=lambda entry: entry.name):
            yield self.school_id, pupil.id, int(one.part), pupil.left is None, one.name

    def put_classes(self, subjects: list[Subject], classes: list[ClassYear]) -> None:
        """Subjects, classes with their teachers and members, and assessments."""
        school, put, numbers, present = self.school_id, self.sink.put, self.numbers, self.days.present
        put(SUBJECT, ((one.id, school, one.name, one.is_core) for one in subjects))
        put(
            CLASS,
            (
                (one.id, school, one.form.year.id, one.subject.id, f"{one.subject.name} {one.form.name}",
                 one.form.year is present)
                for one in classes
            ),
        )  # fmt: skip
        put(TEACHER, self._teachers(classes))
        put(
            MEMBER,
            (
                (numbers.next("teaching_group_member"), school, one.id, place.student.id, place.first, place.last)
                for one in classes
                for place in one.form.places
            ),
        )
        put(
            WORK,
            (
                (work.id, school, one.id, work.term.id, work.title, self.days.days[work.day], 0, work.maximum)
                for one in classes
                for work in one.works
            ),
        )

    def _teachers(self, classes: list[ClassYear]) -> Iterator[Row]:
        for one in classes:
            year = one.form.year
            end = None if year is self.days.present else year.ends_on
            id_ = self.numbers.next("teaching_group_teacher")
            yield id_, self.school_id, one.id, one.teacher.id, True, year.starts_on, end


def account_row(person: Person, school_id: int | None, slug: str, created_at: datetime) -> Row:
    """The row of an account; those of a school have its name behind theirs."""
    login = person.login if school_id is None else f"{person.login}@{slug}"
    email = f"{person.login}@{slug}.example"
    return (
        person.id, school_id, login, email, person.given, person.family, AccountStatus.ACTIVE.value,
        demo.demo_hash(), 1, created_at,
    )  # fmt: skip


def put_operator(sink: Sink, numbers: Numbers, created_at: datetime) -> None:
    """The platform's one operator."""
    person = Person(numbers.next("account"), "Otto", "Platform", OPERATOR, (Role.OPERATOR,))
    sink.put(ACCOUNT, [account_row(person, None, "platform", created_at)])
    sink.put(ROLE, [(numbers.next("account_role"), None, person.id, Role.OPERATOR.value)])


def school_row(school_id: int, plan: SchoolPlan, created_at: datetime) -> Row:
    """The row of the school itself."""
    return (
        school_id, plan.slug, plan.name, plan.slug, TIMEZONE, plan.scheme.value, "09:15", True, created_at,
    )  # fmt: skip
