"""Work past the web's requests that moves many rows: a session of its own, and runs that commit after each step.

workers.jobs and commands use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy.orm import Session, scoped_session

from school_app.config import Settings
from school_app.core.acting import Acting, act_as
from school_app.core.db import unhurried_session
from school_app.core.tenancy import all_schools

AnySession = Session | scoped_session[Any]


class Run(Protocol):
    """What is done in steps, and can be broken off between any two of them."""

    def steps(self) -> Iterator[int]:
        """Do it: after each step, yielded as the number of rows that it was about, the caller commits."""

    def failed(self, error: Exception) -> None:
        """Write down that it was broken off, and let others in; the caller has rolled back, and commits."""


@contextmanager
def at_work(settings: Settings, acting: Acting) -> Iterator[Session]:
    """A session across all schools, with the account that some settings name, in which somebody acts."""
    with unhurried_session(settings) as session, all_schools(session):
        act_as(session, acting)
        yield session


def step_through(session: AnySession, run: Run, told: Callable[[int], None] | None = None) -> None:
    """Do a run. `told` is called after each commit with what the step yielded.

    Whatever breaks it off is rolled back, written down and raised again.
    """
    try:
        for rows in run.steps():
            session.commit()
            if told is not None:
                told(rows)
    except Exception as error:
        session.rollback()
        run.failed(error)
        session.commit()
        raise
