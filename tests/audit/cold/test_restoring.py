"""A year that is brought back is the same as it was sealed, stays until it is sent off again, and leaves its file."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from school_app.archiving import at_work
from school_app.audit.cold.cooling import Cooling, Limits
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdStatus
from school_app.audit.cold.restoring import EVERY_SCHOOL, Restoring
from school_app.audit.cold.rows import NotMoved, SchoolYear
from school_app.audit.cold.sealed import SealsDiffer
from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.commands import audit
from school_app.audit.events import Event
from school_app.audit.models import AuditRow, AuditSeal, SealRun
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from tests.audit.cold.kept import (
    SMALL,
    archive,
    cooled,
    everywhere,
    hashes_in_tables,
    listed,
    old_rows,
    row,
    years_ago,
)
from tests.factories import TwoSchools


@pytest.fixture
def cold(two_years: Any, place: Folder) -> Any:
    """Two years of two schools and the platform in cold storage."""
    cooled(two_years, place)
    return two_years


def restored(session: Any, place: Folder, year: int, school_id: int | str | None = EVERY_SCHOOL) -> Restoring:
    run = Restoring(session, place, year, "a test", school_id=school_id, batch=3)
    for _ in run.steps():
        session.flush()
    return run


def test_a_year_comes_back_as_it_was(cold: Any, place: Folder) -> None:
    before = everywhere(cold, place)
    run = restored(cold, place, years_ago(4))
    assert run.moved == len(hashes_in_tables(cold)) == 24
    assert everywhere(cold, place) == before
    assert {one.status for one in listed(cold) if one.year == years_ago(4)} == {ColdStatus.RESTORED}
    assert sorted(place.paths()) == sorted(one.path for one in listed(cold))
    told = cold.scalars(select(AuditRow.reason).where(AuditRow.event == Event.ROWS_RESTORED)).all()
    assert len(told) == len([one for one in listed(cold) if one.year == years_ago(4)])


def test_one_school_comes_back_alone(cold: Any, place: Folder, two_schools: TwoSchools) -> None:
    before = everywhere(cold, place)
    assert restored(cold, place, years_ago(3), two_schools.ours.school.id).moved == 8
    assert everywhere(cold, place) == before
    assert restored(cold, place, years_ago(3), None).moved == 8
    assert restored(cold, place, years_ago(3)).moved == 8


def test_what_came_back_stays_until_it_is_sent_off_again_into_the_same_file(cold: Any, place: Folder) -> None:
    before, paths = everywhere(cold, place), [one.path for one in listed(cold)]
    restored(cold, place, years_ago(4))
    waiting = Cooling(cold, place, SMALL, "a test")
    assert (waiting.waiting(), len(waiting.restored())) == ([], 3)
    assert cooled(cold, place).moved == 0
    assert cooled(cold, place, Limits(again=True)).moved == 24
    assert [one.path for one in listed(cold)] == paths
    assert everywhere(cold, place) == before
    assert hashes_in_tables(cold) == []


def test_a_damaged_file_brings_nothing_back(cold: Any, place: Folder, tmp_path: Path) -> None:
    found = listed(cold)[0]
    path = tmp_path / "cold" / found.path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedFile, match="not what was listed"):
        restored(cold, place, found.year, found.school_id)
    assert hashes_in_tables(cold) == []


def test_a_row_that_stands_in_its_place_already_keeps_the_year_out(cold: Any, place: Folder) -> None:
    from sqlalchemy.exc import IntegrityError

    found = listed(cold)[0]
    taken = row(found.first_id, found.first_at, found.school_id)
    archive(cold, [taken])
    savepoint = cold.begin_nested()
    with pytest.raises((IntegrityError, NotMoved)):
        restored(cold, place, found.year, found.school_id)
    savepoint.rollback()


def test_seals_that_say_otherwise_are_told(cold: Any, place: Folder) -> None:
    cold.execute(
        update(AuditSeal).where(AuditSeal.day >= SchoolYear(None, years_ago(4)).begins.date()).values(digest="0" * 64)
    )
    with pytest.raises(SealsDiffer, match="not as they were sealed"):
        restored(cold, place, years_ago(4))


@pytest.mark.parametrize("alone", [False, True], ids=["all schools", "one school alone"])
def test_a_year_whose_own_seals_hold_says_that_others_of_their_run_do_not(
    cold: Any, place: Folder, alone: bool
) -> None:
    year = years_ago(4)
    ends = set(cold.scalars(select(AuditSeal.up_to_id).where(AuditSeal.day < date(year + 1, 1, 1))))
    cold.execute(
        update(SealRun).where(SealRun.up_to_id.in_(ends)).values(digest="0" * 64),
        execution_options={"synchronize_session": False},
    )
    with pytest.raises(SealsDiffer, match=r"equal to their seals, but others .* broken: .* Put back what was changed"):
        restored(cold, place, year, *([next(one.school_id for one in listed(cold) if one.school_id)] if alone else []))
    assert len(hashes_in_tables(cold)) == (8 if alone else 24)


def test_the_commands_say_what_they_do(
    app: Any, session: Any, two_schools: TwoSchools, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "unhurried_session", lambda settings: nullcontext(db.session))
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    school_id, slug = two_schools.ours.school.id, two_schools.ours.school.slug
    with all_schools(session):
        archive(session, old_rows(years_ago(3), [school_id, None]))
    session.commit()

    def said(*words: str) -> str:
        with app.app_context():
            found = app.test_cli_runner().invoke(audit, words)
        return f"{found.exit_code}: {found.output}"

    assert "2 years from before" in said("cool", "--dry-run")
    assert listed_in(session) == []
    assert "0: 16 rows from before" in said("cool")
    assert said("cold").count("kept") == 2
    assert "1: Error: There is no school 'none'" in said("restore", "--year", str(years_ago(3)), "--school", "none")
    assert "0: 8 rows of" in said("restore", "--year", str(years_ago(3)), "--school", slug)
    assert "Nothing of 1999 is in cold storage" in said("restore", "--year", "1999")
    assert said("give-up", "nope").endswith("1: Error: There is no file nope; flask audit cold shows them.\n")
    assert "restored, and stays" in said("cool", "--dry-run")
    assert "0: 8 rows from" in said("cool", "--restored")


def listed_in(session: Any) -> list[Any]:
    with all_schools(session):
        return listed(session)
