"""What becomes of an export whose job breaks, is refused or is lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from school_app.accounts.models import AccountRole
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core import clock
from school_app.core.jobs import JobRun, JobStatus
from school_app.history import exports
from school_app.history.models import HistoryExport
from tests.factories import TwoSchools
from tests.history.exporting import asked, carried_out, file_of, lines, recorded, written

pytestmark = pytest.mark.usefixtures("small_pieces")


def test_an_export_is_given_up_when_its_account_loses_the_right_on_the_way(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor_id = two_schools.ours.auditor.id
    written(session, AuditRow, 100, back=1)
    session.commit()
    asked(session, auditor)
    read = exports.rows_before

    def read_and_revoke(session: Any, filters: Any, key: Any, *, limit: int) -> Any:
        if key is not None:
            session.execute(
                delete(AccountRole).where(AccountRole.account_id == auditor_id),
                execution_options={"audit_reason": "a test"},
            )
        return read(session, filters, key, limit=limit)

    monkeypatch.setattr(exports, "rows_before", read_and_revoke)
    status, error = carried_out(session, auditor)
    assert status is JobStatus.FAILED
    assert "may not read the history any more" in error
    assert list(folder.iterdir()) == []
    assert "Came to nothing." in auditor.get("/audit/exports").text
    [(_, reason, _)] = recorded(session, Event.REFUSED)
    assert "given up" in reason


def test_an_export_that_breaks_leaves_no_file_and_is_whole_when_it_is_done_again(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(session, AuditRow, 100, back=1)
    session.commit()
    export_id = asked(session, auditor)
    with monkeypatch.context() as broken:
        broken.setattr(exports.os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left")))
        assert carried_out(session, auditor)[0] is JobStatus.QUEUED
    assert list(folder.iterdir()) == []
    page = auditor.get("/audit/exports").text
    assert "is tried again" in page
    assert "100 events" not in page
    assert auditor.get(f"/audit/exports/{export_id}/file").status_code == 404
    assert carried_out(session, auditor) == (JobStatus.DONE, None)
    assert len(lines(file_of(auditor, export_id)[0])) == 100
    assert session.get_one(HistoryExport, export_id).rows == 100


def test_an_export_that_was_cut_in_a_broken_try_is_not_said_to_be_cut_when_the_next_one_holds_everything(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(session, AuditRow, 60, back=1)
    session.commit()
    export_id = asked(session, auditor)
    with monkeypatch.context() as broken:
        broken.setattr(exports, "MOST_ROWS", 50)
        broken.setattr(exports.os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left")))
        carried_out(session, auditor)
    carried_out(session, auditor)
    assert len(lines(file_of(auditor, export_id)[0])) == 60
    assert not session.get_one(HistoryExport, export_id).is_cut


@pytest.mark.parametrize(
    ("status", "silent_minutes", "said", "is_watched"),
    [
        (JobStatus.RUNNING, 1, "<progress", True),
        (JobStatus.RUNNING, 2, "Broken off", True),
        (JobStatus.FAILED, 2, "Came to nothing.", False),
    ],
)
def test_the_page_says_of_an_export_what_became_of_its_job(
    auditor: Any, session: Any, status: JobStatus, silent_minutes: int, said: str, is_watched: bool
) -> None:
    export = session.get_one(HistoryExport, asked(session, auditor))
    job = session.get_one(JobRun, export.job_run_id)
    job.status, job.attempts = status, 3
    job.started_at = job.alive_at = clock.now() - timedelta(minutes=silent_minutes)
    session.commit()
    page = auditor.get("/audit/exports").text
    assert said in page
    assert ('http-equiv="refresh"' in page) is is_watched


def test_a_refusal_in_a_job_is_told_in_one_line(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(session, auditor)
    session.execute(
        delete(AccountRole).where(AccountRole.account_id == two_schools.ours.auditor.id),
        execution_options={"audit_reason": "a test"},
    )
    written(session, AuditRow, 1, back=1)
    capsys.readouterr()
    assert carried_out(session, auditor)[0] is JobStatus.FAILED
    told = "".join(capsys.readouterr())
    assert "job_refused" in told
    assert "Traceback" not in told
