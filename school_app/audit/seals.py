"""Seals: what was written to the audit log between two points of it, by school and day, in digests that form chains.

What a seal is: docs/decisions/0020. All of it works inside all_schools(), but for newest(), which a school's page asks;
none of it commits. For the archive run and cold storage, before rows are let go where they lay:

    seals.sealed_up_to(session)                        only rows with an id up to this one may be moved
    seals.differences(session, tables, first, last)    what these tables do not hold of the sealed rows of these days,
                                                       or hold beside them: empty where all is well; days are UTC, whole

Rows above sealed_up_to() are not looked at by differences(), so a partition that is let go whole may hold none of them.
`audit.verify` goes through everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.models import ArchiveLease
from school_app.audit.batches import HOT
from school_app.audit.differences import Difference, Kind, differences, sealed_up_to
from school_app.audit.digests import Digest, Group
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.seal_texts import NOTHING_BEFORE, digest_of_seals, run_text, seal_text, text_hash
from school_app.audit.sources import TABLES, Stretch, Tables, midnight
from school_app.core import clock

__all__ = ["Difference", "Kind", "differences", "newest", "seal", "sealed_up_to"]
AnySession = Session | scoped_session[Any]
LOCK = "seals"
# A day is over for a seal when its last transactions have had this long to end.
GRACE = timedelta(minutes=30)
# Rows of a table that one run reads, so that its statements and its transaction stay short.
MOST_ROWS = 50_000


def seal(session: AnySession, until: date | None = None) -> Iterator[SealRun]:
    """Seal the rows of all days before `until` that are not sealed yet: run after run, the caller commits after each.

    By default the days (UTC) that were over half an hour ago. Where two work at once, each range is sealed by one.
    """
    before = until or (clock.now() - GRACE).date()
    while (run := _next_run(session, before)) is not None:
        yield run


def newest(session: AnySession) -> AuditSeal | None:
    """The latest seal of the session's school."""
    return session.scalar(select(AuditSeal).order_by(AuditSeal.up_to_id.desc(), AuditSeal.day.desc()).limit(1))


def _next_run(session: AnySession, before: date) -> SealRun | None:
    _wait_for_turn(session)
    last = session.scalar(select(SealRun).order_by(SealRun.up_to_id.desc()).limit(1))
    above_id = last.up_to_id if last else 0
    end = _end(session, above_id, before)
    if end is None:
        return None
    up_to_id = min([end, *_most(session, above_id)])
    _wait_for_writers(session, above_id, up_to_id)
    complete_before = before if up_to_id == end else last.complete_before if last else None
    run = SealRun(above_id=above_id, up_to_id=up_to_id, complete_before=complete_before, sealed_at=clock.now())
    seals = _seals(session, run)
    run.rows, run.seals, run.digest = sum(one.rows for one in seals), len(seals), digest_of_seals(seals)
    run.previous = last.hash if last else NOTHING_BEFORE
    run.hash = text_hash(run_text(run))
    session.add_all([run, *seals])
    session.flush()
    return run


def _wait_for_turn(session: AnySession) -> None:
    """Hold the one lock of sealing until this transaction ends."""
    statement = select(ArchiveLease).where(ArchiveLease.name == LOCK).with_for_update()
    if session.scalar(statement) is not None:
        return
    try:
        with session.begin_nested():
            session.add(ArchiveLease(name=LOCK, token=0))
            session.flush()
    except IntegrityError:
        # Another first run wrote it a moment before.
        session.scalars(statement).one()


def _end(session: AnySession, above_id: int, before: date) -> int | None:
    """The highest id among the rows of days that are over."""
    found = [
        session.scalar(
            select(table.c.id)
            .where(table.c.id > above_id, table.c.created_at < midnight(before))
            .order_by(table.c.id.desc())
            .limit(1)
        )
        for table in TABLES
    ]
    return max((one for one in found if one is not None), default=None)


def _most(session: AnySession, above_id: int) -> list[int]:
    """For each table that holds more than one run may read, the id at which it has to end."""
    found = [
        session.scalar(
            select(table.c.id).where(table.c.id > above_id).order_by(table.c.id).offset(MOST_ROWS - 1).limit(1)
        )
        for table in TABLES
    ]
    return [one for one in found if one is not None]


def _wait_for_writers(session: AnySession, above_id: int, up_to_id: int) -> None:
    """Wait for transactions that have written a row of these ids and have not ended.

    A row that appeared among sealed ones afterwards would look like tampering.
    """
    within = Stretch(above_id, up_to_id).where(HOT)
    session.scalar(select(func.count()).select_from(HOT).where(within).with_for_update(read=True))


def _seals(session: AnySession, run: SealRun) -> list[AuditSeal]:
    """The run's seals, each school's linked to the one before it."""
    found = Tables(session).digests(Stretch(run.above_id, run.up_to_id))
    previous = _newest_hashes(session)
    seals = []
    for group in sorted(found, key=lambda one: (one[0] is not None, one[0] or 0, one[1])):
        made = _seal(run, group, found[group], previous.get(group[0], NOTHING_BEFORE))
        previous[group[0]] = made.hash
        seals.append(made)
    return seals


def _seal(run: SealRun, group: Group, digest: Digest, previous: str) -> AuditSeal:
    made = AuditSeal(
        school_id=group[0],
        day=group[1],
        above_id=run.above_id,
        up_to_id=run.up_to_id,
        rows=digest.rows,
        first_id=digest.first_id,
        last_id=digest.last_id,
        digest=digest.sha256,
        previous=previous,
        sealed_at=run.sealed_at,
    )
    made.hash = text_hash(seal_text(made))
    return made


def _newest_hashes(session: AnySession) -> dict[int | None, str]:
    """The hash of every school's latest seal."""
    latest = select(AuditSeal.school_id, func.max(AuditSeal.up_to_id).label("up_to_id")).group_by(AuditSeal.school_id)
    part = latest.subquery()
    same = and_(AuditSeal.school_id.is_not_distinct_from(part.c.school_id), AuditSeal.up_to_id == part.c.up_to_id)
    rows = session.execute(select(AuditSeal.school_id, AuditSeal.hash).join(part, same).order_by(AuditSeal.day))
    return {school_id: hash_ for school_id, hash_ in rows}
