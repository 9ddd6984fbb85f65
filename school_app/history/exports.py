"""Exports of the history: asked for by a page, written by a job, taken away by who asked, gone after a day.

history.export_routes and workers.jobs use it; it never commits. How far an export is that is not whole, and that two
tries never write the same one, is for the claim of its job alone (core.claims).
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.login import load_viewer
from school_app.accounts.models import Account
from school_app.audit.events import Event
from school_app.audit.queries import Filters, HistoryRow, rows_before
from school_app.audit.service import record
from school_app.config import Settings
from school_app.core import clock, private_files
from school_app.core.claims import is_lost
from school_app.core.errors import DomainError, NotFound
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.permissions import Permission, Viewer
from school_app.core.words import counted
from school_app.history.filters import Asked, asked
from school_app.history.models import ExportFormat, HistoryExport
from school_app.history.names import names_of
from school_app.history.sentences import mentioned, tell
from school_app.history.written import HEAD, WRITTEN, line
from school_app.schools.models import School

AnySession = Session | scoped_session[Any]
JOB = "workers.jobs.export_history"
FOLDER = "exports"
KEPT_FOR = timedelta(days=1)
MOST_ROWS = 1_000_000
MOST_KEPT = 10
CHUNK = 2_000
UNFINISHED = ".part"


class ExportRefused(DomainError):
    """The export cannot be made; str() says why."""


class Stage(enum.StrEnum):
    """How far an export is. One whose worker was lost is begun anew by itself; one that came to nothing is not."""

    WAITING = "waiting"
    RUNNING = "running"
    LOST = "lost"
    TRIED_AGAIN = "tried again"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Kept:
    """An export that is kept, and how far it is."""

    export: HistoryExport
    stage: Stage


@dataclass(frozen=True, slots=True)
class Order:
    """What one try of an export is to hold and where it writes, as values that outlive a commit.

    `left_behind` is the name of the file of the try before it, which was broken off.
    """

    export_id: int
    session_key: str
    timezone: str
    format: ExportFormat
    stored_as: str
    left_behind: str | None
    wanted: Asked

    @property
    def filters(self) -> Filters:
        """The filters."""
        return self.wanted.filters


def ask_for(session: AnySession, wanted: Asked, form: ExportFormat, *, person: Viewer) -> HistoryExport:
    """Write the rows of an export and of its job, which is sent after the commit.

    ExportRefused where as many are kept as may be; one that came to nothing does not count.
    """
    # Whoever asks twice at once waits here for the first, and is counted after it.
    session.execute(select(Account.id).where(Account.id == person.account_id).with_for_update())
    kept = sum(one.stage is not Stage.FAILED for one in exports_of(session, person))
    if kept >= MOST_KEPT:
        raise ExportRefused(f"You have {kept} exports already. Each is destroyed a day after it was asked for.")
    days = {"from": wanted.first.isoformat(), "to": wanted.last.isoformat()}
    export = HistoryExport(
        session_key=person.session_key,
        chosen={**wanted.chosen, **days},
        format=form,
        requested_by=person.account_id,
        requested_by_name=person.name,
    )
    session.add(export)
    session.flush()
    export.job_run_id = enqueue_after_commit(
        session,
        JOB,
        queue="slow",
        requested_by=person.account_id,
        requested_name=person.name,
        export_id=export.id,
    ).id
    return export


def exports_of(session: AnySession, person: Viewer) -> Sequence[Kept]:
    """A person's exports, the latest first: those that were asked for since the password was last set."""
    own = (
        select(HistoryExport, JobRun.status, JobRun.attempts, is_lost(session.get_bind().dialect))
        .join(JobRun, JobRun.id == HistoryExport.job_run_id, isouter=True)
        .where(HistoryExport.session_key == person.session_key, HistoryExport.created_at > clock.now() - KEPT_FOR)
        .order_by(HistoryExport.created_at.desc(), HistoryExport.id.desc())
    )
    found = session.execute(own)
    return [Kept(export, _stage(export, status, attempts, lost)) for export, status, attempts, lost in found]


def _stage(export: HistoryExport, status: JobStatus | None, attempts: int | None, lost: bool | None) -> Stage:
    if export.finished_at is not None:
        return Stage.DONE
    if lost:
        return Stage.LOST
    if status is JobStatus.RUNNING:
        return Stage.RUNNING
    if status is JobStatus.QUEUED:
        return Stage.TRIED_AGAIN if attempts else Stage.WAITING
    # Its job was given up, or there is none any more.
    return Stage.FAILED


