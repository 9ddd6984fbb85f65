"""Giving up a file that is damaged or gone for good, so that what follows goes on without it, on record.

`flask audit give-up` drives it: it commits after each step. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.lease import Lease
from school_app.audit.cold import files
from school_app.audit.cold.files import DamagedFile
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.store import Store
from school_app.audit.cold.taking import locked, tell
from school_app.audit.events import Event
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
FROM = (ColdStatus.PENDING, ColdStatus.KEPT, ColdStatus.RESTORING, ColdStatus.DESTROYING)


class GivenUpTooSoon(RuntimeError):
    """The file is there and whole, no row is in it alone, or there is no such file any more; nothing is given up."""


@dataclass(slots=True)
class GivingUp:
    """One file that is given up; `lost` is how many rows only it held."""

    session: AnySession
    place: Store
    path: str
    started_by: str
    lease: Lease = field(init=False)
    lost: int = 0

    def __post_init__(self) -> None:
        self.lease = Lease(self.session, self.started_by)

    def steps(self) -> Iterator[int]:
        """Do it; the caller commits after each step. Raises GivenUpTooSoon, ArchiveBusy, LeaseLost or ColdUnavailable.

        The caller rolls back then, and calls failed().
        """
        file_id = self._file().id
        self.lease.acquire()
        yield 0
        listed = locked(self.session, self.lease, file_id)
        self._give_up(listed, self._damage(listed))
        self.lease.release()
        yield 0

    def look(self) -> None:
        """Raise GivenUpTooSoon where nothing is to be given up, before anybody is asked whether to go on."""
        self._damage(self._file())

    def _file(self) -> ColdFile:
        statement = select(ColdFile).where(ColdFile.path == self.path)
        found = self.session.scalar(statement, execution_options={"populate_existing": True})
        if found is None:
            raise GivenUpTooSoon(f"There is no file {self.path}; flask audit cold shows them.")
        return found

    def _damage(self, listed: ColdFile) -> str:
        """What is wrong with a file. Raises GivenUpTooSoon where nothing is, or nothing could be lost with it."""
        if listed.status is ColdStatus.LOST:
            raise GivenUpTooSoon(f"{self.path} is lost on record already.")
        if listed.status not in FROM:
            raise GivenUpTooSoon(f"{self.path} is {listed.status}; no row is in it alone.")
        try:
            files.check(self.place, self.path, (listed.sha256, listed.bytes))
        except DamagedFile as damage:
            return str(damage)
        raise GivenUpTooSoon(f"{self.path} is there, and it is what was listed; nothing is given up.")

    def failed(self, error: Exception) -> None:
        """Let others in; the caller has rolled back, and commits."""
        self.lease.release()

    def _give_up(self, listed: ColdFile, damage: str) -> None:
        alone = select(func.sum(ColdDay.rows)).where(ColdDay.file_id == listed.id, ColdDay.day < listed.cold_before)
        self.lost = int(self.session.scalar(alone) or 0)
        listed.status = ColdStatus.LOST
        tell(self.session, Event.COLD_FILE_LOST, listed, f"{counted(self.lost, 'row')} of {listed.year} lost. {damage}")
