"""The filled database that the tests of this folder read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from tests import worlds
from tests.databases import app_of_its_own
from tests.factories import TwoSchools
from tests.plans.filled import crowd, fill, list_names, refresh_statistics

PEOPLE = ("form_master", "head", "admin", "auditor")


@pytest.fixture(scope="package")
def filled(settings: Settings) -> Iterator[tuple[Flask, dict[str, Any]]]:
    """An app over a database of its own, with two schools of about a thousand students."""
    with app_of_its_own(settings, "plans") as app:
        with app.app_context():
            schools = worlds.two_schools(db.session)
            found = _named(schools)
            db.session.commit()
            with db.engine.begin() as connection:
                fill(connection, schools.ours, clock.today("UTC"))
                fill(connection, schools.theirs, clock.today("UTC"))
                crowd(connection, schools.theirs)
            list_names(db.session)
            with db.engine.begin() as connection:
                refresh_statistics(connection)
        yield app, found


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
