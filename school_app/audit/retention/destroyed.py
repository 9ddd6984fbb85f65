"""What was destroyed lawfully, as a source of rows for seals: their digests, by what was listed while they were there.

A destruction is lawful where the log has its record, with the same file, rows and digest, where the time was past by
the rule that it names, and where no hold stood. Of any other its rows are missing. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.manifest import Listed
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.reading import in_files
from school_app.audit.digests import Digest, Group
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow, StagedAuditRow
from school_app.audit.queries import Filters
from school_app.audit.retention.models import LegalHold
from school_app.audit.retention.rules import is_lawful, is_past
from school_app.audit.sources import Stretch

AnySession = Session | scoped_session[Any]
# A record is written a moment after the time that the manifest keeps; a hold may be dated a moment before it could be
# written, while it waited for a removal.
ABOUT = timedelta(minutes=1)
FACTS = ("path", "rows", "digest", "sha256", "year")
MOST = 10_000


class Destroyed:
    """The rows of files that were destroyed lawfully; `problems` says which were not."""

    def __init__(self, session: AnySession) -> None:
        self._session = session
        self.problems: list[str] = []
        self.files: list[ColdFile] = []
        statement = select(ColdFile).where(ColdFile.status == ColdStatus.DESTROYED)
        # The latest first: the record of an earlier one may have been destroyed with a later one.
        for one in session.scalars(statement.order_by(ColdFile.destroyed_at.desc(), ColdFile.id.desc())).all():
            if (wrong := self._wrong(one)) is None:
                self.files.append(one)
            else:
                self.problems.append(f"{one.path}: {wrong}")
        self._ids = [one.id for one in self.files]
        self.rows = sum(one.rows for one in self.files)
        self._listed = Listed(session, self._ids)

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """As Source.digests(), by what was listed of the files."""
        return self._listed.digests(stretch) if self._ids else {}

    def _wrong(self, one: ColdFile) -> str | None:
        at = one.destroyed_at
        listed = self._session.scalar(select(func.sum(ColdDay.rows)).where(ColdDay.file_id == one.id))
        if at is None or listed != one.rows:
            return "what it held is not what was listed"
        if self._stood(one, at):
            return "it was destroyed while a hold stood"
        if any(one.school_id == later.school_id and later.first_at <= at <= later.last_at for later in self.files):
            return None
        for changes in self._records(one.school_id, at):
            told = {name: changes.get(name, [None, None])[1] for name in (*FACTS, "years")}
            if all(told[name] == getattr(one, name) for name in FACTS):
                lawful = is_lawful(told["years"]) and is_past(one.year, told["years"], at)
                return None if lawful else "its time was not past"
        return "its destruction is not on record"

    def _stood(self, one: ColdFile, at: datetime) -> bool:
        """Whether a hold on its school stood; which students it named nobody can say any more."""
        statement = select(LegalHold.id).where(
            LegalHold.school_id == one.school_id,
            LegalHold.student_id.is_(None),
            LegalHold.set_at < at - ABOUT,
            or_(LegalHold.released_at.is_(None), LegalHold.released_at > at),
        )
        return self._session.scalar(statement.limit(1)) is not None

    def _records(self, school_id: int | None, at: datetime) -> Iterator[dict[str, Any]]:
        """What was recorded as destroyed about a moment, wherever the record lies by now."""
        event = str(Event.ROWS_DESTROYED)
        for model in (AuditRow, StagedAuditRow, ArchivedAuditRow):
            statement = select(model.changes).where(
                model.school_id.is_not_distinct_from(school_id),
                model.event == event,
                model.created_at.between(at - ABOUT, at + ABOUT),
            )
            yield from (one for one in self._session.scalars(statement) if one)
        about = Filters(at - ABOUT, at + ABOUT, event=event)
        for row in in_files(self._session, about, before=None, limit=MOST):
            if row.school_id == school_id and row.changes:
                yield row.changes
