"""flask summaries: counts anew, and compares with an exit code that scripts can go by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import update

from school_app.config import Settings
from school_app.core.db import db
from school_app.core.tenancy import enter_school
from school_app.summaries.models import FormDay, StudentFigures
from tests import worlds
from tests.databases import app_of_its_own
from tests.factories import World
from tests.summaries.keeping import TODAY, YESTERDAY


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[tuple[Flask, World]]:
    """An app whose two schools are committed."""
    with app_of_its_own(settings, "summary_commands") as app:
        with app.app_context():
            ours = worlds.keep_two_schools(db.session).ours
        yield app, ours


def test_rebuild_counts_and_check_compares(server: tuple[Flask, World]) -> None:
    app, ours = server

    def run(*arguments: str) -> Result:
        with app.app_context():
            found: Result = app.test_cli_runner().invoke(args=["summaries", *arguments])
        return found

    assert "0 rows compared" in run("check", "--school", "ours").output
    refreshed = run("refresh", "--school", "ours")
    assert "6 students" in refreshed.output
    assert "theirs" not in refreshed.output
    right = run("check", "--school", "ours")
    assert (right.exit_code, "0 differences" in right.output) == (0, True)
    spoil(app, ours)
    wrong = run("check", "--school", "ours", "--from", str(YESTERDAY))
    assert wrong.exit_code == 1
    assert f"School canary-ours: {YESTERDAY} {ours.form.name}: present is 99, the rows say 2" in wrong.output
    assert f"School canary-ours: student {ours.student.id}: year_late is 77, the rows say 0" in wrong.output
    rebuilt = run("rebuild", "--school", "ours", "--from", str(YESTERDAY), "--to", str(TODAY))
    assert f"up to {TODAY}" in rebuilt.stdout
    assert "2/2" in rebuilt.stderr
    assert run("check", "--school", "ours").exit_code == 0


def test_a_school_that_is_not_there_is_named(server: tuple[Flask, World]) -> None:
    with server[0].app_context():
        found: Any = server[0].test_cli_runner().invoke(args=["summaries", "rebuild", "--school", "nowhere"])
    assert found.exit_code == 1
    assert "There is no open school 'nowhere'." in found.output


def spoil(app: Flask, ours: World) -> None:
    """Write a figure that the rows do not say."""
    with app.app_context():
        enter_school(db.session, ours.school.id)
        wrong = update(FormDay).where(FormDay.date == YESTERDAY, FormDay.place == ours.form.id).values(present=99)
        db.session.execute(wrong, execution_options={"synchronize_session": False})
        one = update(StudentFigures).where(StudentFigures.student_id == ours.student.id).values(year_late=77)
        db.session.execute(one, execution_options={"synchronize_session": False})
        db.session.commit()
