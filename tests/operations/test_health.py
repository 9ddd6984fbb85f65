"""The two addresses that a load balancer asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from school_app.archiving import years
from school_app.audit import partitions
from school_app.core.db import SchoolSession
from school_app.core.tenancy import NoSchool, all_schools, enter_school
from school_app.operations import queries
from tests.factories import TwoSchools
from tests.visits import log_in

EVERYTHING = {"status": "ready", "database": True, "redis": True, "audit_partitions": True}


def test_a_living_process_says_so(client: Any) -> None:
    assert client.get("/health/live").status_code == 200


def test_a_process_with_its_database_and_redis_is_ready(client: Any) -> None:
    found = client.get("/health/ready")
    assert (found.status_code, found.json) == (200, EVERYTHING)


def test_readiness_says_that_a_year_has_no_partition_and_keeps_the_pages(
    client: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(client, two_schools.operator)
    with monkeypatch.context() as patched:
        patched.setattr(years, "YEARS_AHEAD", 3)
        found = client.get("/health/ready")
        assert (found.status_code, found.json) == (200, {**EVERYTHING, "audit_partitions": False})
        for address in ("/platform/schools", "/platform/jobs", "/platform/audit-runs"):
            page = client.get(address).text
            for table in partitions.TABLES:
                assert f"{table} has no partition of {datetime.now(UTC).year + 3}" in page
    assert "has no partition" not in client.get("/platform/jobs").text


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
        sizes = queries.school_sizes(session).rows
    assert [(size.slug, size.students, size.forms) for size in sizes] == [("ours", 6, 2), ("theirs", 6, 2)]
