"""Who may move rows now: of each kind of work one holder at a time, fenced by a token that grows with each of them.

audit.archive holds it, and whatever else takes rows from where they lie, inside all_schools(). It never commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Table, Update, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.models import ArchiveLease
from school_app.core import claims, clock
from school_app.core.acting import acting
from school_app.core.errors import Conflict

AnySession = Session | scoped_session[Any]
# That of the audit log; work on other tables has names of its own.
LEASE = "audit"
LIVES = timedelta(minutes=10)
TABLE = cast(Table, ArchiveLease.__table__)


class ArchiveBusy(Conflict):
    """Another run holds the lease."""


class LeaseLost(Conflict):
    """This run was stopped for so long that another has taken over; it changes nothing any more."""


@dataclass(slots=True)
class Lease:
    """The lease `name` as one run sees it: `token` is 0 until it was acquired, `expires_at` as it was renewed last."""

    session: AnySession
    holder: str
    name: str = LEASE
    token: int = 0
    expires_at: datetime | None = None

    def acquire(self) -> int:
        """Take the lease with a new token, the highest so far. Raises ArchiveBusy.

        From a job whose claim has ended it is taken at once, as that job's process was killed, or can commit nothing.
        """
        row, now = self._row(), clock.now()
        if row.holder is not None and row.expires_at is not None and row.expires_at > now and not self._is_left(row):
            raise ArchiveBusy(f"{row.holder} is archiving already. Wait until it has ended.")
        row.token += 1
        row.holder, row.expires_at = self.holder, now + LIVES
        origin = acting(self.session)
        row.job_id, row.attempt = (int(origin.job_id or 0), origin.attempt) if origin.attempt else (None, None)
        self.session.flush()
        self.token, self.expires_at = row.token, row.expires_at
        return self.token

    def hold(self) -> None:
        """Renew the lease in the transaction whose changes it guards, whose lock keeps others from it until the end.

        Raises LeaseLost.
        """
        self._renew(self.session)

    def hold_on(self, connection: Connection) -> None:
        """Renew it on a connection that commits by itself, before a statement that no transaction can hold.

        The connection must not live to send that statement when the lease is over, or when a job's silence ends its
        claim: its wait_timeout has to be shorter than either. Raises LeaseLost or TakenOver.
        """
        origin = acting(self.session)
        if origin.attempt:
            claims.hold(connection, origin)
        self._renew(connection)

    def release(self) -> bool:
        """Give the lease back; False where it was no longer this run's."""
        result: Any = self.session.execute(self._mine().values(holder=None, expires_at=None))
        return bool(result.rowcount)

    def _is_left(self, row: ArchiveLease) -> bool:
        """Whether it is held by a job that has ended since, or was begun anew, and left it behind."""
        return row.job_id is not None and not claims.is_held(self.session, row.job_id, row.attempt or 0)

    def _renew(self, on: AnySession | Connection) -> None:
        self.expires_at = clock.now() + LIVES
        result: Any = on.execute(self._mine().values(expires_at=self.expires_at))
        if not result.rowcount:
            raise LeaseLost("Another run has taken over; this one has stopped and changed nothing more.")

    def _mine(self) -> Update:
        return update(TABLE).where(TABLE.c.name == self.name, TABLE.c.token == self.token)

    def _row(self) -> ArchiveLease:
        statement = select(ArchiveLease).where(ArchiveLease.name == self.name).with_for_update()
        statement = statement.execution_options(populate_existing=True)
        found = self.session.scalar(statement)
        if found is not None:
            return found
        try:
            with self.session.begin_nested():
                self.session.add(ArchiveLease(name=self.name, token=0))
                self.session.flush()
        except IntegrityError:
            # Another first run wrote it a moment before; its row is locked now and read below.
            self.session.expire_all()
        return self.session.scalars(statement).one()
