"""Fixtures of kept pages: what keeps them, which are made, and the browser of a master whose home is kept."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from school_app.core import fragments
from tests.factories import TwoSchools
from tests.visits import log_in, long_after_writing


@pytest.fixture
def store(app: Flask) -> fragments.Fragments:
    """What keeps the app's pages, as it is while Redis answers."""
    found = fragments.of(app)
    assert found is not None
    found._rests_until = 0.0
    found._owed.clear()
    return found


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pages that are made from here on."""
    from school_app.dashboards import home

    seen: list[str] = []
    make = home.home

    def noting(*args: Any, **kwargs: Any) -> Any:
        seen.append("home")
        return make(*args, **kwargs)

    monkeypatch.setattr(home, "home", noting)
    return seen


@pytest.fixture
def master(store: fragments.Fragments, client: FlaskClient, session: Any, two_schools: TwoSchools) -> FlaskClient:
    """The browser of a master whose home is kept."""
    session.commit()
    log_in(client, two_schools.ours.form_master)
    long_after_writing(client)
    assert client.get("/").status_code == 200
    return client
