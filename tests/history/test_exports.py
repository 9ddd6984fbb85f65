"""Exports of the history: every row that was asked for, no other, for who asked alone, on record, gone after a day."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.core import clock
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, enter_school, use_school
from school_app.history import exports
from school_app.history.models import ExportStatus, HistoryExport
from school_app.history.written import COLUMNS, safe
from tests.audit.cold.kept import archive, cooled, old_rows, years_ago
from tests.factories import TwoSchools, account
from tests.visits import log_in, send
from workers import jobs

LOGIN = "/login"
ODD = 'line one\nline two, "quoted" ; ünïcode ✓ \u2028'


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 40)


@pytest.fixture
def auditor(client: Any, session: Any, two_schools: TwoSchools) -> Any:
    session.commit()
    return log_in(client, two_schools.ours.auditor)


@pytest.fixture
def folder(settings: Any) -> Iterator[Path]:
    """Where the files lie; empty before and after."""
    path: Path = settings.data_dir / exports.FOLDER
    yield path
    for one in path.iterdir() if path.is_dir() else ():
        one.unlink()


def written(session: Any, model: Any, count: int, *, back: float, **values: Any) -> None:
    start = clock.now() - timedelta(days=back)
    row = {"actor_name": "somebody", "event": "x.happened", "reason": None, **values}
    rows = [{**row, "created_at": start - timedelta(minutes=number)} for number in range(count)]
    if model is ArchivedAuditRow:
        rows = [{**one, "id": 5_000_000 + number} for number, one in enumerate(rows)]
    session.execute(insert(model), rows)
    session.flush()


def asked(session: Any, client: Any, **data: Any) -> int:
    """Ask for an export and return its id; its job waits."""
    answer = send(client, "/audit/exports", **{"format": "csv", "event": "x.happened", **data})
    assert answer.status_code == 303, answer.text
    session.expire_all()
    return int(session.scalars(select(HistoryExport.id).order_by(HistoryExport.id.desc())).first())


def carried_out(session: Any, client: Any) -> tuple[JobStatus, str | None]:
    """Do the newest job of an export, in a context of its own as a worker does; how it ended."""
    with all_schools(session):
        waiting = select(JobRun.id).where(JobRun.name.endswith("export_history")).order_by(JobRun.id.desc())
        job_run_id = session.scalars(waiting).first()
    session.commit()
    with client.application.app_context():
        jobs.carry_out(job_run_id)
    session.expire_all()
    with all_schools(session):
        status, error = session.execute(select(JobRun.status, JobRun.error).where(JobRun.id == job_run_id)).one()
    return status, error


def made(session: Any, client: Any, **data: Any) -> tuple[int, bytes]:
    """Ask, carry out, take away."""
    export_id = asked(session, client, **data)
    assert carried_out(session, client) == (JobStatus.DONE, None)
    return export_id, file_of(client, export_id)[0]


def file_of(client: Any, export_id: int) -> tuple[bytes, str]:
    """A file that is taken away, and the name it is given."""
    with client.get(f"/audit/exports/{export_id}/file") as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.data, answer.headers["Content-Disposition"]


def lines(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def recorded(session: Any, event: Event) -> list[Any]:
    columns = (AuditRow.actor_id, AuditRow.reason, AuditRow.student_id)
    return list(session.execute(select(*columns).where(AuditRow.event == event).order_by(AuditRow.id)))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_holds_every_row_over_live_and_archived_ones_the_latest_first(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, form: str
) -> None:
    written(session, AuditRow, 100, back=1, student_id=two_schools.ours.student.id)
    written(session, ArchivedAuditRow, 95, back=20)
    with use_school(session, two_schools.theirs.school.id):
        written(session, AuditRow, 10, back=1, reason=two_schools.theirs.canary)
    session.commit()
    _, data = made(session, auditor, format=form)
    rows = lines(data) if form == "csv" else [json.loads(line) for line in data.decode().splitlines()]
    assert len(rows) == 195
    assert list(rows[0]) == list(COLUMNS)
    moments = [(row["created_at"], int(row["id"])) for row in rows]
    assert moments == sorted(set(moments), reverse=True)
    assert two_schools.theirs.canary not in data.decode()
    assert rows[0]["student"] == "Pupil canary-ours 0"


def test_texts_come_through_whole_and_no_cell_is_a_formula(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    begun = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "＝1", ODD)
    for text in begun:
        written(session, AuditRow, 1, back=1, reason=text, changes={"given_name": ["=cmd()", text]})
    session.commit()
    _, data = made(session, auditor)
    assert data.startswith(b"\xef\xbb\xbfid,")
    rows = lines(data)
    assert {row["reason"] for row in rows} == {ODD, *(f"'{text}" for text in begun[:-1])}
    assert not any(
        cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values()
    )
    _, data = made(session, auditor, format="jsonl")
    found = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    assert {one["reason"] for one in found} == set(begun)
    assert found[0]["changes"]["given_name"][0] == "=cmd()"


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [safe(value) for value in ("a=b", "9A", "", None, 5, "{}")] == ["a=b", "9A", "", None, 5, "{}"]


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


def test_rows_that_are_written_after_the_export_was_asked_for_are_not_in_it(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    written(session, AuditRow, 3, back=1)
    session.commit()
    export_id = asked(session, auditor)
    written(session, AuditRow, 1, back=-0.0001)
    session.commit()
    carried_out(session, auditor)
    assert len(lines(file_of(auditor, export_id)[0])) == 3


def test_the_cap_is_stated_and_the_latest_rows_are_kept(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 50)
    written(session, AuditRow, 51, back=1, entity_id=1)
    session.commit()
    export_id, data = made(session, auditor)
    assert len(lines(data)) == 50
    page = auditor.get("/audit/exports").text
    assert "an export holds 50 events at most" in page
    assert "-latest-50-rows.csv" in file_of(auditor, export_id)[1]
    monkeypatch.setattr(exports, "MOST_ROWS", 51)
    made(session, auditor)
    assert auditor.get("/audit/exports").text.count("events at most") == 1


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


def test_an_export_is_given_up_when_its_account_loses_the_right_on_the_way(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor_id = two_schools.ours.auditor.id
    written(session, AuditRow, 100, back=1)
    session.commit()
    export_id = asked(session, auditor)
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
    assert session.get_one(HistoryExport, export_id).status is ExportStatus.FAILED
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
    export = session.get_one(HistoryExport, export_id)
    assert (export.status, export.rows) == (ExportStatus.WAITING, 0)
    assert "is tried again" in auditor.get("/audit/exports").text
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


def test_the_page_says_of_an_export_whose_worker_was_lost_that_it_was_broken_off(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    for other in session.scalars(select(HistoryExport)):
        other.status = ExportStatus.FAILED
    session.commit()
    export = session.get_one(HistoryExport, asked(session, auditor))
    for minutes, said, is_watched in ((1, "<progress", True), (10, "Broken off.", False)):
        export.status, export.alive_at = ExportStatus.RUNNING, clock.now() - timedelta(minutes=minutes)
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


def test_an_export_goes_on_into_cold_files(
    app: Any,
    auditor: Any,
    session: Any,
    two_schools: TwoSchools,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, year = Folder(tmp_path / "cold"), years_ago(3)
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    old = old_rows(year, [ours, theirs], each=90)
    with all_schools(session):
        archive(session, old)
        cooled(session, place)
        assert session.scalar(select(func.count()).select_from(ArchivedAuditRow)) == 0
    enter_school(session, ours)
    written(session, AuditRow, 50, back=1)
    session.commit()
    _, data = made(session, auditor, event="", **{"from": f"{year}-01-01"})
    found = [int(row["id"]) for row in lines(data)]
    wanted = sorted((row for row in old if row["school_id"] == ours), key=lambda row: row["created_at"], reverse=True)
    assert found[-90:] == [row["id"] for row in wanted]
    assert len(found) == len(set(found)) >= 140


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


def test_as_many_exports_are_kept_as_may_be(
    auditor: Any, session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_KEPT", 2)
    for _ in range(2):
        asked(session, auditor)
    send(auditor, "/audit/exports", format="csv")
    assert "You have 2 exports already" in auditor.get("/audit/exports").text


@pytest.mark.parametrize(
    ("data", "said"), [({"format": "xls"}, "choose CSV"), ({"format": "csv", "from": "x"}, "days")]
)
def test_what_cannot_be_exported_is_refused_with_the_reason(auditor: Any, data: dict[str, str], said: str) -> None:
    answer = send(auditor, "/audit/exports", **data)
    assert answer.status_code == 400
    assert said in answer.text


def test_an_export_of_the_earliest_days_can_be_looked_at_afterwards(session: Any, auditor: Any) -> None:
    assert asked(session, auditor, to="1900-01-05")
    assert auditor.get("/audit/exports").status_code == 200


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
