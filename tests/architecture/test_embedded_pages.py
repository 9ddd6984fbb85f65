"""Every page opens in the embedded default as well, whose database takes other SQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from school_app.audit.models import AuditRow
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.tenancy import use_school
from tests import worlds
from tests.architecture.test_reads import PEOPLE, Place, visits_of
from tests.databases import embedded_app


@pytest.fixture(scope="module")
def place(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An app over SQLite, with the two schools."""
    with embedded_app(settings, tmp_path_factory.mktemp("embedded")) as app:
        with app.app_context():
            schools = worlds.keep_two_schools(db.session)
            with use_school(db.session, schools.ours.school.id):
                row = db.session.query(AuditRow).order_by(AuditRow.id).first()
                db.session.expunge(row)
                schools.ours.things["audit_row"] = row
                db.session.commit()
        yield Place(app, schools)


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_opens_on_sqlite(place: Place, who: str) -> None:
    client, opened = place.client(who), {}
    for endpoint, behind in visits_of(who):
        opened[f"{endpoint}{behind}"] = client.get(place.path(endpoint, behind)).status_code
    # Nothing was sealed yet.
    assert opened.pop("audit.seal", 404) == 404
    assert {path: status for path, status in opened.items() if status != 200} == {}
