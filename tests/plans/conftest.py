"""The filled database that the tests of this folder read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from tests import factories
from tests.factories import ListQueue, TwoSchools
from tests.plans.filled import crowd, fill, refresh_statistics

PEOPLE = ("form_master", "head", "admin", "auditor")


@pytest.fixture(scope="package")
def filled(settings: Settings) -> Iterator[tuple[Flask, dict[str, Any]]]:
    """An app over a database of its own, with two schools of about a thousand students."""
    url = make_url(settings.database_url)
    own = url.set(database=f"{url.database}_plans").render_as_string(hide_password=False)
    if database_exists(own):
        drop_database(own)
    create_database(own, encoding="utf8mb4")
    app = create_app(replace(settings, database_url=own))
    app.extensions["formroom.queue"] = ListQueue()
    with app.app_context():
        upgrade()
        schools = factories.two_schools(db.session)
        found = _named(schools)
        db.session.commit()
        with db.engine.begin() as connection:
            fill(connection, schools.ours, clock.today("UTC"))
            fill(connection, schools.theirs, clock.today("UTC"))
            crowd(connection, schools.theirs)
        with db.engine.begin() as connection:
            refresh_statistics(connection)
    yield app, found
    with app.app_context():
        db.engine.dispose()
    drop_database(own)


def _named(schools: TwoSchools) -> dict[str, Any]:
    ours = schools.ours
    people = {name: getattr(ours, name) for name in PEOPLE}
    for account in people.values():
        db.session.refresh(account)
        db.session.expunge(account)
    named = {
        "student": ours.student.id,
        "case": ours.things["case"].id,
        "school": ours.school.id,
        "slug": ours.school.slug,
    }
    return {**people, **named, "actor": people["head"].id}
