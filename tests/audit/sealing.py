"""What tests of seals share: an empty log, rows of some days, and sealing them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from school_app.audit.models import AuditRow, SealRun
from school_app.audit.seals import seal
from school_app.core.tenancy import all_schools
from tests.factories import TwoSchools

FIRST = date(2025, 3, 1)
LAST = date(2025, 3, 3)


@pytest.fixture
def everywhere(session: Any, two_schools: TwoSchools) -> Iterator[Any]:
    """The session of a job, in a log that holds nothing yet."""
    with all_schools(session):
        session.execute(delete(AuditRow))
        yield session


def write(session: Any, school_id: int | None, day: date, number: int = 3) -> list[int]:
    """Some rows of a day; their ids."""
    rows = [
        AuditRow(
            created_at=datetime(day.year, day.month, day.day, 8 + one, tzinfo=UTC),
            school_id=school_id,
            actor_name="Ängström",
            event="row.changed",
            changes={"name": [None, f"x {one}"]},
        )
        for one in range(number)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def write_days(session: Any, world: TwoSchools) -> list[int]:
    """Three days of two schools and the platform."""
    ids = []
    for back in range(3):
        for school_id in (world.ours.school.id, world.theirs.school.id, None):
            ids += write(session, school_id, FIRST + timedelta(back))
    return ids


def sealed(session: Any, until: date = LAST + timedelta(1)) -> list[SealRun]:
    return list(seal(session, until))
