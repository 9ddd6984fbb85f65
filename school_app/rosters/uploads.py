"""Files that a school's admin uploads: kept apart, tried first, brought in by a job, and thrown away.

rosters.routes and workers.jobs use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.config import Settings
from school_app.core import clock, private_files
from school_app.core.acting import By
from school_app.core.errors import DomainError, NotFound
from school_app.rosters.attendance import import_attendance
from school_app.rosters.behaviour import import_behaviour
from school_app.rosters.brake import ImportBrake
from school_app.rosters.calendar import import_calendar
from school_app.rosters.local import File, Known
from school_app.rosters.merge import Counts
from school_app.rosters.models import Import, ImportKind, ImportProblem, ImportStatus
from school_app.rosters.problems import ImportRefused, Problem, Problems
from school_app.rosters.service import import_own
from school_app.rosters.span import Span

AnySession = Session | scoped_session[Any]
FOLDER = "uploads"
CHUNK = 1024 * 1024
PROBLEMS_KEPT = 1_000
# Uploads hold what a whole school's children did: they are kept no longer than they are needed, and not without end.
MOST_KEPT = 20
KEPT_FOR = timedelta(days=7)
LOCAL: dict[ImportKind, Callable[[Any, File, Known], Counts]] = {
    ImportKind.CALENDAR: import_calendar,
    ImportKind.BEHAVIOUR: import_behaviour,
}


class InvalidUpload(DomainError):
    """The upload cannot be taken; str() says why."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a person sends: what it brings, and of attendance the days for which it speaks, where they say so."""

    stream: IO[bytes]
    name: str
    kind: ImportKind
    named: Span | None = None


def store(session: AnySession, settings: Settings, upload: Upload, *, by: By) -> Import:
    """Keep an uploaded file where only the product reads it, and write the row of its trial."""
    if not upload.name:
        raise InvalidUpload("File: choose one.")
    if upload.named is not None and upload.kind is not ImportKind.ATTENDANCE:
        raise InvalidUpload("Days: leave them empty; only a file of attendance speaks for days.")
    waiting = session.scalar(select(func.count(Import.id)).where(Import.stored_as.is_not(None))) or 0
    if waiting >= MOST_KEPT:
        raise InvalidUpload(f"{waiting} files wait here already; bring them in or throw them away first.")
    path = private_files.new_path(settings.data_dir / FOLDER)
    sha256, size = _kept(path, upload.stream)
    row = Import(
        kind=upload.kind,
        file_name=upload.name[-255:],
        first_day=upload.named and upload.named.first,
        last_day=upload.named and upload.named.last,
        stored_as=path.name,
        sha256=sha256,
        size_bytes=size,
        dry_run=True,
        requested_by=by.id,
        requested_by_name=by.name,
    )
    session.add(row)
    session.flush()
    return row


def _kept(path: Path, stream: IO[bytes]) -> tuple[str, int]:
    """Write what is sent to a file; its SHA-256, and its bytes."""
    digest, size = hashlib.sha256(), 0
    with private_files.create(path) as file:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    return digest.hexdigest(), size


def confirm(session: AnySession, import_id: int) -> Import:
    """Turn a trial that went well into the import itself. InvalidUpload where there is nothing to confirm."""
    row = session.scalar(select(Import).where(Import.id == import_id).with_for_update())
    if row is None:
        raise NotFound("import")
    if not row.dry_run or row.status is not ImportStatus.DONE or row.stored_as is None:
        raise InvalidUpload("This import cannot be confirmed; upload the file again.")
    row.dry_run, row.status, row.counts = False, ImportStatus.WAITING, None
    row.finished_at = None
    session.flush()
    return row


def drop(session: AnySession, settings: Settings, import_id: int) -> None:
    """Throw an uploaded file away; its row stays."""
    row = session.scalar(select(Import).where(Import.id == import_id).with_for_update())
    if row is None:
        raise NotFound("import")
    _unlink(session, settings, import_id)
    if row.dry_run:
        row.status = ImportStatus.REFUSED
    session.flush()


def prune(session: AnySession, settings: Settings) -> int:
    """Throw away the files of trials that nobody confirmed within a week; returns how many. It sees all schools."""
    old = session.execute(
        select(Import.id).where(Import.stored_as.is_not(None), Import.created_at < clock.now() - KEPT_FOR)
    ).all()
    for (import_id,) in old:
        drop(session, settings, import_id)
    return len(old)


def _unlink(session: AnySession, settings: Settings, import_id: int) -> None:
    row = session.get_one(Import, import_id)
    if row.stored_as:
        (settings.data_dir / FOLDER / row.stored_as).unlink(missing_ok=True)
    row.stored_as = None
    session.flush()


def run(session: AnySession, settings: Settings, import_id: int, *, force: bool) -> dict[str, Any]:
    """Try an import, or carry it out, inside its school; the outcome is in its row.

    The caller has committed before and commits afterwards: what a trial writes, or a refused file, is rolled back here.
    """
    row = session.get_one(Import, import_id)
    if row.status is not ImportStatus.WAITING or row.stored_as is None:
        return {"skipped": "the file is gone or was dealt with"}
    path, name = settings.data_dir / FOLDER / row.stored_as, row.file_name
    is_trial, problems = row.dry_run, Problems()
    counts: Counts | None = None
    try:
        with session.begin_nested() as work:
            counts, problems = _bring_in(session, row, path, force=force)
            if is_trial:
                work.rollback()
    except ImportRefused as error:
        problems.errors.extend(error.problems)
        problems.more_errors += error.more
    except ImportBrake as error:
        problems.error(name, None, None, message=str(error), remedy="Tick the box to force it, if it is right.")
    _keep(session, import_id, counts, problems)
    if not is_trial or counts is None:
        _unlink(session, settings, import_id)
    return counts.as_dict() if counts else {"errors": len(problems.errors) + problems.more_errors}


def _bring_in(session: AnySession, row: Import, path: Path, *, force: bool) -> tuple[Counts, Problems]:
    if row.kind is ImportKind.ROSTER:
        outcome = import_own(session, path, name=row.file_name, force=force)
        return next(iter(outcome.schools.values())), outcome.problems
    file = File(path, row.file_name, Problems())
    if row.kind is ImportKind.ATTENDANCE:
        named = Span(row.first_day, row.last_day) if row.first_day and row.last_day else None
        # A school's admin brings files into the own school alone, which is thereby chosen.
        return import_attendance(session, file, Known(), named=named, is_chosen=True), file.problems
    return LOCAL[row.kind](session, file, Known()), file.problems


def _keep(session: AnySession, import_id: int, counts: Counts | None, problems: Problems) -> None:
    row = session.get_one(Import, import_id)
    row.status = ImportStatus.REFUSED if counts is None else ImportStatus.DONE
    if counts is None:
        record(session, Event.IMPORT_REFUSED, reason=f"{row.file_name}: nothing was written")
    row.counts = counts.as_dict() if counts else None
    row.error_count = len(problems.errors) + problems.more_errors
    row.warning_count = len(problems.warnings) + problems.more_warnings
    row.finished_at = clock.now()
    found = [*problems.errors, *problems.warnings][:PROBLEMS_KEPT]
    if found:
        session.execute(insert(ImportProblem), [_problem(import_id, one) for one in found])
    session.flush()


def _problem(import_id: int, one: Problem) -> dict[str, Any]:
    return {
        "import_id": import_id,
        "severity": one.severity.value,
        "file": one.file[:120],
        "line": one.line,
        "column": one.column and one.column[:120],
        "message": one.message[:500],
        "remedy": one.remedy[:500],
    }
