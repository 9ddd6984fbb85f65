"""A school year is closed and reopened in the embedded default as well, whose database is one file with one writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from school_app.config import Settings
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.tenancy import all_schools, use_school
from tests import worlds
from tests.databases import embedded_app
from tests.factories import ListQueue, TwoSchools
from tests.visits import hidden, log_in, send
from tests.years.past import ARCHIVE, LIVE, Past, differing, past_year, stored, told
from workers import carrying

pytestmark = pytest.mark.usefixtures("_known_at_once")


@dataclass(frozen=True)
class Place:
    """An app over SQLite with two schools, and the year of ours that is over."""

    app: Flask
    schools: TwoSchools
    past: Past

    def client(self, who: str) -> FlaskClient:
        """The browser of one of our people."""
        return log_in(self.app.test_client(), getattr(self.schools.ours, who))

    def stored(self, *models: Any) -> dict[tuple[str, int], tuple[Any, ...]]:
        """Every row of some tables."""
        with self.app.app_context():
            return stored(db.session, *models)

    def told(self) -> dict[str, Any]:
        """What pages, figures and rules say of the year."""
        with self.app.app_context(), use_school(db.session, self.schools.ours.school.id):
            return told(db.session, self.past)

    def moved(self) -> tuple[JobStatus, str | None, Any]:
        """Do the run that was asked for last, as the thread of the embedded default does it; how it ended."""
        with self.app.app_context(), all_schools(db.session):
            asked = select(JobRun.id).where(JobRun.name == "workers.jobs.move_school_year").order_by(JobRun.id.desc())
            job_run_id = db.session.scalars(asked.limit(1)).one()
            db.session.commit()
        with self.app.app_context():
            carrying.carry_out(job_run_id)
        with self.app.app_context(), all_schools(db.session):
            job = db.session.get_one(JobRun, job_run_id)
            return job.status, job.error, job.counts


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Iterator[Place]:
    with embedded_app(settings, tmp_path) as app:
        app.extensions["formroom.queue"] = ListQueue()
        with app.app_context():
            schools = worlds.keep_two_schools(db.session)
            with use_school(db.session, schools.ours.school.id):
                past = past_year(db.session, schools.ours)
                db.session.commit()
        yield Place(app, schools, past)


DONE = (JobStatus.DONE, None, {"moved": 9, "finished": True})


def test_a_year_is_closed_read_and_reopened_by_its_pages(place: Place) -> None:
    rows, said = place.stored(*LIVE), place.told()
    admin, head = place.client("admin"), place.client("head")
    year, register = f"/admin/years/{place.past.year_id}", f"/register/{place.past.group.id}/{place.past.days[0]}"
    assert send(admin, f"{year}/close", confirm="yes").status_code == 303
    assert place.moved() == DONE
    assert len(place.stored(*ARCHIVE)) == 9
    assert place.stored(*LIVE, *ARCHIVE) == rows
    assert differing(place.told(), said) == []
    page = head.get(register).text
    assert "is closed: its registers and its calendar can be read, and not be changed" in page
    assert send(head, register, seen="").status_code == 409
    assert send(admin, f"{year}/reopen", reason="a register was wrong").status_code == 303
    assert place.moved() == DONE
    assert (place.stored(*LIVE), place.stored(*ARCHIVE)) == (rows, {})
    assert differing(place.told(), said) == []
    everyone = {f"code-{id_}": "present" for id_ in place.past.student_ids[:3]}
    assert send(head, register, seen=hidden(head.get(register).text, "seen"), **everyone).status_code == 303


def test_a_year_is_closed_and_reopened_by_its_commands(place: Place) -> None:
    rows, named = place.stored(*LIVE), ["--school", place.schools.ours.school.slug, "--year", "Before"]

    def said(*words: str) -> str:
        with place.app.app_context():
            answer = place.app.test_cli_runner().invoke(args=["attendance", *words])
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert "5 registers and 4 marks would be moved" in said("close", *named, "--dry-run")
    assert "Waits: 1 register taken back" in said("close", *named, "--batch", "3")
    assert (len(place.stored(*ARCHIVE)), place.stored(*LIVE, *ARCHIVE)) == (9, rows)
    assert "closed" in said("years", "--school", place.schools.ours.school.slug)
    again = said("reopen", *named, "--reason", "a register was wrong")
    assert "9 of 9 rows of registers and marks moved" in again
    assert (place.stored(*LIVE), place.stored(*ARCHIVE)) == (rows, {})
