"""Who may take an export away, until when and how many, and that it is on record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core import clock
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools
from school_app.history import exports
from school_app.history.models import HistoryExport
from tests.factories import TwoSchools, account
from tests.history.exporting import asked, made, recorded, written
from tests.visits import log_in, send
from workers import carrying

pytestmark = pytest.mark.usefixtures("small_pieces")
LOGIN = "/login"


def test_the_export_and_its_taking_away_are_recorded(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    ours = two_schools.ours
    auditor_id, student_id = ours.auditor.id, ours.student.id
    written(session, AuditRow, 3, back=1, student_id=student_id)
    session.commit()
    made(session, auditor, student=student_id)
    [(actor, reason, student)] = recorded(session, Event.EXPORTED)
    assert (actor, student) == (auditor_id, student_id)
    assert "3 rows, csv" in reason
    assert f"student {student_id}" in reason
    assert [one.actor_id for one in recorded(session, Event.EXPORT_TAKEN)] == [auditor_id]
    assert "What concerns" not in reason
    page = auditor.get("/audit?event=data.exported").text
    assert "Pupil canary-ours 0" in page


def test_nobody_but_who_asked_takes_a_file_away(
    app: Any, auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    colleague = account(session, "second.auditor", Role.AUDITOR)
    written(session, AuditRow, 1, back=1)
    session.commit()
    others = [log_in(app.test_client(), one) for one in (colleague, two_schools.theirs.auditor)]
    admin = log_in(app.test_client(), two_schools.ours.admin)
    export_id, _ = made(session, auditor)
    assert [one.get(f"/audit/exports/{export_id}/file").status_code for one in others] == [404, 404]
    assert [f"/audit/exports/{export_id}" in one.get("/audit/exports").text for one in (auditor, *others)] == [
        True,
        False,
        False,
    ]
    assert admin.get(f"/audit/exports/{export_id}/file").status_code == 403
    assert LOGIN in app.test_client().get(f"/audit/exports/{export_id}/file").headers["Location"]


def test_a_file_is_refused_once_its_account_is_disabled_or_has_a_new_password_or_lost_the_right(
    app: Any, auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    auditor_id = two_schools.ours.auditor.id
    written(session, AuditRow, 1, back=1)
    session.commit()
    export_id, _ = made(session, auditor)
    path = f"/audit/exports/{export_id}/file"
    person = session.get(Account, auditor_id)
    person.status = AccountStatus.DISABLED
    session.commit()
    assert LOGIN in auditor.get(path).headers["Location"]
    person.status, person.session_version = AccountStatus.ACTIVE, person.session_version + 1
    session.commit()
    assert LOGIN in auditor.get(path).headers["Location"]
    again = log_in(app.test_client(), session.get(Account, auditor_id))
    assert again.get("/audit").status_code == 200
    assert again.get(path).status_code == 404
    session.execute(
        delete(AccountRole).where(AccountRole.account_id == auditor_id), execution_options={"audit_reason": "a test"}
    )
    session.commit()
    assert again.get(path).status_code == 403


def test_a_file_is_refused_after_its_day_and_destroyed_by_the_next_cleaning(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(session, AuditRow, 1, back=1)
    session.commit()
    export_id, _ = made(session, auditor)
    stray = folder / "left-by-a-broken-run.part"
    stray.touch()
    with all_schools(session):
        assert exports.prune(session, settings) == 0
    later = clock.now() + timedelta(days=1, minutes=1)
    with monkeypatch.context() as moved:
        moved.setattr(clock, "now", lambda: later)
        assert auditor.get(f"/audit/exports/{export_id}/file").status_code == 404
        with all_schools(session):
            assert exports.prune(session, settings) == 2
    assert list(folder.iterdir()) == []


def test_as_many_exports_are_kept_as_may_be_and_one_that_came_to_nothing_takes_no_place(
    auditor: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_KEPT", 2)
    for _ in range(2):
        export_id = asked(session, auditor)
    send(auditor, "/audit/exports", format="csv")
    assert "You have 2 exports already" in auditor.get("/audit/exports").text
    job = session.get_one(JobRun, session.get_one(HistoryExport, export_id).job_run_id)
    # Its worker was lost: as long as it is begun anew by itself, it will be a file.
    job.status, job.attempts, job.alive_at = JobStatus.RUNNING, 3, clock.now() - timedelta(minutes=2)
    session.commit()
    send(auditor, "/audit/exports", format="csv")
    assert "You have 2 exports already" in auditor.get("/audit/exports").text
    with auditor.application.app_context():
        carrying.carry_out(job.id)
    assert asked(session, auditor) != export_id


def test_the_page_of_exports_takes_as_many_statements_however_many_there_are(
    auditor: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    counts = []
    for number in range(3):
        asked(session, auditor, student=two_schools.ours.students[number].id)
        statements.clear()
        page = auditor.get("/audit/exports").text
        assert f"Pupil canary-ours {number}" in page
        counts.append(len(statements))
    assert counts[0] == counts[2]
