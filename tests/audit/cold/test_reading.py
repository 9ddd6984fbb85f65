"""The history goes on into cold storage: one list, in one order, of the own school, only what can fit is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from school_app.audit import queries
from school_app.audit.cold import files
from school_app.audit.cold.cooling import Cooling, Limits
from school_app.audit.cold.models import ColdFile
from school_app.audit.cold.reading import in_files
from school_app.audit.cold.restoring import Restoring
from school_app.audit.cold.store import EXTENSION, ColdUnavailable, Folder
from school_app.audit.queries import Filters
from school_app.core.errors import NotFound
from school_app.core.tenancy import all_schools, enter_school
from tests.audit.cold.kept import FIRST_ID, SMALL, archive, cooled, old_rows, row, years_ago
from tests.factories import TwoSchools
from tests.visits import log_in

EVER = Filters(datetime(years_ago(6), 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1))


@pytest.fixture
def filled(app: Any, session: Any, owners: list[int | None], place: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Rows of three years of both schools and the platform in the archive; the session is in our school."""
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    with all_schools(session):
        for back in (4, 3, 2):
            archive(session, old_rows(years_ago(back), owners, each=16, first_id=FIRST_ID + 1000 * (4 - back)))
    return session


@pytest.fixture
def inside(app: Any, filled: Any) -> Any:
    """The same session, within the app, as a request would have it."""
    with app.app_context():
        yield filled


def cool(session: Any, place: Folder, limits: Limits = SMALL) -> None:
    before = session.info["formroom.school_id"]
    with all_schools(session):
        cooled(session, place, limits)
    enter_school(session, before)


def all_pages(session: Any, filters: Filters, size: int = 7) -> list[Any]:
    rows: list[Any] = []
    cursor = None
    while True:
        page = queries.history(session, filters, cursor=cursor, size=size)
        rows += page.rows
        if page.next is None:
            return rows
        cursor = page.next


NARROWED = {
    "everything": EVER,
    "a student": replace(EVER, student_id=3),
    "a person": replace(EVER, actor_id=7),
    "a kind": replace(EVER, entity_type="student"),
    "a thing": replace(EVER, entity_type="student", entity_id=FIRST_ID + 1012),
    "an event": replace(EVER, event="row.changed"),
    "another event": replace(EVER, event="row.added"),
    "some events": replace(EVER, events=("row.changed", "row.added")),
    "an event not among some": replace(EVER, event="row.changed", events=("row.added",)),
    "days": replace(
        EVER, since=datetime(years_ago(3), 2, 1, tzinfo=UTC), until=datetime(years_ago(3), 3, 1, 0, 0, 0, 5, tzinfo=UTC)
    ),
}


@pytest.mark.parametrize("narrowed", NARROWED)
def test_pages_are_the_same_wherever_the_rows_lie(inside: Any, place: Folder, narrowed: str) -> None:
    filters = NARROWED[narrowed]
    expected = [one for one in all_pages(inside, filters) if one.id >= FIRST_ID]
    cool(inside, place)
    found = [one for one in all_pages(inside, filters) if one.id >= FIRST_ID]
    assert found == expected
    assert bool(found) == (narrowed not in ("another event", "an event not among some"))


def test_a_run_is_seen_by_no_reader(inside: Any, place: Folder) -> None:
    expected = [one for one in all_pages(inside, EVER) if one.id >= FIRST_ID]
    school_id = inside.info["formroom.school_id"]
    steps = Cooling(inside, place, SMALL, "a test").steps()
    for run in (steps, Restoring(inside, place, years_ago(3), "a test", batch=3).steps()):
        while True:
            enter_school(inside, None)
            with all_schools(inside):
                if next(run, None) is None:
                    break
            enter_school(inside, school_id)
            assert [one for one in all_pages(inside, EVER, size=100) if one.id >= FIRST_ID] == expected
        enter_school(inside, school_id)


def test_another_schools_files_are_never_opened(
    inside: Any, place: Folder, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    cool(inside, place)
    opened: list[str] = []
    real = files.reading
    monkeypatch.setattr(
        files, "reading", lambda where, path, **more: (opened.append(path), real(where, path, **more))[1]
    )
    assert {one.school_id for one in all_pages(inside, EVER)} == {two_schools.ours.school.id}
    assert opened
    assert all(f"school-{two_schools.ours.school.id}-" in path for path in opened)


def test_young_days_ask_nothing_of_the_manifest_and_old_ones_read_one_group(
    inside: Any, place: Folder, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cool(inside, place, Limits(group_rows=5))
    statements.clear()
    young = replace(EVER, since=datetime.now(UTC) - timedelta(days=30))
    queries.history(inside, young)
    assert not [one for one in statements if "audit_cold_file" in one]
    read: list[int] = []
    real = files.rows_of
    monkeypatch.setattr(files, "rows_of", lambda table: (read.append(table.num_rows), real(table))[1])
    queries.history(inside, replace(EVER, until=datetime(years_ago(3), 12, 1, tzinfo=UTC)), size=3)
    assert len(read) <= 2


def test_one_event_and_what_belongs_to_it_are_found(inside: Any, place: Folder, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    moment = datetime(years_ago(3), 5, 1, 12, tzinfo=UTC)
    with all_schools(inside):
        rows = [
            row(FIRST_ID + 9000, moment, ours, request_id="one", actor_name="Ada"),
            row(FIRST_ID + 9001, moment + timedelta(seconds=1), ours, request_id="one"),
            row(FIRST_ID + 9002, moment, theirs, request_id="one"),
        ]
        archive(inside, rows)
    cool(inside, place)
    found = queries.one(inside, FIRST_ID + 9000, moment)
    assert (found.actor_name, found.created_at) == ("Ada", moment)
    assert [one.id for one in queries.together(inside, found)] == [FIRST_ID + 9000, FIRST_ID + 9001]
    with pytest.raises(NotFound):
        queries.one(inside, FIRST_ID + 9002, moment)


def test_the_page_shows_cold_rows_and_says_when_it_cannot(
    filled: Any, place: Folder, client: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    cool(filled, place)
    filled.commit()
    visitor = log_in(client, two_schools.ours.auditor)
    address = f"/audit?from={years_ago(3)}-01-01&to={years_ago(3)}-12-31"
    shown = visitor.get(address)
    assert shown.status_code == 200
    assert f"/audit/{FIRST_ID + 1000}/" in shown.text
    ours = list((tmp_path / "cold").rglob(f"school-{two_schools.ours.school.id}-*"))
    for path in ours:
        path.write_bytes(path.read_bytes()[:-1])
    assert visitor.get(address).status_code == 503
    for path in ours:
        path.unlink()
    gone = visitor.get(address)
    assert gone.status_code == 503
    assert "cold storage" in gone.text.lower()


def test_a_damaged_file_is_told_rather_than_passed_over(
    inside: Any, place: Folder, tmp_path: Path, two_schools: TwoSchools
) -> None:
    cool(inside, place)
    for path in (tmp_path / "cold").rglob(f"school-{two_schools.ours.school.id}-*"):
        whole = bytearray(path.read_bytes())
        whole[20:60] = b"?" * 40
        path.write_bytes(bytes(whole))
    with pytest.raises(ColdUnavailable, match="cannot be read"):
        in_files(inside, EVER, before=None, limit=200)


def test_rows_above_the_seam_are_left_to_the_database(inside: Any, place: Folder) -> None:
    cool(inside, place)
    with all_schools(inside):
        for one in inside.scalars(select(ColdFile)):
            one.cold_before = one.begins
        inside.flush()
    assert in_files(inside, EVER, before=None, limit=200) == []
