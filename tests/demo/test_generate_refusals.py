"""What `flask demo generate` refuses, before it writes and while it does; and what a run that was broken off leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select

from school_app.config import Settings
from school_app.core.db import db
from school_app.core.db.bulk import FilesRefused, Loader, RowsRefused, loading
from school_app.core.tenancy import all_schools
from school_app.demo import load as demo
from school_app.demo.generated import history
from school_app.demo.generated.loading import Shape
from school_app.schools.models import School
from school_app.students.models import Student
from tests import databases
from tests.demo.generating import count, generate


def test_a_database_that_is_not_empty_is_refused_and_left_as_it_is(generated: Flask, plain: Connection) -> None:
    before = count(plain, of=Student)
    done = generate(generated, schools=1, students=10, years=1, audit=0)
    assert done.exit_code == 1
    assert "not empty" in done.output
    assert "flask db upgrade" in done.output
    assert count(plain, of=Student) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schools": 0}, "--schools 0: choose from 1 to"),
        ({"schools": 20, "students": 10}, "at least 40, or for fewer schools"),
        ({"students": -1}, "--students -1"),
        ({"years": 0}, "--years 0: choose from 1 to 10"),
        ({"years": 11}, "--years 11: choose from 1 to 10"),
        ({"audit": -1}, "--audit -1: choose 0 rows or more"),
        ({"until": "2100-01-01"}, "to today"),
        ({"until": "yesterday"}, "write it as in 2026-05-17"),
    ],
)
def test_nonsense_is_refused_in_clear_words(generated: Flask, options: dict[str, Any], words: str) -> None:
    done = generate(generated, **options)
    assert done.exit_code != 0
    assert words in done.output


def test_production_that_others_reach_is_refused(generated: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    reachable = replace(generated.config["FORMROOM"], environment="production", base_url="https://school.example")
    monkeypatch.setitem(generated.config, "FORMROOM", reachable)
    done = generate(generated, schools=1, students=10, years=1, audit=0)
    assert done.exit_code == 1
    assert "not loaded where others can reach it" in done.output


def test_a_run_that_is_broken_off_looks_like_nothing_and_says_how_to_begin_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(history, "seal", break_off)
    with databases.app_of_its_own(settings, "broken") as app:
        done = generate(app, schools=1, students=20, years=1, audit=20)
        assert done.exit_code != 0
        assert "Make an empty database" in done.output
        with app.app_context(), all_schools(db.session):
            assert db.session.scalar(select(func.count()).select_from(Student)) >= 20
            assert db.session.scalar(select(func.count()).select_from(School)) == 0
            with pytest.raises(demo.NotEmpty, match="broken off"):
                demo.is_loaded(db.session)
            db.session.rollback()
        again = generate(app, schools=1, students=20, years=1, audit=20)
        assert "broken off" in again.output
        assert again.exit_code == 1


def test_a_server_that_takes_no_files_is_told_before_anything_is_written(tmp_path: Path) -> None:
    # The setting is the whole server's, which other tests may be using, so one that answers "off" stands in for it.
    class Off:
        said: ClassVar[list[str]] = []

        def cursor(self) -> Off:
            return self

        def execute(self, statement: str) -> None:
            self.said.append(statement)

        def fetchone(self) -> tuple[int]:
            return (0,)

    with ThreadPoolExecutor(1) as thread, pytest.raises(FilesRefused, match="SET GLOBAL local_infile = ON"):
        Loader(Off(), tmp_path, thread)
    assert Off.said == ["SELECT @@GLOBAL.local_infile"]


def test_rows_that_a_server_would_bend_or_leave_out_end_the_run(settings: Settings) -> None:
    with databases.app_of_its_own(settings, "bent") as app:
        own = app.config["FORMROOM"]
        names = ("id", "slug", "name", "timezone", "session_scheme", "register_closes", "is_active", "created_at")
        row = (1, "linden", "Linden", "UTC", "day", "09:15", True, datetime.now(UTC))
        wrong = (2, "maple", "Maple", "UTC", "day", "09:15 or so", True, datetime.now(UTC))
        for rows in ([row, wrong], [row, row]):
            with pytest.raises(RowsRefused, match="school were taken"), loading(own) as loader:
                loader.write(School.__table__, names, rows)  # type: ignore[arg-type]


def test_rows_without_a_needed_column_are_refused() -> None:
    with pytest.raises(ValueError, match="slug"):
        Shape(School, "id name")
