"""The archive of closed years: partitions by years from 1 August, passed by, kept and mended as those of the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from school_app.attendance import rows as kept
from school_app.attendance.history import noted_marks
from school_app.attendance.models import ArchivedRegister, Register
from school_app.attendance.queries import exceptions_of, taken_registers
from school_app.audit.plans import plan_of
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools, enter_school
from school_app.schools.context import school_changed
from school_app.students.models import Student
from school_app.years.partitions import YEARS
from tests.years.past import ENDS, STARTS
from tests.years.places import Place, place_of_its_own
from workers import jobs

ARCHIVE = ("register_archive", "attendance_mark_archive")
NOW = YEARS.year_of(clock.now())


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Place]:
    with place_of_its_own(settings, "parts") as place:
        place.begin_anew()
        place.run()
        yield place


def names(place: Place, table: str) -> list[str]:
    return [one.name for one in YEARS.partitions(place.engine) if one.table == table]


def ddl(place: Place, statement: str) -> None:
    with place.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def test_a_year_begins_on_the_first_of_august() -> None:
    assert [YEARS.year_of(date(2026, month, day)) for month, day in ((7, 31), (8, 1))] == [2025, 2026]


@pytest.mark.parametrize("table", ARCHIVE)
def test_this_year_and_the_next_two_have_partitions(place: Place, table: str) -> None:
    assert {f"p{NOW}", f"p{NOW + 1}", f"p{NOW + 2}", "pmax"} <= set(names(place, table))
    found = {one.name: one for one in YEARS.partitions(place.engine) if one.table == table}
    assert f"{found[f'p{NOW}'].since:%Y-%m-%d}" == f"{NOW}-08-01"
    assert YEARS.missing(place.engine) == []


def test_reading_a_closed_year_passes_by_the_partitions_of_others(place: Place) -> None:
    wanted = {f"p{year}" for year in range(YEARS.year_of(STARTS), YEARS.year_of(ENDS) + 1)}
    seen: set[str] = set()
    with place.app.app_context(), closing(db.session()) as session:
        enter_school(session, place.school_id)
        school_changed(session)
        students = session.scalars(select(Student.id)).all()
        forms = session.scalars(select(ArchivedRegister.form_id)).all()
        reads: tuple[Any, ...] = (
            lambda: taken_registers(session, [one for one in forms if one], first=STARTS, last=ENDS),
            lambda: exceptions_of(session, students, first=STARTS, last=ENDS),
            lambda: noted_marks(session, students[0], first=STARTS, last=ENDS),
        )
        for read in reads:
            steps = _plan(session, read)
            for step in steps:
                if step.partitions not in ("None", ""):
                    seen |= set(step.partitions.split(","))
    assert seen
    assert seen <= wanted
    assert len(names(place, ARCHIVE[0])) > len(wanted)


def _plan(session: Any, read: Any) -> list[Any]:
    """The server's plans of what a read sends on the session's own connection."""
    with all_schools(session):
        connection = session.connection()
    return plan_of(connection, read)


def test_open_days_are_read_from_the_live_tables_alone(place: Place) -> None:
    with place.app.app_context(), closing(db.session()) as session:
        enter_school(session, place.school_id)
        assert kept.is_closed(session, ENDS, ENDS + timedelta(5))
        assert not kept.is_closed(session, ENDS + timedelta(1), ENDS + timedelta(5))
        assert not kept.is_closed(session, STARTS - timedelta(5), STARTS - timedelta(1))
        assert kept.is_closed(session)


@pytest.mark.parametrize("table", ARCHIVE)
def test_a_missing_year_is_told_and_made_by_the_job_of_the_audit_log(place: Place, table: str) -> None:
    ddl(place, f"ALTER TABLE {table} DROP PARTITION p{NOW + 2}")
    assert YEARS.missing(place.engine) == [
        f"{table} has no partition of {NOW + 2}: run “flask attendance partitions --keep”."
    ]
    with place.app.app_context():
        assert jobs.keep_audit_partitions() == {"made": 1}
    assert YEARS.missing(place.engine) == []


def test_stray_rows_are_told_and_brought_to_their_years_unchanged(place: Place) -> None:
    far = date(NOW + 5, 10, 1)
    row = {**place.live[Register.__tablename__][0], "id": 10_000_000, "date": far}
    with place.engine.begin() as connection:
        connection.execute(insert(ArchivedRegister.__table__), [row])
    before = place.rows()
    (told,) = YEARS.missing(place.engine)
    assert told.startswith(f"1 row of register_archive, dated {NOW + 5}, in the catch-all: run “flask attendance")
    assert YEARS.mend(place.engine) == 1
    assert place.rows() == before
    assert YEARS.missing(place.engine) == []


def test_the_command_shows_every_partition(place: Place) -> None:
    with place.app.app_context():
        said = place.app.test_cli_runner().invoke(args=["attendance", "partitions"])
    assert said.exit_code == 0, said.output
    for table in ARCHIVE:
        assert table in said.output
    assert f"p{NOW}" in said.output
