"""Functions that only read, for a page that somebody looks at: from a replica where one is near enough.

Routes declare with @reading. docs/decisions/0037 says what makes it safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from flask import Flask, Response, current_app, has_request_context, request
from flask import session as browser_session
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from school_app.core import clock
from school_app.core.db import REPLICA, SchoolSession, db
from school_app.core.db.engines import ran_out_of_time
from school_app.core.replicas import Replica, Replicas
from school_app.core.tenancy import forget_all

log = structlog.get_logger()
Given = ParamSpec("Given")
Found = TypeVar("Found")
Records = list[Callable[[], None]]
# In a session's info, while a function only reads: what is to be done when it has ended.
AFTERWARDS = "formroom.afterwards"
# In a session's info, from its first statement that writes to the end of the transaction.
HAS_WRITTEN = "formroom.has_written"
# In a session's info, while what is read has to be what is there now.
FROM_PRIMARY = "formroom.from_primary"
# In a person's session: the moment of their latest writing, by the primary's clock.
WROTE = "wrote_at"
LOOKS = ("GET", "HEAD")


class WroteWhileReading(RuntimeError):
    """A function that is declared to read only would write; a fault of the program."""


def reading(function: Callable[Given, Found]) -> Callable[Given, Found]:
    """Declare that a function only reads. Called for a page that is looked at, it may read from a replica.

    What it loads is forgotten by the session at its end: it can be printed and named, and not be changed. What it
    records is written when it has ended, on the primary; its caller commits. Where anything goes wrong at a replica, or
    is not there, it is called once more and reads from the primary.
    """

    @wraps(function)
    def read(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        session = db.session()
        if not has_request_context() or request.method not in LOOKS or only_reads(session):
            return function(*args, **kwargs)
        # What waits to be written would be forgotten with what is only read.
        session.flush()
        replica = _near(session)
        if replica is not None:
            try:
                with _from_replica(session, replica) as records:
                    found = function(*args, **kwargs)
            except Exception as error:
                _judge(replica, error)
            else:
                _write(records)
                return found
        with _only_reading(session) as records:
            found = function(*args, **kwargs)
        _write(records)
        return found

    return read


def only_reads(session: Session) -> bool:
    """Whether the session is inside of a function that only reads."""
    return AFTERWARDS in session.info


def afterwards(session: Session, write: Callable[[], None]) -> None:
    """Have something written when the function that only reads has ended, unless it fails."""
    session.info[AFTERWARDS].append(write)


@contextmanager
def from_primary() -> Iterator[None]:
    """Have functions that only read ask the primary inside, as for a page that is kept for others to see."""
    session = db.session()
    session.info[FROM_PRIMARY] = True
    try:
        yield
    finally:
        del session.info[FROM_PRIMARY]


def wrote_within(seconds: float) -> bool:
    """Whether the person of this request may have written something so short a time ago."""
    wrote = browser_session.get(WROTE)
    return wrote is not None and clock.now() - datetime.fromisoformat(wrote) < timedelta(seconds=seconds)


def init_app(app: Flask) -> None:
    """Let a person's own writing be seen by their next pages."""
    app.after_request(_remember_writing)


def _replicas() -> Replicas | None:
    found: Replicas | None = current_app.extensions["formroom.replicas"]
    return found


def _near(session: Session) -> Replica | None:
    replicas = _replicas()
    if replicas is None or session.info.get(HAS_WRITTEN) or session.info.get(FROM_PRIMARY):
        return None
    wrote = browser_session.get(WROTE)
    return replicas.near(datetime.fromisoformat(wrote) if wrote else None)


def _judge(replica: Replica, error: Exception) -> None:
    """Whether to ask the primary after an error at a replica: not where a statement took too long, which is raised."""
    if ran_out_of_time(error):
        raise error
    if isinstance(error, DBAPIError):
        replica.leave(error)


def _write(records: Records) -> None:
    for one in records:
        one()


@contextmanager
def _from_replica(session: Session, replica: Replica) -> Iterator[Records]:
    # The connection to the primary goes back to its pool: a request holds one at a time.
    _let_go(session)
    session.info[REPLICA] = replica.engine
    try:
        with _only_reading(session) as records:
            yield records
    finally:
        del session.info[REPLICA]
        _let_go(session)


@contextmanager
def _only_reading(session: Session) -> Iterator[Records]:
    records: Records = []
    session.info[AFTERWARDS] = records
    try:
        yield records
    finally:
        del session.info[AFTERWARDS]
        forget_all(session)


def _let_go(session: Session) -> None:
    try:
        session.close()
    except DBAPIError:
        # The server is gone, and the connection with it.
        session.invalidate()


def _remember_writing(response: Response) -> Response:
    if request.method not in LOOKS and browser_session:
        replicas = _replicas()
        browser_session[WROTE] = (replicas.moment() if replicas else clock.now()).isoformat()
    return response


@event.listens_for(SchoolSession, "before_flush")
def _refuse_flush(session: Session, context: object, instances: object) -> None:
    if only_reads(session):
        changed = [type(one).__name__ for one in (*session.new, *session.dirty, *session.deleted)]
        raise WroteWhileReading(f"{', '.join(changed)}: a function that is declared to read only would write them.")


@event.listens_for(SchoolSession, "do_orm_execute")
def _refuse_statement(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    if only_reads(state.session):
        raise WroteWhileReading("A function that is declared to read only would change rows.")
    state.session.info[HAS_WRITTEN] = True


@event.listens_for(SchoolSession, "after_flush")
def _has_written(session: Session, context: object) -> None:
    session.info[HAS_WRITTEN] = True


@event.listens_for(SchoolSession, "after_transaction_end")
def _is_over(session: Session, transaction: SessionTransaction) -> None:
    # The end of a savepoint leaves what was written to be committed.
    if transaction.parent is None:
        session.info.pop(HAS_WRITTEN, None)
