"""Cold storage works under the archiver's lease, so that one run at a time takes rows from where they lie.

audit.cold.cooling holds it. A holder that slept past it finds a newer token, and changes nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.lease import LEASE, LIVES, ArchiveBusy, LeaseLost
from school_app.audit.models import ArchiveLease
from school_app.core import clock

AnySession = Session | scoped_session[Any]


@dataclass(slots=True)
class Lease:
    """The lease as one run sees it; `token` is 0 until it was acquired."""

    session: AnySession
    holder: str
    token: int = 0

    def acquire(self) -> int:
        """Take the lease with a new token, the highest so far. Raises ArchiveBusy."""
        row = self._row()
        now = clock.now()
        if row.holder is not None and row.expires_at is not None and row.expires_at > now:
            raise ArchiveBusy(f"{row.holder} is at work already. Wait until it has ended.")
        row.token += 1
        row.holder, row.expires_at = self.holder, now + LIVES
        self.session.flush()
        self.token = row.token
        return self.token

    def hold(self) -> None:
        """Lock the lease for this transaction and prolong it; every transaction begins with it. Raises LeaseLost."""
        row = self._row()
        if row.token != self.token:
            raise LeaseLost("Another run has taken over; this one has stopped and changed nothing more.")
        row.expires_at = clock.now() + LIVES
        self.session.flush()

    def release(self) -> None:
        """Let others in at once; nothing where another has taken over."""
        row = self._row()
        if row.token == self.token:
            row.holder = row.expires_at = None
            self.session.flush()

    def _row(self) -> ArchiveLease:
        statement = select(ArchiveLease).where(ArchiveLease.name == LEASE).with_for_update()
        found = self.session.scalar(statement.execution_options(populate_existing=True))
        if found is not None:
            return found
        try:
            with self.session.begin_nested():
                self.session.add(ArchiveLease(name=LEASE, token=0))
                self.session.flush()
        except IntegrityError:
            # Another first holder wrote it a moment before; its row is locked now and read below.
            self.session.expire_all()
        return self.session.scalars(statement.execution_options(populate_existing=True)).one()
