"""What was destroyed lawfully, as a source of rows for seals: their digests, by what was listed of them.

What makes one lawful is docs/decisions/0032. Of any other its rows are missing. It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.manifest import Listed
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import store
from school_app.audit.digests import Digest, Group
from school_app.audit.retention.evidence import ABOUT, Evidence, days_differ, disagreements
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.queries import class_of
from school_app.audit.retention.records import HOLD, RULE, Record
from school_app.audit.retention.rules import is_lawful, is_past
from school_app.audit.sources import TABLES, Schools, Stretch
from school_app.core import clock

AnySession = Session | scoped_session[Any]


class Destroyed:
    """The rows of files that were destroyed lawfully; `problems` says which were not, `warnings` what to look at again.

    A problem is told of the schools that are asked for, where None is the platform.
    """

    def __init__(self, session: AnySession, schools: Schools | None = None) -> None:
        self._session = session
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.files: list[ColdFile] = []
        statement = select(ColdFile).where(ColdFile.status == ColdStatus.DESTROYED)
        # The latest first: it may have carried over the record of an earlier one.
        found = session.scalars(statement.order_by(ColdFile.destroyed_at.desc(), ColdFile.id.desc())).all()
        if found or _is_anything_said(session):
            wrong = self._judge(list(found))
            self.problems = [f"{one.path}: {why}." for one, why in wrong if schools is None or one.school_id in schools]
            self.problems += self._disagreements(schools)
            self.warnings = [*self.evidence.problems, *self._unsealed()]
        self._ids = [one.id for one in self.files]
        self.rows = sum(one.rows for one in self.files)
        self._listed = Listed(session, self._ids)

    @cached_property
    def evidence(self) -> Evidence:
        """What the log says, read when it is first asked for."""
        return Evidence(self._session, store())

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """As Source.digests(), by what was listed of the files."""
        return self._listed.digests(stretch) if self._ids else {}

    def _disagreements(self, schools: Schools | None) -> list[str]:
        if not (found := disagreements(self._session, self.evidence, schools)):
            return []
        # Somebody may have changed a rule or hold while files were read.
        self.evidence.look_again()
        return [one for one in disagreements(self._session, self.evidence, schools) if one in found]

    def _judge(self, found: list[ColdFile]) -> list[tuple[ColdFile, str]]:
        """Take what is lawful by all that is believed in the end; returns the others.

        A record may have been carried over from a file that is judged later, and speak against one that was judged
        before: what it speaks against is not taken, nor what only that one carried.
        """
        withdrawn: dict[int, tuple[ColdFile, str]] = {}
        while True:
            left = self._take([one for one in found if one.id not in withdrawn])
            against = {one.id: (one, why) for one in self.files if (why := self._wrong(one)) is not None}
            if not against:
                return [*left, *withdrawn.values()]
            withdrawn.update(against)
            self.files.clear()
            self.evidence.forget_carried()

    def _take(self, left: list[ColdFile]) -> list[tuple[ColdFile, str]]:
        """Take what is lawful, with the records that it carried over, until nothing more is; returns the others."""
        while True:
            wrong, before = [], len(self.files)
            for one in left:
                if (why := self._wrong(one)) is None:
                    self.files.append(one)
                    self.evidence.accept(one)
                else:
                    wrong.append((one, why))
            if not wrong or len(self.files) == before:
                return wrong
            left = [one for one, _ in wrong]

    def _wrong(self, one: ColdFile) -> str | None:
        at = one.destroyed_at
        if at is None:
            return "nobody knows when it was destroyed"
        if at > clock.now() + ABOUT:
            return "it is said to have been destroyed at a time to come"
        if (differs := days_differ(self._session, one)) is not None:
            return differs
        if self._stood(one, at) or self.evidence.holds(one.school_id, at):
            return "it was destroyed while a hold stood"
        cooled, destroyed = self.evidence.cooled(one), self.evidence.destroyed(one, at)
        if destroyed is None:
            return "its destruction is not on record"
        if cooled is None:
            return "it is not on record that it came to cold storage"
        return self._untimely(one, at, destroyed) or self._lost_records(one, destroyed)

    def _untimely(self, one: ColdFile, at: datetime, record: Record) -> str | None:
        """Whether its time was not past, by the rule that the log says was in force."""
        years, in_force = record.facts.get("years"), self.evidence.years(class_of(one), one.school_id, at)
        if not is_lawful(years) or years != in_force:
            return f"its record says {years} years, and the rule was {in_force}"
        return None if is_past(one.year, in_force, at) else "its time was not past"

    def _lost_records(self, one: ColdFile, destroyed: Record) -> str | None:
        """Whether other records were carried over than its own record says."""
        # Where its own record was carried over from a later file, so were they, and that file's record counts them.
        here = destroyed.of_file is None
        if here and len(self.evidence.carried_from(one)) != destroyed.facts.get("carried"):
            return "other records were carried over from it than its own record says"
        return None

    def _unsealed(self) -> Iterator[str]:
        """What is believed by records that are not sealed yet."""
        for one in self.files:
            at = one.destroyed_at or clock.now()
            for record in (self.evidence.cooled(one), self.evidence.destroyed(one, at)):
                if record is not None and not self.evidence.sealings.holds(record.row_id):
                    yield (
                        f"{one.path}: the record of {record.at:%Y-%m-%d %H:%M} UTC ({record.event}) is not sealed yet;"
                        " verify again when it is."
                    )

    def _stood(self, one: ColdFile, at: datetime) -> bool:
        """Whether a hold on its school stood; which students it named nobody can say any more."""
        statement = select(LegalHold.id).where(
            LegalHold.school_id == one.school_id,
            LegalHold.student_id.is_(None),
            LegalHold.set_at < at - ABOUT,
            or_(LegalHold.released_at.is_(None), LegalHold.released_at > at),
        )
        return self._session.scalar(statement.limit(1)) is not None


def _is_anything_said(session: AnySession) -> bool:
    """Whether the tables or the log know of a rule or hold; a rule is stated in the database again every year."""
    of_log = (select(table.c.id).where(table.c.entity_type.in_((RULE, HOLD))) for table in TABLES)
    asked = (select(RetentionRule.id), select(LegalHold.id), *of_log)
    return any(session.scalar(one.limit(1)) is not None for one in asked)
