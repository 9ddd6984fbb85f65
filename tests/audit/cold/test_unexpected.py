"""An error that nobody foresaw ends a command's run on record, as one that is known does, and lets the next one in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import click
import pytest
from flask import Flask
from sqlalchemy import select

from school_app.archiving import at_work as at_work_module
from school_app.archiving.lease import LEASE
from school_app.archiving.models import ArchiveLease
from school_app.audit.archive import Limits, Run
from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.cooling import Limits as ColdLimits
from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.cold.taking import Taking
from school_app.audit.commands import audit
from school_app.audit.events import Event
from school_app.audit.models import ArchiveRun, AuditRow, RunStatus
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
    monkeypatch.setattr(at_work_module, "unhurried_session", lambda settings: nullcontext(db.session))
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


@pytest.mark.parametrize("kind", ["archive", "cooling", "destruction"])
def test_whichever_run_comes_next_ends_those_that_were_killed(at_work: Any, place: Folder, kind: str) -> None:
    long_ago = datetime(2020, 3, 1, tzinfo=UTC)
    for method, moved in (("batches", 30), ("", 0), ("cold", 0), ("destruction", 7)):
        at_work.add(ArchiveRun(cutoff=long_ago, method=method, fencing_token=1, started_by="it", moved=moved))
    at_work.flush()
    made: dict[str, Callable[[], at_work_module.Run]] = {
        "archive": lambda: Run(at_work, Limits(), "a test"),
        "cooling": lambda: Cooling(at_work, place, ColdLimits(), "a test"),
        "destruction": lambda: Destroying(at_work, place, "a test"),
    }
    next(made[kind]().steps())
    killed = select(ArchiveRun.status, ArchiveRun.error).where(ArchiveRun.started_by == "it").order_by(ArchiveRun.id)
    goes_on = "; the next one goes on."
    assert at_work.execute(killed).all() == [
        (RunStatus.STOPPED, f"It was broken off after 30 rows{goes_on}"),
        (RunStatus.STOPPED, f"It was broken off{goes_on}"),
        (RunStatus.STOPPED, f"It was broken off{goes_on}"),
        (RunStatus.STOPPED, f"It was broken off after 7 rows{goes_on}"),
    ]
    # Of the archive's own nobody has told yet; what destruction removes is on record file by file.
    told = at_work.scalars(select(AuditRow.reason).where(AuditRow.event == Event.ROWS_ARCHIVED)).all()
    assert told == ["30 rows, by a run that was broken off, from before 2020-03-01 00:00 UTC"]


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
