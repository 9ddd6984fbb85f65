"""Whoever tampers with a cold file or its manifest is found with the day, and no page shows or hides rows by it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from school_app.audit import seal_commands
from school_app.audit.batches import HOT
from school_app.audit.cold.reading import in_files
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import EXTENSION, ColdUnavailable, Folder
from school_app.audit.commands import audit
from school_app.audit.differences import Difference, Kind
from school_app.audit.models import AuditRow
from school_app.audit.queries import Filters, HistoryRow
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.undated import undated
from school_app.audit.verify import EVERYTHING, Asked
from school_app.core.db import db
from school_app.core.tenancy import all_schools, enter_school
from tests.audit.cold import tampered_files
from tests.audit.cold.kept import FIRST_ID, SMALL, archive, cooled, listed, old_rows, years_ago
from tests.audit.cold.tampered_files import Cold
from tests.audit.cold.test_lawful import renumber
from tests.factories import TwoSchools

EVER = Filters(datetime(years_ago(6), 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1))
Way = Callable[[Cold], None]


@pytest.fixture
def cold(
    app: Flask,
    session: Any,
    owners: list[int | None],
    place: Folder,
    tmp_path: Path,
    two_schools: TwoSchools,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cold]:
    """Two years of two schools and the platform in cold storage, in small files; the session is in our school."""
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    with all_schools(session):
        session.execute(delete(HOT))
        for back in (4, 3):
            archive(session, old_rows(years_ago(back), owners, each=12, first_id=FIRST_ID + 1000 * (4 - back)))
    enter_school(session, None)
    with all_schools(session):
        cooled(session, place, SMALL)
        renumber(session, AuditRow.id > 0)
        files = [next(one for one in listed(session) if one.school_id == school_id) for school_id in (ours, theirs)]
    session.commit()
    enter_school(session, ours)
    with app.app_context():
        yield Cold(session, tmp_path / "cold", random.Random(1), *files)


def told(cold: Cold, asked: Asked = EVERYTHING) -> list[Difference]:
    """What a verification finds."""
    session, place = cold.session, Folder(cold.folder)
    with all_schools(session):
        steps = seal_commands.steps(session, Files(session, place), Destroyed(session, asked.schools), asked)
        return [one for step in steps for one in step.differences if not one.is_warning]


def shown(cold: Cold) -> list[HistoryRow]:
    """What our school reads from its files."""
    return list(in_files(cold.session, EVER, before=None, limit=200))


@contextmanager
def tampered(cold: Cold, name: str, way: Way) -> Iterator[None]:
    """Somebody tampers, until the end of this."""
    whole = {path: path.read_bytes() for path in cold.folder.rglob("*.parquet")}
    savepoint = cold.session.begin_nested()
    cold.random.seed(name)
    with all_schools(cold.session):
        way(cold)
    yield
    savepoint.rollback()
    cold.session.expire_all()
    for path, content in whole.items():
        path.write_bytes(content)


def first_day(cold: Cold) -> date:
    return cold.file.first_at.date()


def test_whatever_is_changed_of_a_file_or_its_manifest_is_told_with_its_first_day(cold: Cold) -> None:
    assert told(cold) == []
    day, school_id, missed = first_day(cold), cold.file.school_id, []
    for name, way in tampered_files.WAYS.items():
        with tampered(cold, name, way):
            found = told(cold)
            days = {one.day for one in found if one.kind is Kind.FILE}
            if day not in days:
                missed.append(f"{name}: {[str(one) for one in found]}")
    assert (missed, school_id) == ([], cold.file.school_id)


def test_what_hides_a_file_from_verification_leaves_its_rows_missing(cold: Cold) -> None:
    day = first_day(cold)
    for name, way in tampered_files.HIDING.items():
        with tampered(cold, name, way):
            assert (Kind.MISSING, day) in {(one.kind, one.day) for one in told(cold)}, name


def test_no_page_shows_other_rows_or_fewer_by_a_file_that_was_changed(cold: Cold) -> None:
    whole, wrong, refused = shown(cold), [], set()
    assert len(whole) == 24
    for name, way in tampered_files.OF_BYTES.items():
        with tampered(cold, name, way):
            try:
                if shown(cold) != whole:
                    wrong.append(name)
            except ColdUnavailable:
                refused.add(name)
    assert wrong == []
    # A byte that is flipped may be one that a page does not read, and statistics are such.
    unread = {one for one in tampered_files.OF_BYTES if one.startswith("flip_")} | {"patch_the_statistics"}
    assert tampered_files.OF_BYTES.keys() - refused <= unread


@pytest.mark.parametrize("name", tampered_files.OTHER_ROWS)
def test_rows_of_another_order_school_or_number_are_refused_whatever_size_is_listed(cold: Cold, name: str) -> None:
    with tampered(cold, name, tampered_files.OF_BYTES[name]):
        cold.list(bytes=cold.place.stat().st_size)
        with pytest.raises(ColdUnavailable, match=cold.file.path):
            shown(cold)


def test_a_file_that_differs_is_told_of_its_school_and_days_alone(cold: Cold) -> None:
    day, ours, theirs = first_day(cold), cold.file.school_id, cold.other.school_id
    with tampered(cold, "a flip", tampered_files.flip_the_first_byte):
        after = cold.file.last_at.date() + timedelta(days=1)
        for asked, is_told in (
            (Asked(schools=(ours,)), True),
            (Asked(schools=(theirs, None)), False),
            (Asked(last=day), True),
            (Asked(first=cold.file.last_at.date()), True),
            (Asked(last=day - timedelta(days=1)), False),
            (Asked(first=after), False),
        ):
            found = [one for one in told(cold, asked) if one.kind is Kind.FILE]
            assert {(one.school_id, one.day) for one in found} == ({(ours, day)} if is_told else set()), asked


def test_the_command_ends_with_status_1(app: Flask, cold: Cold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_commands, "unhurried_session", lambda settings: nullcontext(db.session))
    day = first_day(cold)
    tampered_files.flip_the_first_byte(cold)
    cold.session.commit()
    enter_school(cold.session, None)
    done = app.test_cli_runner().invoke(audit, ["verify"])
    said = " ".join(str(done.output).split())
    assert (done.exit_code, f"the first day that differs is {day}" in said) == (1, True), said
    assert "cold file" in said


def test_nobody_sees_rows_of_another_school_by_a_manifest_that_was_changed(
    cold: Cold, owners: list[int | None]
) -> None:
    for whose in owners[:2]:
        enter_school(cold.session, whose)
        for name in ("another school", "swap_the_paths"):
            with tampered(cold, name, tampered_files.OF_MANIFEST[name]):
                try:
                    assert {one.school_id for one in shown(cold)} == {whose}, name
                except ColdUnavailable:
                    continue


@pytest.mark.parametrize(
    ("table", "column"),
    [("audit_cold_file", name) for name in ("first_at", "last_at", "cold_before", "written_at", "restored_at")]
    + [("audit_cold_day", "day")],
)
def test_a_manifest_with_a_day_that_is_none_is_told_by_its_ids(
    cold: Cold, session: Any, table: str, column: str
) -> None:
    with all_schools(session):
        connection = session.connection()
        id_ = connection.exec_driver_sql(f"SELECT MIN(id) FROM {table}").scalar_one()
        mode = connection.exec_driver_sql("SELECT @@SESSION.sql_mode").scalar_one()
        assert list(undated(session)) == []
        connection.exec_driver_sql("SET SESSION sql_mode = ''")
        try:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = '0000-00-00' WHERE id = {id_}")
        finally:
            connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")
        (told,) = undated(session)
    assert told.startswith(f"{table}, id {id_}: one of ")
