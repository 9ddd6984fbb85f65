"""A flood of refusals: the first of a minute stand singly, the rest is counted and told, and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.audit import refusals
from school_app.audit.events import Event
from school_app.audit.models import AuditRow, RefusalTally
from school_app.core import clock
from school_app.core.tenancy import all_schools
from tests.factories import TwoSchools
from tests.visits import log_in
from workers import jobs, schedule

MORNING = datetime(2026, 11, 20, 8, 0, 10, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_to


def rows(session: Any, event: Event) -> list[Any]:
    columns = (AuditRow.actor_id, AuditRow.actor_name, AuditRow.school_id, AuditRow.reason)
    with all_schools(session):
        return list(session.execute(select(*columns).where(AuditRow.event == event).order_by(AuditRow.id)))


def tell(session: Any) -> int:
    with all_schools(session):
        return refusals.tell_refusals(session)


def test_a_flood_leaves_a_few_rows_and_one_that_says_how_many_more(
    client: Any, session: Any, two_schools: TwoSchools, at: Any
) -> None:
    who = (two_schools.ours.teacher.id, two_schools.ours.school.id)
    session.commit()
    log_in(client, two_schools.ours.teacher)
    at(MORNING)
    for number in range(refusals.SINGLY + 37):
        assert client.get(f"/students/{900_000 + number}").status_code == 404
    assert len(rows(session, Event.REFUSED)) == refusals.SINGLY
    assert tell(session) == 0, "The minute is not over."
    at(MORNING + timedelta(minutes=1))
    assert tell(session) == 1
    told = rows(session, Event.REFUSED_OFTEN)
    assert [(one.actor_id, one.school_id) for one in told] == [who]
    assert told[0].reason.startswith("37 more in the minute from 2026-11-20 08:00 UTC")
    assert tell(session) == 0
    with all_schools(session):
        assert session.scalar(select(func.count()).select_from(RefusalTally)) == 0


def test_each_minute_and_each_account_has_its_own_measure(
    app: Any, client: Any, session: Any, two_schools: TwoSchools, at: Any
) -> None:
    session.commit()
    flooding, other = log_in(client, two_schools.ours.teacher), log_in(app.test_client(), two_schools.ours.head)
    for minute in (0, 1):
        at(MORNING + timedelta(minutes=minute))
        for _ in range(refusals.SINGLY + 2):
            flooding.get("/students/900000")
    other.get("/students/900001")
    assert len(rows(session, Event.REFUSED)) == 2 * refusals.SINGLY + 1
    at(MORNING + timedelta(minutes=3))
    assert tell(session) == 2
    assert [one.reason.split()[0] for one in rows(session, Event.REFUSED_OFTEN)] == ["2", "2"]


def test_few_refusals_are_told_by_their_own_rows_alone(
    client: Any, session: Any, two_schools: TwoSchools, at: Any
) -> None:
    session.commit()
    log_in(client, two_schools.ours.teacher)
    at(MORNING)
    client.get("/students/900000")
    at(MORNING + timedelta(minutes=2))
    assert tell(session) == 0
    assert len(rows(session, Event.REFUSED)) == 1


def test_an_operator_who_is_refused_outside_of_any_school_is_counted_too(
    client: Any, session: Any, two_schools: TwoSchools, at: Any
) -> None:
    session.commit()
    log_in(client, two_schools.operator)
    at(MORNING)
    for _ in range(refusals.SINGLY + 5):
        assert client.get("/students/1").status_code in (403, 404)
    at(MORNING + timedelta(minutes=1))
    assert tell(session) == 1
    assert [(one.actor_name, one.school_id) for one in rows(session, Event.REFUSED_OFTEN)] == [("Olive Operator", None)]


def test_the_scheduler_tells_refusals_and_commits_them(
    app: Any, client: Any, session: Any, two_schools: TwoSchools, at: Any
) -> None:
    session.commit()
    log_in(client, two_schools.ours.teacher)
    at(MORNING)
    for _ in range(refusals.SINGLY + 1):
        client.get("/students/900000")
    at(MORNING + timedelta(minutes=1))
    schedule.tick(app, schedule.OwnSlots(), clock.now())
    assert [one.reason.split()[0] for one in rows(session, Event.REFUSED_OFTEN)] == ["1"]
    with app.app_context(), all_schools(jobs.db.session):
        assert jobs.tell_refusals() == {"told": 0}
