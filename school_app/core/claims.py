"""Who carries out a job: one process at a time, which gives signs of life and commits nothing once another has begun.

workers.carrying claims; archiving.lease asks. A claim is a job's id and the number of the attempt, as core.acting keeps
them in a session: whatever such a session commits is fenced by it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Table,
    and_,
    event,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session

from school_app.config import Settings
from school_app.core import clock
from school_app.core.acting import Acting, acting
from school_app.core.db import SchoolSession
from school_app.core.db.columns import present
from school_app.core.db.engines import short_engine
from school_app.core.errors import Conflict
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.tenancy import rows_of_any_school

log = structlog.get_logger()
AnySession = Session | scoped_session[Any]
TABLE = cast(Table, JobRun.__table__)
# Whoever is silent for so long was killed or stopped: it has missed four signs.
SILENT_AFTER = timedelta(seconds=90)
SIGN_EVERY_SECONDS = 20
PROGRESS_LENGTH = 200
# Processes of versions before the signs give none; no queue allows a job as long as this.
WITHOUT_SIGNS = timedelta(hours=2)


class TakenOver(Conflict):
    """Another process carries out this job by now: what this one was about to commit is not kept."""


def is_lost(dialect: Dialect) -> ColumnElement[bool]:
    """Whether a job is under way, and who carries it out has given no sign for too long."""
    without_signs = and_(JobRun.alive_at.is_(None), JobRun.started_at < clock.now() - WITHOUT_SIGNS)
    silent = or_(JobRun.alive_at < present(dialect, SILENT_AFTER), without_signs)
    return and_(JobRun.status == JobStatus.RUNNING, silent)


def hold(connection: Connection, origin: Acting) -> None:
    """Give a sign of life in the connection's transaction, whose end nobody can claim the job before.

    Raises TakenOver.
    """
    own = and_(TABLE.c.id == int(origin.job_id or 0), TABLE.c.attempts == origin.attempt)
    alive = update(TABLE).where(own, TABLE.c.status == JobStatus.RUNNING).values(alive_at=present(connection.dialect))
    if not connection.execute(alive).rowcount:
        raise TakenOver(f"Job {origin.job_id} was begun anew by another process; this one changes nothing more.")


def is_held(session: AnySession, job_run_id: int, attempt: int) -> bool:
    """Whether a claim still stands. Once it does not, it never will again, and its session can commit nothing."""
    found = session.execute(select(TABLE.c.status, TABLE.c.attempts).where(TABLE.c.id == job_run_id)).first()
    return found is not None and (found.status, found.attempts) == (JobStatus.RUNNING, attempt)


def tell_progress(session: AnySession, said: str) -> None:
    """Write down how far the job is that a session acts for, just before its commit; nothing where it has none."""
    row = update(TABLE).where(TABLE.c.id == int(acting(session).job_id or 0))
    session.execute(row.values(progress=said[:PROGRESS_LENGTH]))


@event.listens_for(SchoolSession, "before_commit")
def _hold_at_commit(session: Session) -> None:
    # At the end of a savepoint the row would be locked for the rest of the transaction, and signs wait behind it.
    origin = acting(session)
    if origin.attempt and not session.in_nested_transaction():
        # Last of all, for the same reason: what is still to be written may take a while.
        session.flush()
        with rows_of_any_school(session):
            hold(session.connection(), origin)


@contextmanager
def signs_of_life(settings: Settings, origin: Acting) -> Iterator[None]:
    """While the work inside goes on, say now and then that it does: from a thread, so that no statement is too long.

    The thread stops with its process, and whoever waits for a sign then waits in vain.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_give_signs, args=(settings, origin, ended), name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _give_signs(settings: Settings, origin: Acting, ended: threading.Event) -> None:
    engine = short_engine(settings)
    try:
        while not ended.wait(SIGN_EVERY_SECONDS):
            if not _give_sign(engine, origin):
                return
    finally:
        engine.dispose()


def _give_sign(engine: Engine, origin: Acting) -> bool:
    """Give one sign; False where nobody waits for another."""
    try:
        with engine.begin() as connection:
            hold(connection, origin)
    except TakenOver:
        log.warning("job_begun_anew_meanwhile", job_run_id=origin.job_id, attempt=origin.attempt)
        return False
    except SQLAlchemyError as error:
        # The database may be back at the next sign; where it is not, others begin the job anew when it is.
        log.warning("no_sign_of_life", job_run_id=origin.job_id, error=type(error).__name__)
    return True
