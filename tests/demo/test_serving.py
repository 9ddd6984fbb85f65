"""The one process that shows the demo leaves its database to the requests."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from school_app.core.db import db
from school_app.core.tenancy import all_schools
from school_app.demo import commands
from school_app.schools.models import School


def test_a_demo_that_is_there_already_leaves_no_transaction_open(
    app: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_loaded(found: Any) -> bool:
        with all_schools(found):
            found.scalars(select(School)).all()
        return True

    monkeypatch.setattr(commands.demo, "is_loaded", is_loaded)
    with app.app_context():
        assert commands._load() is False
        assert not db.session().in_transaction()
