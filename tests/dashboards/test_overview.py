"""The first page of heads and admins counts what hangs loose, and offers a way only to what there is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from school_app.accounts.models import AccountStatus
from school_app.alerts.models import Alert, RiskProfile
from tests.factories import TwoSchools
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
