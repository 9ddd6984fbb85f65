"""What is not as it was sealed: the rows that are found, beside the seals of a sealing run.

audit.seals and audit.verify use it, inside all_schools(). It writes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.manifest import Listed
from school_app.audit.digests import Digest, Group
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.seal_texts import digest_of_seals, run_text, seal_text, text_hash
from school_app.audit.sources import Stretch, Tables, together
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# A change made past this session is to be seen, so nothing is answered from what it has loaded before.
AS_STORED = {"populate_existing": True}


class Kind(enum.StrEnum):
    """In which way something is not as it was sealed; a late row is told, and is no difference."""

    DIFFERS = "differs"
    MISSING = "missing rows"
    EXTRA = "extra rows"
    BROKEN = "chain broken"
    FILE = "cold file differs"
    UNSEALED = "unsealed"
    AHEAD = "dated ahead"
    NO_DAY = "on no day"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Difference:
    """One school's day that is not as it was sealed; a `school_id` of None is the platform.

    `within` names the sealing run that is broken itself, where that alone may be why, or the cold file that differs.
    """

    kind: Kind
    school_id: int | None
    day: date
    sentence: str
    within: str | None = None

    @property
    def is_warning(self) -> bool:
        """Whether it is told only."""
        return self.kind is Kind.LATE

    def __str__(self) -> str:
        whose = "the platform" if self.school_id is None else f"school {self.school_id}"
        return f"{self.day}, {whose}: {self.kind}: {self.sentence}"


def differences(session: AnySession, tables: Sequence[Table], first: date, last: date) -> list[Difference]:
    """What some tables do not hold of the sealed rows of some days, or hold beside them; days are UTC and whole.

    Rows that no run has sealed yet are left aside. What cold storage has is what its manifest says: a row may come late
    to a day that has left the tables. Empty where nothing differs.
    """
    return differences_in(session, Tables(session, tables), first, last)


def differences_in(session: AnySession, source: Tables, first: date, last: date) -> list[Difference]:
    """As differences(), for who asks for one stretch of days after another and keeps the source."""
    found, seen, cold = list[Difference](), dict[Group, int](), Listed(session)
    for row in _rows_of(_sealings(session, first, last)):
        ends = [one.up_to_id for one in row]
        whole = Stretch(row[0].above_id, ends[-1], first, last)
        rows, any_cold = source.digests_between(whole, ends), bool(cold.digests(whole))
        for place, one in enumerate(row):
            own = rows.get(place, {})
            found += broken(one.run, one.seals)
            stretch = Stretch(one.above_id, one.up_to_id, first, last)
            listed = cold.digests(stretch) if any_cold else {}
            found += compared(stretch, one.seals, together(own, listed))
            for group, digest in own.items():
                seen[group] = seen.get(group, 0) + digest.rows
    return found + list(_elsewhere(session, source, (first, last), seen))


@dataclass(frozen=True, slots=True)
class _Sealing:
    """One sealing run with its seals; the run is None where somebody has removed it."""

    run: SealRun | None
    seals: Sequence[AuditSeal]

    @property
    def above_id(self) -> int:
        return self.run.above_id if self.run else min(one.above_id for one in self.seals)

    @property
    def up_to_id(self) -> int:
        return self.seals[0].up_to_id


def _sealings(session: AnySession, first: date, last: date) -> list[_Sealing]:
    """The sealing runs that have seals of some days, each with all of its seals."""
    days = select(AuditSeal.up_to_id).where(AuditSeal.day.between(first, last)).distinct()
    ends = session.scalars(days).all()
    own = select(SealRun).where(SealRun.up_to_id.in_(ends))
    runs = {run.up_to_id: run for run in session.scalars(own, execution_options=AS_STORED)}
    seals = session.scalars(_in_order(AuditSeal.up_to_id.in_(ends)), execution_options=AS_STORED).all()
    return [_Sealing(runs.get(up_to_id), list(own)) for up_to_id, own in groupby(seals, lambda one: one.up_to_id)]


def _rows_of(sealings: Sequence[_Sealing]) -> list[list[_Sealing]]:
    """Runs that follow one another without a gap stand together: their rows are read in one statement."""
    found: list[list[_Sealing]] = []
    for one in sealings:
        if found and found[-1][-1].up_to_id == one.above_id:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def seals_of(session: AnySession, up_to_id: int) -> Sequence[AuditSeal]:
    """The seals of one run, each school's in the order of its chain."""
    return session.scalars(_in_order(AuditSeal.up_to_id == up_to_id), execution_options=AS_STORED).all()


