"""Exports as a test makes them: rows written, a file asked for, its job carried out, the file taken away."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.core import clock
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.tenancy import all_schools
from school_app.history.models import HistoryExport
from tests.visits import send
from workers import carrying


def written(session: Any, model: Any, count: int, *, back: float, **values: Any) -> None:
    """Write rows a minute apart, the latest so many days ago."""
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
        carrying.carry_out(job_run_id)
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
        assert answer.headers["Cache-Control"] == "no-store, private"
        return answer.data, answer.headers["Content-Disposition"]


def lines(data: bytes) -> list[dict[str, str]]:
    """The lines of a file of CSV by their columns."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def recorded(session: Any, event: Event) -> list[Any]:
    """What is on record of an event: actor, reason and student, the earliest first."""
    columns = (AuditRow.actor_id, AuditRow.reason, AuditRow.student_id)
    return list(session.execute(select(*columns).where(AuditRow.event == event).order_by(AuditRow.id)))
