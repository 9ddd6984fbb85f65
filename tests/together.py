"""A school whose transactions really commit, for what two people do at one moment on connections of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.cases import service
from school_app.cases.models import Case
from school_app.cases.service import Plan
from school_app.config import Settings
from school_app.core.acting import By
from school_app.core.db import db
from school_app.core.errors import DomainError
from school_app.core.tenancy import enter_school
from tests import factories

TODAY = datetime.now(UTC).date()


@dataclass(frozen=True)
class Place:
    """A school on a database of its own, whose transactions really commit."""

    app: Flask
    school_id: int
    student_id: int
    master: By
    head: By

    def new_case(self) -> int:
        """A case that nobody has touched."""
        with self.app.app_context():
            enter_school(db.session, self.school_id)
            plan = Plan("Come daily.", "Check in.")
            case = service.open_case(db.session, self.student_id, plan, by=self.master, today=TODAY)
            db.session.commit()
            return case.id

    def at_once(self, *acts: Callable[[Any], Any]) -> list[str]:
        """Let each act in a transaction and thread of its own begin at the same moment; what became of each."""
        ready = Barrier(len(acts))

        def run(act: Callable[[Any], Any]) -> str:
            with self.app.app_context():
                enter_school(db.session, self.school_id)
                # The connection is open, and the transaction begun, before anybody starts.
                db.session.scalars(select(Case.id).limit(1)).all()
                ready.wait(timeout=20)
                try:
                    act(db.session)
                    db.session.commit()
                except DomainError as error:
                    db.session.rollback()
                    return type(error).__name__
                return "done"

        with ThreadPoolExecutor(len(acts)) as pool:
            return sorted(pool.map(run, acts))

    def read(self, find: Callable[[Any], Any]) -> Any:
        """What is in the database afterwards."""
        with self.app.app_context():
            enter_school(db.session, self.school_id)
            return find(db.session)


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Place]:
    """The school."""
    url = make_url(settings.database_url)
    own = url.set(database=f"{url.database}_together").render_as_string(hide_password=False)
    if database_exists(own):
        drop_database(own)
    create_database(own, encoding="utf8mb4")
    app = create_app(replace(settings, database_url=own))
    with app.app_context():
        upgrade()
        ours = factories.two_schools(db.session).ours
        people = [By(one.id, one.name) for one in (ours.form_master, ours.head)]
        found = Place(app, ours.school.id, ours.student.id, *people)
        db.session.commit()
    yield found
    with app.app_context():
        db.engine.dispose()
    drop_database(own)