def _in_order(condition: ColumnElement[bool]) -> Select[AuditSeal]:
    return select(AuditSeal).where(condition).order_by(AuditSeal.up_to_id, AuditSeal.school_id, AuditSeal.day)


def run_up_to(up_to_id: int) -> str:
    """What a sealing run is called."""
    return f"the sealing run up to row {up_to_id}"


def broken(run: SealRun | None, seals: Sequence[AuditSeal]) -> Iterator[Difference]:
    """What does not hold among a run and its seals, each by itself."""
    seen: set[Group] = set()
    for seal in seals:
        if (seal.school_id, seal.day) in seen:
            sentence, within = "The sealing run has more than one seal of this day.", run_up_to(seal.up_to_id)
            yield Difference(Kind.BROKEN, seal.school_id, seal.day, sentence, within)
        seen.add((seal.school_id, seal.day))
        if text_hash(seal_text(seal)) != seal.hash:
            yield Difference(Kind.BROKEN, seal.school_id, seal.day, "The seal is not what it was when it was made.")
        if run is None or seal.above_id != run.above_id:
            sentence, within = "The seal belongs to no sealing run.", run_up_to(seal.up_to_id)
            yield Difference(Kind.BROKEN, seal.school_id, seal.day, sentence, within)
    if run is not None:
        yield from _broken(run, seals)


def _broken(run: SealRun, seals: Sequence[AuditSeal]) -> Iterator[Difference]:
    day, within = day_of(run, seals), run_up_to(run.up_to_id)
    if text_hash(run_text(run)) != run.hash:
        # Its first day may lie years before: what somebody has to look at is the run.
        sentence = f"The sealing run of {run.sealed_at:%Y-%m-%d} is not what it was."
        yield Difference(Kind.BROKEN, None, day, sentence, within)
    if (run.digest, run.seals, run.rows) != (digest_of_seals(seals), len(seals), sum(one.rows for one in seals)):
        made = f"{counted(run.seals, 'seal')} of {counted(run.rows, 'row')}"
        sentence = f"{made} made up to row {run.up_to_id}; these are others."
        yield Difference(Kind.BROKEN, None, day, sentence, within)


def day_of(run: SealRun, seals: Sequence[AuditSeal]) -> date:
    """The first day of a run: that of its first seal, or the last one that it could seal."""
    if seals:
        return min(one.day for one in seals)
    return (run.complete_before or run.sealed_at.date()) - timedelta(days=1)


def compared(stretch: Stretch, seals: Sequence[AuditSeal], found: Mapping[Group, Digest]) -> Iterator[Difference]:
    """The rows of a stretch beside the seals of its run."""
    sealed = {(one.school_id, one.day): one for one in seals if stretch.holds(one.school_id, one.day)}
    for group in sorted({*sealed, *found}, key=lambda one: (one[1], one[0] or 0)):
        if (difference := _difference(group, sealed.get(group), found.get(group))) is not None:
            yield difference


def _difference(group: Group, seal: AuditSeal | None, found: Digest | None) -> Difference | None:
    school_id, day = group
    sealed_rows, rows = (seal.rows if seal else 0), (found.rows if found else 0)
    if seal is not None and found == Digest(seal.rows, seal.first_id, seal.last_id, seal.digest):
        return None
    sentence = f"{counted(sealed_rows, 'row')} sealed, {rows:,} found"
    if seal is not None:
        sentence += f" (rows {seal.first_id} to {seal.last_id})"
    if rows == sealed_rows:
        return Difference(Kind.DIFFERS, school_id, day, f"{sentence}, and they are not the same.")
    kind = Kind.MISSING if rows < sealed_rows else Kind.EXTRA
    return Difference(kind, school_id, day, f"{sentence}.")


def _elsewhere(
    session: AnySession, source: Tables, days: tuple[date, date], seen: Mapping[Group, int]
) -> Iterator[Difference]:
    """Rows of sealed ids that lie in these days but in no range that has a seal of these days."""
    for (school_id, day), rows in source.counts(Stretch(None, sealed_up_to(session), *days)).items():
        if more := rows - seen.get((school_id, day), 0):
            yield Difference(Kind.EXTRA, school_id, day, f"{counted(more, 'row')} that no seal holds.")


def sealed_up_to(session: AnySession) -> int:
    """The highest id that has been sealed; 0 where nothing has."""
    return session.scalar(select(SealRun.up_to_id).order_by(SealRun.up_to_id.desc()).limit(1)) or 0
