"""Exports of the history: asked for by a page, written by a job, taken away by who asked, gone after a day.

history.export_routes and workers.jobs use it; it never commits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.login import load_viewer
from school_app.audit.events import Event
from school_app.audit.queries import Filters, HistoryRow, rows_before
from school_app.audit.service import record
from school_app.config import Settings
from school_app.core import clock, private_files
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Permission, Viewer
from school_app.history.filters import Asked, asked
from school_app.history.models import ExportFormat, ExportStatus, HistoryExport
from school_app.history.names import names_of
from school_app.history.sentences import mentioned, tell
from school_app.history.written import HEAD, WRITTEN, line
from school_app.schools.models import School

AnySession = Session | scoped_session[Any]
FOLDER = "exports"
KEPT_FOR = timedelta(days=1)
MOST_ROWS = 1_000_000
MOST_KEPT = 10
CHUNK = 2_000


class ExportRefused(DomainError):
    """The export cannot be made; str() says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an export is to hold, as values that outlive a commit."""

    export_id: int
    session_key: str
    timezone: str
    format: ExportFormat
    wanted: Asked

    @property
    def filters(self) -> Filters:
        """The filters."""
        return self.wanted.filters


def ask_for(session: AnySession, wanted: Asked, form: ExportFormat, *, person: Viewer) -> HistoryExport:
    """Write the row of an export; the caller sends the job. ExportRefused where as many are kept as may be."""
    kept = len(exports_of(session, person))
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
    return export


def exports_of(session: AnySession, person: Viewer) -> Sequence[HistoryExport]:
    """A person's exports, the latest first: those that were asked for since the password was last set."""
    since = clock.now() - KEPT_FOR
    own = select(HistoryExport).where(HistoryExport.session_key == person.session_key, HistoryExport.created_at > since)
    return session.scalars(own.order_by(HistoryExport.created_at.desc(), HistoryExport.id.desc())).all()


def write(session: AnySession, settings: Settings, export_id: int) -> Iterator[int]:
    """Write an export's file, and yield the rows of each piece, after which the caller commits.

    ExportRefused where whoever asked may not read the history any more, at the beginning or on the way; nothing of a
    file that was not finished is kept.
    """
    order = _begin(session, export_id)
    if order is None:
        return
    yield 0
    path = private_files.new_path(settings.data_dir / FOLDER, ".part")
    try:
        with private_files.create(path) as file:
            file.write(HEAD[order.format].encode())
            for rows in _pieces(session, order):
                _refuse_unless_allowed(session, order)
                file.write(_text(session, order, rows).encode())
                _progress(session, order, rows)
                yield len(rows)
            file.flush()
            os.fsync(file.fileno())
        _finish(session, order, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _begin(session: AnySession, export_id: int) -> Order | None:
    export = session.get_one(HistoryExport, export_id)
    if export.status is ExportStatus.DONE:
        return None
    export.status, export.rows, export.reached_at = ExportStatus.RUNNING, 0, None
    timezone = session.scalars(select(School.timezone)).one()
    wanted = asked(export.chosen, timezone)
    # What is written after the export was asked for is not in it, however long it takes.
    wanted = replace(wanted, filters=replace(wanted.filters, until=min(wanted.filters.until, export.created_at)))
    return Order(export.id, export.session_key, timezone, export.format, wanted)


def _pieces(session: AnySession, order: Order) -> Iterator[Sequence[HistoryRow]]:
    """The rows of an export, the latest first, as many at a time as fit in memory easily; MOST_ROWS at most."""
    key, left = None, MOST_ROWS
    while left and (rows := rows_before(session, order.filters, key, limit=min(CHUNK, left))):
        left -= len(rows)
        key = (rows[-1].created_at, rows[-1].id)
        yield rows
    if not left and key is not None and rows_before(session, order.filters, key, limit=1):
        session.get_one(HistoryExport, order.export_id).is_cut = True


def _text(session: AnySession, order: Order, rows: Sequence[HistoryRow]) -> str:
    names = names_of(session, mentioned(rows), order.timezone)
    return WRITTEN[order.format](line(told, names) for told in tell(rows, names))


def _refuse_unless_allowed(session: AnySession, order: Order) -> None:
    person = load_viewer(session, order.session_key)
    if person is None or not person.may(Permission.AUDIT_VIEW):
        raise ExportRefused("Whoever asked for the export may not read the history any more.")


def _progress(session: AnySession, order: Order, rows: Sequence[HistoryRow]) -> None:
    export = session.get_one(HistoryExport, order.export_id)
    export.rows += len(rows)
    export.reached_at = rows[-1].created_at


def _finish(session: AnySession, order: Order, path: Path) -> None:
    export = session.get_one(HistoryExport, order.export_id)
    export.size_bytes = path.stat().st_size
    kept = path.with_suffix("")
    path.rename(kept)
    export.status, export.stored_as, export.finished_at = ExportStatus.DONE, kept.name, clock.now()
    cut = ", cut there" if export.is_cut else ""
    record(
        session,
        Event.EXPORTED,
        export,
        reason=f"the history, {order.wanted.said()}: {export.rows} rows{cut}, {order.format.value}",
        student_id=order.filters.student_id,
    )


def fail(session: AnySession, export_id: int, error: Exception) -> None:
    """Say that an export came to nothing, and record it where it was refused."""
    export = session.get_one(HistoryExport, export_id)
    export.status, export.finished_at = ExportStatus.FAILED, clock.now()
    if isinstance(error, ExportRefused):
        record(session, Event.REFUSED, export, reason=f"the export was given up: {error}")


def taken(session: AnySession, settings: Settings, export_id: int, *, person: Viewer) -> tuple[HistoryExport, Path]:
    """A finished export and its file, for who asked for it and within its day; recorded. Raises NotFound."""
    export = session.get(HistoryExport, export_id)
    if export is None or export.session_key != person.session_key or export.stored_as is None:
        raise NotFound("export")
    path = settings.data_dir / FOLDER / export.stored_as
    if export.created_at <= clock.now() - KEPT_FOR or not path.is_file():
        raise NotFound("export")
    record(session, Event.EXPORT_TAKEN, export, reason=f"{export.rows} rows, {export.format.value}")
    return export, path


def prune(session: AnySession, settings: Settings) -> int:
    """Destroy the exports whose day is over, and what broken runs left; returns how many files. It sees all schools."""
    since = clock.now() - KEPT_FOR
    folder, gone = settings.data_dir / FOLDER, 0
    for export in session.scalars(select(HistoryExport).where(HistoryExport.created_at <= since)).all():
        if export.stored_as is not None:
            (folder / export.stored_as).unlink(missing_ok=True)
            gone += 1
        session.delete(export)
    session.flush()
    kept = set(session.scalars(select(HistoryExport.stored_as).where(HistoryExport.stored_as.is_not(None))))
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept and path.stat().st_mtime < since.timestamp():
            path.unlink(missing_ok=True)
            gone += 1
    return gone
