"""Every way around the tenancy guards that is known, closed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, delete, exists, func, insert, literal, select, text, true, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from school_app.core.lasting import lasting
from school_app.core.tenancy import (
    NoSchool,
    TenancyError,
    all_schools,
    current_school,
    enter_school,
    use_school,
)
from school_app.schools.models import Form, School, Subject
from school_app.students.models import Enrolment, Student
from tests.factories import TwoSchools

REASON = {"audit_reason": "a test"}


def test_a_statement_without_a_school_is_refused(session: Any, two_schools: TwoSchools) -> None:
    session.flush()
    enter_school(session, None)
    with pytest.raises(NoSchool):
        session.scalars(select(Student)).all()


def test_a_select_sees_one_school(session: Any, two_schools: TwoSchools) -> None:
    found = {student.school_id for student in session.scalars(select(Student))}
    assert found == {two_schools.ours.school.id}
    enter_school(session, two_schools.theirs.school.id)
    assert {student.school_id for student in session.scalars(select(Student))} == {two_schools.theirs.school.id}


NAMED = lasting(select(Student.school_id, Student.family_name).where(Student.id.in_(bindparam("ids", expanding=True))))


def test_a_lasting_statement_sees_the_school_that_is_set_each_time(session: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    everyone = {"ids": [one.id for world in (ours, theirs) for one in world.students]}
    for world in (ours, theirs, ours, theirs):
        enter_school(session, world.school.id)
        assert {row.school_id for row in session.execute(NAMED, everyone)} == {world.school.id}
    with all_schools(session):
        found = {row.school_id for row in session.execute(NAMED, everyone)}
        assert found == {ours.school.id, theirs.school.id}
    enter_school(session, None)
    with pytest.raises(NoSchool):
        session.execute(NAMED, everyone)


def test_a_lasting_statement_of_a_bare_table_is_refused(session: Any, two_schools: TwoSchools) -> None:
    bare = lasting(select(Form.id).join(Student.__table__.alias(), true()))
    for _ in range(2):
        with pytest.raises(TenancyError):
            session.execute(bare)


@pytest.mark.parametrize(
    "statement",
    [
        lambda: select(Student.school_id),
        lambda: select(aliased(Student).school_id),
        lambda: select(Student.school_id).join(Form, Form.id == Student.form_id),
        lambda: select(Form.school_id).where(exists().where(Student.form_id == Form.id)),
        lambda: select(Form.school_id).where(Form.id.in_(select(Student.form_id))),
        lambda: select(Student.school_id).where(Student.id.in_(select(aliased(Student).id))),
    ],
)
def test_columns_joins_and_aliases_are_filtered(session: Any, two_schools: TwoSchools, statement: Any) -> None:
    assert set(session.scalars(statement())) == {two_schools.ours.school.id}


def test_a_subquery_is_filtered(session: Any, two_schools: TwoSchools) -> None:
    counted = select(func.count(Student.id)).scalar_subquery()
    assert session.scalar(select(counted + School.id - School.id)) == len(two_schools.ours.students)


def test_a_plain_statement_around_a_bare_table_is_refused(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(TenancyError):
        session.execute(select(literal(1)).where(exists(select(Student.__table__.c.id)))).all()


def test_a_bare_alias_beside_a_model_is_refused(session: Any, two_schools: TwoSchools) -> None:
    bare = Student.__table__.alias()
    with pytest.raises(TenancyError):
        session.execute(select(Form.id).join(bare, true())).all()
    with pytest.raises(TenancyError):
        session.execute(select(Form.id).select_from(bare)).all()


def test_a_union_is_filtered(session: Any, two_schools: TwoSchools) -> None:
    statement = union_all(select(Student.school_id), select(Form.school_id))
    assert set(session.scalars(statement)) == {two_schools.ours.school.id}


def test_a_subquery_and_a_cte_are_filtered(session: Any, two_schools: TwoSchools) -> None:
    for inner in (select(Student.school_id).subquery(), select(Student.school_id).cte()):
        assert set(session.scalars(select(inner.c.school_id))) == {two_schools.ours.school.id}


def test_the_other_schools_row_cannot_be_got_by_its_key(session: Any, two_schools: TwoSchools) -> None:
    assert session.get(Student, two_schools.theirs.student.id) is None
    assert session.get(Student, two_schools.ours.student.id) is not None
    assert session.get(School, two_schools.theirs.school.id) is None


def test_the_identity_map_does_not_serve_another_schools_row(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        held = session.get(Student, two_schools.theirs.student.id)
        assert held is not None
    assert session.get(Student, two_schools.theirs.student.id) is None


def test_an_expired_row_of_another_school_cannot_be_refreshed(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        held = session.get(Student, two_schools.theirs.student.id)
        session.expire(held)
    with pytest.raises(Exception, match=r"not persistent|another school|not bound|not present"):
        session.refresh(held)


def test_a_bulk_update_touches_one_school(session: Any, two_schools: TwoSchools) -> None:
    changed = session.execute(update(Student).values(sex="x"), execution_options=REASON)
    assert changed.rowcount == len(two_schools.ours.students)


def test_a_bulk_delete_touches_one_school(session: Any, two_schools: TwoSchools) -> None:
    gone = session.execute(delete(Enrolment), execution_options=REASON)
    assert gone.rowcount == len(two_schools.ours.students)


def test_an_update_cannot_move_rows_to_another_school(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(TenancyError):
        session.execute(update(Student).values(school_id=two_schools.theirs.school.id), execution_options=REASON)


def test_an_update_of_many_rows_by_key_is_refused(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(TenancyError):
        session.execute(update(Student), [{"id": two_schools.theirs.student.id, "sex": "x"}], execution_options=REASON)


def test_a_bulk_insert_is_stamped_and_checked(session: Any, two_schools: TwoSchools) -> None:
    session.execute(
        insert(Form),
        [{"name": "9Z", "school_year_id": two_schools.ours.things["year"].id, "is_active": True}],
        execution_options=REASON,
    )
    assert session.scalar(select(Form.school_id).where(Form.name == "9Z")) == two_schools.ours.school.id
    with pytest.raises(TenancyError):
        session.execute(
            insert(Form),
            [{"name": "9Y", "school_id": two_schools.theirs.school.id}],
            execution_options=REASON,
        )
    with pytest.raises(TenancyError):
        session.execute(insert(Form).values(name="9X"), execution_options=REASON)


@pytest.mark.parametrize(
    "way",
    [
        lambda session: session.execute(text("SELECT * FROM student")),
        lambda session: session.execute(select(Student.__table__)),
        lambda session: session.execute(select(Student.__table__.c.id)),
        lambda session: session.execute(select(Student).where(Form.__table__.c.id == Student.form_id)),
        lambda session: session.execute(Student.__table__.update().values(sex="x")),
        lambda session: session.execute(Student.__table__.delete()),
        lambda session: session.execute(Student.__table__.insert(), [{"given_name": "x"}]),
        lambda session: session.scalars(select(Student).from_statement(text("SELECT * FROM student"))).all(),
        lambda session: session.connection(),
        lambda session: session.bulk_insert_mappings(Student, []),
        lambda session: session.bulk_update_mappings(Student, []),
        lambda session: session.bulk_save_objects([]),
    ],
)
def test_ways_around_the_model_are_refused(session: Any, two_schools: TwoSchools, way: Any) -> None:
    with pytest.raises(TenancyError):
        way(session)


def test_new_rows_are_stamped_and_foreign_ones_refused(session: Any, two_schools: TwoSchools) -> None:
    ours = Student(given_name="New", family_name="One")
    session.add(ours)
    session.flush()
    assert ours.school_id == two_schools.ours.school.id
    session.add(Student(given_name="New", family_name="Two", school_id=two_schools.theirs.school.id))
    with pytest.raises(TenancyError):
        session.flush()


def test_a_row_cannot_change_its_school(session: Any, two_schools: TwoSchools) -> None:
    two_schools.ours.student.school_id = two_schools.theirs.school.id
    with pytest.raises(TenancyError):
        session.flush()


def test_a_detached_row_of_another_school_cannot_come_back_by_merge(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        held = session.get(Student, two_schools.theirs.student.id)
        session.expunge(held)
    held.given_name = "Changed"
    with pytest.raises(Exception, match=r"another school|unique|Duplicate|UNIQUE"):
        session.flush(session.merge(held) and None)


def test_the_database_refuses_a_row_that_points_across_schools(session: Any, two_schools: TwoSchools) -> None:
    session.add(Student(given_name="New", family_name="One", form_id=two_schools.theirs.form.id))
    with pytest.raises(IntegrityError):
        session.flush()


def test_use_school_returns_to_the_school_before(session: Any, two_schools: TwoSchools) -> None:
    with use_school(session, two_schools.theirs.school.id):
        assert current_school(session) == two_schools.theirs.school.id
        assert session.get(Student, two_schools.theirs.student.id) is not None
    assert current_school(session) == two_schools.ours.school.id


def test_unsaved_changes_do_not_travel_to_another_school(session: Any, two_schools: TwoSchools) -> None:
    two_schools.ours.student.given_name = "Changed"
    with pytest.raises(TenancyError):
        enter_school(session, two_schools.theirs.school.id)


def test_a_row_that_waits_gets_its_school_though_a_bulk_statement_is_recorded_first(
    session: Any, two_schools: TwoSchools
) -> None:
    waiting = Subject(name="Latin")
    with session.no_autoflush:
        session.add(waiting)
        session.execute(insert(Subject), [{"name": "Greek"}], execution_options={"audit_reason": "a test"})
    session.flush()
    assert waiting.school_id == two_schools.ours.school.id


def test_inside_a_school_the_guards_stand_though_every_school_was_open_around_it(
    session: Any, two_schools: TwoSchools
) -> None:
    with all_schools(session):
        assert session.scalar(select(func.count()).select_from(Form)) == 4
        with use_school(session, two_schools.theirs.school.id):
            assert session.scalar(select(func.count()).select_from(Form)) == 2
        assert session.scalar(select(func.count()).select_from(Form)) == 4


def test_a_change_to_what_was_forgotten_fails_rather_than_being_lost(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        student = session.scalar(select(Student).where(Student.id == two_schools.theirs.student.id))
        student.given_name = "Inside"
    with pytest.raises(TenancyError, match="changed after its school was left"):
        student.given_name = "Outside"
    two_schools.ours.student.given_name = "Ours"
    session.flush()
