"""An error that nobody foresaw ends a command's run on record, as one that is known does, and lets the next one in."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import click
import pytest
from flask import Flask
from sqlalchemy import select

from school_app.audit import at_work
from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.cold.taking import Taking
from school_app.audit.commands import audit
from school_app.audit.lease import LEASE
from school_app.audit.models import ArchiveLease, ArchiveRun, RunStatus
from school_app.audit.retention.destroying import Destroying
from school_app.audit.retention.rules import NOTICE
from school_app.audit.retention_commands import retention
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from tests.audit.cold.kept import archive, old_rows, years_ago


@pytest.fixture
def app_here(app: Flask, session: Any, place: Folder, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The app, whose commands work in the test's own transaction."""
    monkeypatch.setattr(at_work, "unhurried_session", lambda settings: nullcontext(db.session))
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    with all_schools(session):
        archive(session, old_rows(years_ago(3), [None]))
        session.commit()
    return app


def fail(*_: object) -> Any:
    raise ZeroDivisionError("nobody foresaw it")


def error_of(app: Flask, group: click.Group, word: str) -> BaseException | None:
    with app.app_context():
        found = app.test_cli_runner().invoke(group, [word])
    return found.exception


def holder(session: Any) -> str | None:
    with all_schools(session):
        name: str | None = session.scalars(select(ArchiveLease.holder).where(ArchiveLease.name == LEASE)).one()
    return name


def test_cooling_says_by_what_it_was_broken_off(app_here: Flask, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Taking, "take", fail)
    assert isinstance(error_of(app_here, audit, "cool"), ZeroDivisionError)
    with all_schools(session):
        run = session.execute(select(ArchiveRun.status, ArchiveRun.error)).one()
    assert run == (RunStatus.FAILED, "ZeroDivisionError: nobody foresaw it")
    assert holder(session) is None


def test_destruction_lets_the_next_run_in(app_here: Flask, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Destroying, "due", lambda self: [SimpleNamespace(id=1, rows=1)])
    monkeypatch.setattr(Destroying, "_destroy", fail)
    assert isinstance(error_of(app_here, retention, "destroy"), ZeroDivisionError)
    assert holder(session) is None


def test_a_shorter_time_is_told_with_the_day_from_which_it_holds(app_here: Flask, session: Any) -> None:
    def said(years: str) -> str:
        with app_here.app_context():
            words = ["set", "school_log", years, "--source", "A law of the land"]
            return str(app_here.test_cli_runner().invoke(retention, words).output)

    day = f"{clock.now() + NOTICE:%Y-%m-%d}"
    assert said("20") == "school_log is kept for 20 years now.\n"
    assert said("12") == f"school_log is kept for 20 years now, and for 12 from {day} on.\n"