def write(session: AnySession, settings: Settings, export_id: int) -> Iterator[int]:
    """Write an export's file, and yield the rows of each piece, after which the caller commits.

    ExportRefused where whoever asked may not read the history any more, at the beginning or on the way, or its day is
    over. Nothing of a file that was not finished is kept.
    """
    folder = settings.data_dir / FOLDER
    order = _begin(session, export_id, folder)
    if order is None:
        return
    yield 0
    # Not before that commit has shown that the job is still this try's: until then this may be the file of a later one.
    if order.left_behind is not None:
        _remove(folder, order.left_behind)
    path, written = folder / f"{order.stored_as}{UNFINISHED}", 0
    try:
        with private_files.create(path) as file:
            file.write(HEAD[order.format].encode())
            for rows in _pieces(session, order):
                _refuse_unless_allowed(session, order)
                file.write(_text(session, order, rows).encode())
                written += len(rows)
                _progress(session, order, written, rows[-1].created_at)
                yield len(rows)
            file.flush()
            os.fsync(file.fileno())
        _finish(session, order, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _begin(session: AnySession, export_id: int, folder: Path) -> Order | None:
    """Begin an export, or begin it anew after a try that was broken off, of which nothing is kept."""
    export = _kept(session, export_id)
    if export.finished_at is not None:
        return None
    left_behind, stored_as = export.stored_as, private_files.new_path(folder).name
    export.stored_as, export.rows, export.reached_at, export.is_cut = stored_as, 0, None, False
    timezone = session.scalars(select(School.timezone)).one()
    wanted = asked(export.chosen, timezone)
    # What is written after the export was asked for is not in it, however long it takes.
    wanted = replace(wanted, filters=replace(wanted.filters, until=min(wanted.filters.until, export.created_at)))
    return Order(export.id, export.session_key, timezone, export.format, stored_as, left_behind, wanted)


def _kept(session: AnySession, export_id: int) -> HistoryExport:
    """The export, locked, so that its day does not end meanwhile. Raises ExportRefused where it has ended."""
    export = session.get(HistoryExport, export_id, with_for_update=True, populate_existing=True)
    if export is None:
        raise ExportRefused("The export's day was over before its file was whole.")
    return export


def _remove(folder: Path, stored_as: str) -> int:
    """Remove an export's file, whole or not; returns how many there were."""
    paths = [path for path in (folder / stored_as, folder / f"{stored_as}{UNFINISHED}") if path.exists()]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def _pieces(session: AnySession, order: Order) -> Iterator[Sequence[HistoryRow]]:
    """The rows of an export, the latest first, as many at a time as fit in memory easily; MOST_ROWS at most."""
    key, left = None, MOST_ROWS
    while left and (rows := rows_before(session, order.filters, key, limit=min(CHUNK, left))):
        left -= len(rows)
        key = (rows[-1].created_at, rows[-1].id)
        yield rows
    if not left and key is not None and rows_before(session, order.filters, key, limit=1):
        _kept(session, order.export_id).is_cut = True


def _text(session: AnySession, order: Order, rows: Sequence[HistoryRow]) -> str:
    names = names_of(session, mentioned(rows), order.timezone)
    return WRITTEN[order.format](line(told, names) for told in tell(rows, names))


def _refuse_unless_allowed(session: AnySession, order: Order) -> None:
    person = load_viewer(session, order.session_key)
    if person is None or not person.may(Permission.AUDIT_VIEW):
        raise ExportRefused("Whoever asked for the export may not read the history any more.")


def _progress(session: AnySession, order: Order, written: int, reached_at: datetime) -> None:
    export = _kept(session, order.export_id)
    export.rows, export.reached_at = written, reached_at


def _finish(session: AnySession, order: Order, path: Path) -> None:
    export = _kept(session, order.export_id)
    export.size_bytes = path.stat().st_size
    path.rename(path.with_suffix(""))
    export.finished_at = clock.now()
    cut = ", cut there" if export.is_cut else ""
    record(
        session,
        Event.EXPORTED,
        export,
        reason=f"the history, {order.wanted.said()}: {counted(export.rows, 'row')}{cut}, {order.format.value}",
        student_id=order.filters.student_id,
    )


def record_refusal(session: AnySession, export_id: int, error: ExportRefused) -> None:
    """Record that an export was given up, and why, where there still is one."""
    export = session.get(HistoryExport, export_id)
    if export is not None:
        record(session, Event.REFUSED, export, reason=f"the export was given up: {error}")


def taken(session: AnySession, settings: Settings, export_id: int, *, person: Viewer) -> tuple[HistoryExport, Path]:
    """A finished export and its file, for who asked for it and within its day; recorded. Raises NotFound."""
    export = session.get(HistoryExport, export_id)
    if export is None or export.session_key != person.session_key or export.finished_at is None:
        raise NotFound("export")
    path = settings.data_dir / FOLDER / str(export.stored_as)
    if export.created_at <= clock.now() - KEPT_FOR or not path.is_file():
        raise NotFound("export")
    record(session, Event.EXPORT_TAKEN, export, reason=f"{counted(export.rows, 'row')}, {export.format.value}")
    return export, path


def prune(session: AnySession, settings: Settings) -> int:
    """Destroy the exports whose day is over, and what broken runs left; returns how many files. It sees all schools."""
    since = clock.now() - KEPT_FOR
    folder, gone = settings.data_dir / FOLDER, 0
    for export in session.scalars(select(HistoryExport).where(HistoryExport.created_at <= since)).all():
        if export.stored_as is not None:
            gone += _remove(folder, export.stored_as)
        session.delete(export)
    session.flush()
    kept = set(session.scalars(select(HistoryExport.stored_as).where(HistoryExport.stored_as.is_not(None))))
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept and path.stat().st_mtime < since.timestamp():
            path.unlink(missing_ok=True)
            gone += 1
    return gone
