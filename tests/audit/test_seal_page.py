"""The newest seal: auditors see their school's, and can take it away as a text that proves itself."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select

from school_app.audit.events import Event
from school_app.audit.models import AuditRow, AuditSeal
from school_app.core.tenancy import all_schools, enter_school
from tests.audit.sealing import FIRST, LAST, sealed, write
from tests.factories import TwoSchools
from tests.visits import log_in


def sealed_schools(session: Any, world: TwoSchools) -> tuple[str, str]:
    """Seal three days of ours, and a fourth of theirs; the newest hash of each."""
    with all_schools(session):
        session.execute(delete(AuditRow))
        for back in range(3):
            write(session, world.ours.school.id, FIRST + timedelta(back))
        write(session, world.theirs.school.id, LAST + timedelta(1))
        sealed(session, LAST + timedelta(2))
        newest = {
            school_id: hash_
            for school_id, hash_ in session.execute(select(AuditSeal.school_id, AuditSeal.hash).order_by(AuditSeal.day))
        }
    enter_school(session, world.ours.school.id)
    session.commit()
    return newest[world.ours.school.id], newest[world.theirs.school.id]


def test_the_newest_seal_stands_on_the_history_and_can_be_taken_away(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours, theirs = sealed_schools(session, two_schools)
    auditor = log_in(client, two_schools.ours.auditor)
    page = auditor.get("/audit").text
    assert ours in page
    assert theirs not in page
    answer = auditor.get("/audit/seal")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert sha256(answer.data).hexdigest() == ours
    assert f"seal-2025-03-03-{ours}.txt" in answer.headers["Content-Disposition"]
    assert f"school: {two_schools.ours.school.id}\n" in answer.text
    told = session.scalars(select(AuditRow.reason).where(AuditRow.event == Event.EXPORTED)).all()
    assert told == [f"the seal of 2025-03-03, {ours}"]


def test_before_the_first_seal_there_is_none(client: Any, session: Any, two_schools: TwoSchools) -> None:
    auditor = log_in(client, two_schools.ours.auditor)
    assert "Newest seal" not in auditor.get("/audit").text
    assert auditor.get("/audit/seal").status_code == 404
