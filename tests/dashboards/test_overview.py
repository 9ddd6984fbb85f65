"""The first page of heads and admins counts what hangs loose, and offers a way only to what there is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select

from school_app.accounts.models import AccountStatus
from school_app.alerts.models import Alert, RiskProfile
from school_app.core.permissions import Role
from school_app.summaries.models import FormDay
from tests.factories import TwoSchools, account, school
from tests.visits import log_in


def loose_ends(page: str) -> str:
    return page[page.index('id="loose"') :]


def test_what_hangs_loose_is_counted_and_shown(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.scalars(select(Alert)).one().assigned_to = None
    ours.form_master.status = AccountStatus.DISABLED
    session.commit()
    page = loose_ends(log_in(client, ours.admin).get("/").text)
    assert "1 alert that nobody has to decide" in page
    assert "1 case whose champion has left" in page
    assert page.count("Show<") == 2


def test_where_nothing_hangs_loose_there_is_nothing_to_show(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.execute(
        delete(RiskProfile).where(RiskProfile.level.is_(None)), execution_options={"audit_reason": "all are judged"}
    )
    session.commit()
    page = loose_ends(log_in(client, ours.admin).get("/").text)
    assert "None: every alert has somebody to decide on it" in page
    assert "Show<" not in page


def test_an_empty_school_says_where_to_begin(client: Any, session: Any) -> None:
    school(session, "empty")
    admin = account(session, "admin.empty", Role.SCHOOL_ADMIN)
    head = account(session, "head.empty", Role.HEAD_OF_YEAR)
    session.commit()
    log_in(client, admin)
    assert "Bring in the roster" in client.get("/").text
    assert "No student is here yet" in client.get("/students").text
    page = log_in(client.application.test_client(), head).get("/").text
    assert "Your school’s admin says who is head of which year." in page
    assert "Bring in the roster" not in page


def test_what_is_counted_of_today_stands_beside_the_registers(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours, today = two_schools.ours, datetime.now(UTC).date()
    session.add(FormDay(date=today, place=ours.form.id, form_id=ours.form.id, present=20, late=2, absent_excused=1))
    session.add(FormDay(date=today, place=ours.other_form.id, form_id=ours.other_form.id, unknown=25))
    session.commit()
    assert "Counted so far: 20 present, 2 late, 1 absent, 25 unknown." in log_in(client, ours.admin).get("/").text
