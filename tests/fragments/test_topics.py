"""Every table has a topic or is listed as shown nowhere; what pages are made of names versions that changes raise."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from school_app.alerts.models import Alert, AlertDecision
from school_app.attendance.models import AttendanceMark, Register
from school_app.cases.models import Case, CaseEvent, CaseStep
from school_app.core import topics, touched
from school_app.core.db import Base
from school_app.core.tenancy import all_schools, enter_school
from school_app.core.topics import NOT_SHOWN, PARENTS, TABLES, Topic
from school_app.schools.models import CalendarDay
from school_app.students.models import Enrolment, Note, Student
from tests.factories import TwoSchools, added

AUDIT = {"audit_reason": "a test"}


class Kept:
    """A keeper that writes down what it is told, and how far the transaction was."""

    def __init__(self) -> None:
        self.announced: list[dict[int, set[str]]] = []
        self.raised: list[dict[int, set[str]]] = []

    def announce(self, versions: touched.Versions) -> None:
        assert len(self.announced) == len(self.raised)
        self.announced.append({school: set(names) for school, names in versions.items()})

    def raise_(self, versions: touched.Versions) -> None:
        self.raised.append({school: set(names) for school, names in versions.items()})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, session: Any, two_schools: TwoSchools) -> Kept:
    # Schools that were built for this test are no change that it makes.
    session.commit()
    made = Kept()
    monkeypatch.setattr(touched, "_keepers", [made])
    return made


def test_every_table_has_one_topic_or_is_shown_by_no_page(app: Flask) -> None:
    named = [table for tables in TABLES.values() for table in tables] + list(NOT_SHOWN)
    assert len(named) == len(set(named))
    assert set(named) == set(Base.metadata.tables)


def test_what_concerns_single_students_says_whom(app: Flask) -> None:
    columns = {"student_id", "form_id"}
    silent = {
        table
        for topic in topics.BY_FORM
        for table in TABLES[topic]
        if not columns & set(Base.metadata.tables[table].columns.keys()) and table not in PARENTS
    }
    # A student is one, and a guardian may be of several: theirs raise the whole topic.
    assert silent == {"guardian"}
    for table, (column, parent) in PARENTS.items():
        assert column in Base.metadata.tables[table].columns
        assert "student_id" in Base.metadata.tables[parent].columns


def raised(session: Session, kept: Kept) -> set[str]:
    """What a commit raises in the one school that it changes."""
    kept.raised.clear()
    kept.announced.clear()
    session.commit()
    assert kept.announced == kept.raised
    if not kept.raised:
        return set()
    [[names]] = [list(one.values()) for one in kept.raised]
    return names


def test_a_change_raises_the_forms_of_its_student_in_all_their_time(
    session: Any, two_schools: TwoSchools, kept: Kept
) -> None:
    ours = two_schools.ours
    first, second = ours.form.id, ours.other_form.id
    session.commit()
    for model in (Note, Alert, AttendanceMark, Case, CaseStep, CaseEvent, AlertDecision):
        row = session.scalars(select(model)).first()
        topic = topics.topic_of(model.__tablename__)
        column = next(name for name in ("body", "reason", "goal", "title", "text") if hasattr(row, name))
        setattr(row, column, "Changed")
        assert raised(session, kept) == {f"{topic}", f"{topic}:f{first}"}, model
    added(session, Enrolment(student_id=ours.student.id, form_id=second, starts_on=ours.things["year"].starts_on))
    assert raised(session, kept) == {"students", f"students:f{first}", f"students:f{second}"}
    session.add(Note(student_id=ours.student.id, body="x", author_id=ours.head.id, author_name="H"))
    assert raised(session, kept) == {"students", f"students:f{first}", f"students:f{second}"}


def test_a_student_who_is_moved_raises_the_form_that_was_left(
    session: Any, two_schools: TwoSchools, kept: Kept
) -> None:
    ours = two_schools.ours
    student = ours.students[1].id
    first, second = ours.form.id, ours.other_form.id
    session.execute(delete(Enrolment).where(Enrolment.student_id == student), execution_options=AUDIT)
    session.commit()
    session.get_one(Student, student).form_id = second
    assert raised(session, kept) == {"students", f"students:f{first}", f"students:f{second}"}


def test_a_register_raises_the_forms_to_which_its_students_have_gone(
    session: Any, two_schools: TwoSchools, kept: Kept
) -> None:
    ours = two_schools.ours
    first, second = ours.form.id, ours.other_form.id
    place = session.scalars(select(Enrolment).where(Enrolment.student_id == ours.students[1].id)).one()
    added(session, Enrolment(student_id=place.student_id, form_id=second, starts_on=place.starts_on))
    session.commit()
    session.get_one(Register, ours.things["register"].id).taken_by_name = "Changed"
    assert raised(session, kept) == {"attendance", f"attendance:f{first}", f"attendance:f{second}"}


def test_what_concerns_nobody_alone_raises_the_topic_of_the_school(
    session: Any, two_schools: TwoSchools, kept: Kept
) -> None:
    ours = two_schools.ours
    session.commit()
    session.scalars(select(CalendarDay)).first().note = "Changed"
    assert raised(session, kept) == {"school"}
    session.execute(update(Alert).values(reason="Changed"), execution_options=AUDIT)
    assert raised(session, kept) == {"care", "care:*"}
    day = ours.things["register"].date
    session.execute(
        insert(Enrolment),
        [{"student_id": ours.students[4].id, "form_id": ours.other_form.id, "starts_on": day}],
        execution_options=AUDIT,
    )
    assert raised(session, kept) == {"students", f"students:f{ours.other_form.id}"}


def test_very_many_students_at_once_raise_the_topic_of_the_school(
    session: Any, two_schools: TwoSchools, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "MOST_STUDENTS", 2)
    session.commit()
    for student in two_schools.ours.students:
        student.given_name = "Changed"
    assert raised(session, kept) == {"students", "students:*"}


def test_a_statement_over_schools_that_it_does_not_name_raises_everything(
    session: Any, two_schools: TwoSchools, kept: Kept
) -> None:
    session.commit()
    enter_school(session, None)
    with all_schools(session):
        session.execute(update(Case).values(goal="Changed"), execution_options=AUDIT)
        session.commit()
    assert kept.raised == kept.announced == [{0: {"every"}}]


def test_savepoints_raise_nothing_and_a_rollback_forgets(session: Any, two_schools: TwoSchools, kept: Kept) -> None:
    session.commit()
    student = two_schools.ours.student
    with session.begin_nested():
        student.given_name = "Changed"
    assert kept.announced == []
    nested = session.begin_nested()
    student.family_name = "Changed"
    session.flush()
    nested.rollback()
    assert kept.raised == []
    assert "students" in raised(session, kept)
    student.given_name = "Again"
    session.flush()
    session.rollback()
    assert raised(session, kept) == set()


def test_what_no_page_shows_asks_and_tells_nothing(
    session: Any, two_schools: TwoSchools, kept: Kept, statements: list[str]
) -> None:
    from school_app.core.jobs import JobRun

    session.commit()
    statements.clear()
    session.add(JobRun(name="workers.jobs.name", arguments={}))
    assert raised(session, kept) == set()
    assert len(statements) == 1


def test_a_page_names_versions_that_changes_raise() -> None:
    names = topics.versions_of_forms({Topic.CARE, Topic.STUDENTS}, {7, 3})
    assert names == ("care:*", "care:f3", "care:f7", "students:*", "students:f3", "students:f7")
    assert [name for name in names if topics.is_strict(name)] == ["students:*", "students:f3", "students:f7"]
