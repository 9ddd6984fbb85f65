"""Generated rows: whole, each school's for itself, alike for the same seed, and as a school is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, ForeignKeyConstraint, Index, Table, UniqueConstraint, and_, func, select

from school_app.alerts.evaluation import evaluate, students_to_evaluate
from school_app.alerts.models import Alert, AlertDecision, AlertStatus, RiskProfile
from school_app.alerts.rules.episodes import Move
from school_app.alerts.sources import sources
from school_app.attendance.models import AttendanceMark, Register
from school_app.audit import seals
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.audit.sources import Tables
from school_app.audit.verify import Asked, verify
from school_app.cases.models import Case, CaseStatus
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.demo import load as demo
from school_app.demo.generated.plan import Wishes, plans, sizes
from school_app.demo.shared import TIMEZONE
from school_app.schools.models import School
from school_app.students.models import Student
from tests import databases
from tests.demo.generating import AUDIT, SCHOOLS, SHAPES, STUDENTS, count, digests, generate, small_school


def test_it_says_what_it_made_and_who_may_log_in(generated: Flask) -> None:
    output = generated.extensions["test.output"]
    assert "attendance_mark" in output
    assert "sessions attended or missed are stated by" in output
    assert "master@school-01" in output
    assert demo.PASSWORD in output


def test_every_reference_holds_and_stays_within_its_school(plain: Connection) -> None:
    # The keys carry the school, so a row that points across schools points to nothing.
    looked_at = 0
    for table in {shape.table for shape in SHAPES}:
        for key in (one for one in table.constraints if isinstance(one, ForeignKeyConstraint)):
            parent = key.referred_table.alias()
            same = and_(*(element.parent == parent.c[element.column.name] for element in key.elements))
            first = key.elements[-1].column.name
            lost = count(
                plain,
                parent.c[first].is_(None),
                *(element.parent.is_not(None) for element in key.elements),
                of=table.outerjoin(parent, same),
            )
            assert lost == 0, f"{lost} rows of {table.name} point to no {key.referred_table.name}"
            looked_at += 1
    assert looked_at > 50


def test_every_unique_key_holds(plain: Connection) -> None:
    for table in {shape.table for shape in SHAPES}:
        for columns in unique_keys(table):
            same = select(func.count()).where(*(one.is_not(None) for one in columns)).group_by(*columns)
            assert plain.execute(same.having(func.count() > 1)).first() is None, f"{table.name}: {columns}"


def unique_keys(table: Table) -> list[list[Any]]:
    keys = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    return [list(one.columns) for one in [*keys, *(index for index in table.indexes if unique(index))]]


def unique(index: Index) -> bool:
    return bool(index.unique)


def test_every_table_that_has_a_shape_has_rows(plain: Connection) -> None:
    # Without them the two tests above would look at nothing.
    assert {one.table.name for one in SHAPES if count(plain, of=one.table) == 0} == set()


def test_the_students_asked_for_are_on_roll(plain: Connection) -> None:
    on_roll = select(func.count()).where(Student.is_active).group_by(Student.school_id).order_by(Student.school_id)
    assert list(plain.execute(on_roll).scalars()) == sizes(SCHOOLS, STUDENTS)
    assert count(plain, Student.is_active.is_(False), of=Student) > 0


def test_the_audit_log_has_the_rows_asked_for_sealed_and_archived(generated: Flask, plain: Connection) -> None:
    live, old = (count(plain, one.id <= AUDIT, of=one) for one in (AuditRow, ArchivedAuditRow))
    assert live + old == AUDIT
    assert old > live
    with generated.app_context(), all_schools(db.session):
        sealed = seals.sealed_up_to(db.session)
        steps = list(verify(db.session, [Tables(db.session)], Asked()))
        db.session.rollback()
    assert sealed is not None
    assert sealed >= AUDIT * 0.95
    assert sum(step.rows for step in steps) >= AUDIT * 0.95
    assert [one for step in steps for one in step.differences] == []


def test_audit_rows_tell_of_rows_that_are_there(plain: Connection) -> None:
    for kind, model in (("attendance_mark", AttendanceMark), ("register", Register), ("intervention_case", Case)):
        told = select(ArchivedAuditRow.entity_id, ArchivedAuditRow.school_id).where(
            ArchivedAuditRow.entity_type == kind
        )
        rows = plain.execute(told).all()
        there = dict(
            plain.execute(select(model.id, model.school_id).where(model.id.in_([id_ for id_, _ in rows]))).all()  # type: ignore[attr-defined]
        )
        assert rows
        assert all(there.get(id_) == school_id for id_, school_id in rows), kind


def test_absence_is_of_a_realistic_size(plain: Connection) -> None:
    profiles = plain.execute(select(RiskProfile.inputs)).scalars().all()
    rates = [one["sessions_absent"] / one["sessions_counted"] for one in profiles if one.get("sessions_counted")]
    assert len(rates) > STUDENTS * 0.9
    assert 0.02 < sum(rates) / len(rates) < 0.12
    chronic = sum(rate >= 0.1 for rate in rates) / len(rates)
    assert 0.05 < chronic < 0.35


def test_every_fourth_alert_or_so_is_a_case_and_few_wait(plain: Connection) -> None:
    alerts = count(plain, of=Alert)
    assert 1.5 * STUDENTS < alerts < 6 * STUDENTS
    assert 0.15 < count(plain, of=Case) / alerts < 0.3
    assert count(plain, Alert.status == AlertStatus.OPEN, of=Alert) < 0.3 * STUDENTS
    assert count(plain, of=AlertDecision) > 0.5 * alerts
    assert count(plain, Case.status != CaseStatus.CLOSED, of=Case) < count(plain, of=Case)


def test_the_rules_find_on_the_same_day_what_was_generated(generated: Flask) -> None:
    with generated.app_context():
        session = db.session
        with all_schools(session):
            school_id = session.scalars(select(School.id).order_by(School.id.desc())).first()
        with use_school(session, school_id):
            before = dict(session.execute(select(Alert.id, Alert.reason)).all())
            done = evaluate(session, sources(), students_to_evaluate(session), as_of=clock.today(TIMEZONE))
            after = dict(session.execute(select(Alert.id, Alert.reason)).all())
            session.rollback()
    assert done.students > 0
    changed = {move: number for move, number in done.moves.items() if move is not Move.KEEP}
    assert changed == {}
    assert after == before


def test_the_same_seed_makes_the_same_rows_and_another_makes_others(settings: Settings) -> None:
    found = []
    for seed in (1, 1, 2):
        # The archive run's own rows are of the moment at which it ran, so that nothing is old enough to be moved.
        with small_school(settings, "alike", seed=seed, audit=0) as app:
            found.append(digests(app))
    assert found[0] == found[1]
    differ = {name for name in found[0] if found[0][name] != found[2][name]}
    assert {"student", "attendance_mark", "assessment_result", "alert", "note"} <= differ


@pytest.mark.parametrize("until", ["2025-09-01", "2025-09-03", "2026-08-20"])
def test_any_day_of_the_year_may_be_the_last(settings: Settings, until: str) -> None:
    with small_school(settings, "day", until=until, years=2) as app, app.app_context():
        with all_schools(db.session):
            school_id = db.session.scalars(select(School.id)).one()
            late = db.session.scalar(select(func.max(Register.date)))
            old = db.session.scalar(select(func.count()).select_from(ArchivedAuditRow).where(ArchivedAuditRow.id <= 40))
        with use_school(db.session, school_id):
            on = date.fromisoformat(until)
            done = evaluate(db.session, sources(), students_to_evaluate(db.session), as_of=on)
            db.session.rollback()
    assert late < on
    assert old == 40 or date.fromisoformat(until) > datetime.now(UTC).date() - timedelta(days=300)
    assert {move: number for move, number in done.moves.items() if move is not Move.KEEP} == {}


def test_the_embedded_database_takes_the_same_rows(settings: Settings, tmp_path: Path) -> None:
    with small_school(settings, "served", audit=0) as served:
        expected = digests(served)
    with databases.embedded_app(settings, tmp_path) as app:
        done = generate(app, schools=1, students=30, years=1, audit=0, until="2026-02-20")
        assert done.exit_code == 0, done.output
        assert digests(app) == expected


def test_sizes_have_a_long_tail() -> None:
    found = sizes(50, 50_000)
    assert sum(found) == 50_000
    assert found[0] >= 0.09 * 50_000
    assert sorted(found, reverse=True) == found
    smallest = plans(Wishes(50, 50_000, 3, audit=0, seed=1, until=date(2026, 5, 17)))[-1]
    assert sum(len(forms) for forms in smallest.cohorts) == 2
