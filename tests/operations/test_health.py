"""The two addresses that a load balancer asks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from school_app.core.db import SchoolSession
from school_app.core.tenancy import NoSchool, all_schools, enter_school
from school_app.operations import queries
from tests.factories import TwoSchools


def test_a_living_process_says_so(client: Any) -> None:
    assert client.get("/health/live").status_code == 200


def test_a_process_with_its_database_and_redis_is_ready(client: Any) -> None:
    found = client.get("/health/ready")
    assert (found.status_code, found.json) == (200, {"status": "ready", "database": True, "redis": True})


def test_a_process_without_its_database_is_not_ready(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone away"))

    monkeypatch.setattr(SchoolSession, "execute", refuse)
    found = client.get("/health/ready")
    assert (found.status_code, found.json["database"]) == (503, False)
    assert "gone away" not in found.text


def test_schools_are_counted_without_naming_a_student(session: Any, two_schools: TwoSchools) -> None:
    enter_school(session, None)
    with pytest.raises(NoSchool):
        queries.school_sizes(session)
    with all_schools(session):
        sizes = queries.school_sizes(session)
    assert [(size.slug, size.students, size.forms) for size in sizes] == [("ours", 6, 2), ("theirs", 6, 2)]
