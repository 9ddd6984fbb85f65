"""What the commands of cold storage and retention say of files that are held, destroyed or past their time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from school_app.archiving import at_work as working
from school_app.audit import seal_commands
from school_app.audit.batches import HOT
from school_app.audit.cold.models import ColdDay, ColdStatus
from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.commands import audit
from school_app.audit.retention import service
from school_app.audit.retention_commands import retention
from school_app.core import clock
from school_app.core.db import db
from tests.audit.cold.kept import archive, cooled, listed, old_rows, years_ago
from tests.factories import TwoSchools

Said = Callable[..., str]
WHY = "A court has asked for the records"


@pytest.fixture
def cold(app: Any, at_work: Any, owners: list[int | None], place: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A year of two schools and the platform in cold storage that is past its time; commands work in this session."""
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    monkeypatch.setattr(working, "unhurried_session", lambda settings: nullcontext(db.session))
    at_work.execute(delete(HOT))
    archive(at_work, old_rows(years_ago(12), owners))
    cooled(at_work, place)
    at_work.commit()
    return at_work


@pytest.fixture
def said(app: Any, cold: Any) -> Said:
    """What a command prints, with its status."""

    def run(*words: str) -> str:
        group = retention if words[0] == "retention" else audit
        with app.app_context():
            found = app.test_cli_runner().invoke(group, words[1:])
        return f"{found.exit_code}: {found.output}"

    return run


def hold_ours(cold: Any, two_schools: TwoSchools) -> int:
    """A hold on the whole of a school; its number."""
    made = service.set_hold(cold, school_id=two_schools.ours.school.id, student_id=None, reason=WHY, by="Ada")
    cold.commit()
    return made.id


def test_a_dry_run_of_destruction_says_what_is_held(cold: Any, said: Said, two_schools: TwoSchools) -> None:
    ours, files = two_schools.ours.school.id, listed(cold)
    mine = [one for one in files if one.school_id == ours]
    assert f"{len(files)} files past their time, 0 of them held now" in said("retention", "destroy", "--dry-run")
    number = hold_ours(cold, two_schools)
    shown = said("retention", "destroy", "--dry-run")
    assert f"{len(files)} files past their time, {len(mine)} of them held now. Nothing was changed." in shown
    assert shown.count(f"of school {ours}, {years_ago(12)}; held: hold {number} on the school, {WHY}") == len(mine)
    assert shown.count("; held: ") == len(mine)


def test_a_return_says_what_was_destroyed_of_the_year(cold: Any, said: Said, two_schools: TwoSchools) -> None:
    ours, year = two_schools.ours.school.id, str(years_ago(12))
    hold_ours(cold, two_schools)
    assert said("retention", "destroy").startswith("0: ")
    ended = [one for one in listed(cold) if one.status is ColdStatus.DESTROYED]
    shown = said("audit", "restore", "--year", year)
    for one in ended:
        said_of_it = (
            f"{one.path} was destroyed on {one.destroyed_at:%Y-%m-%d}, lawfully: {one.rows} rows of {year}, kept"
        )
        assert f"Not brought back: {said_of_it} for 10 years: Preset of the product" in shown, shown
    assert (shown.count("Not brought back"), "0: " in shown, "8 rows of" in shown) == (len(ended), True, True)
    assert "Not brought back" not in said("audit", "restore", "--year", year, "--school", two_schools.ours.school.slug)
    assert {one.school_id for one in listed(cold) if one.status is ColdStatus.RESTORED} == {ours}
    ended[0].destroyed_at = clock.now() - timedelta(days=900)
    cold.commit()
    assert f"{ended[0].path} is said to be destroyed, with" in said("audit", "restore", "--year", year)


def test_the_table_says_which_schools_have_a_time_of_their_own(cold: Any, said: Said, two_schools: TwoSchools) -> None:
    assert "No school has a time of its own." in said("retention", "show")
    words = ("set", "school_log", "12", "--source", "A law of the land", "--school", two_schools.ours.school.slug)
    said("retention", *words)
    assert "With a time of their own: 1 school (ours). --school SLUG shows" in said("retention", "show")
    assert "of their own" not in said("retention", "show", "--school", two_schools.ours.school.slug)


def test_a_lost_file_is_one_line_of_the_verification(
    cold: Any, said: Said, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal_commands, "unhurried_session", lambda settings: nullcontext(db.session))
    lost = listed(cold)[0]
    days = set(cold.scalars(select(ColdDay.day).where(ColdDay.file_id == lost.id)))
    place.remove(lost.path)
    shown = said("audit", "verify")
    assert len(days) > 1
    assert f"{len(days)} days of {lost.path}: {min(days)}, " in shown, shown
    assert (shown[:2], shown.count("missing rows")) == ("1:", 1), shown
    assert said("audit", "give-up", lost.path, "--yes").startswith("0: ")
    assert said("audit", "give-up", lost.path).endswith(f"1: Error: {lost.path} is lost on record already.\n")
    shown = said("audit", "verify")
    assert f"{len(days)} days of {lost.path}: {min(days)}, " in shown, shown
    assert (shown[:2], shown.count("missing rows")) == ("1:", 1), shown
