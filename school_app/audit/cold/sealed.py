"""The rows of a cold file beside their seals: what is not sealed, or not as it was sealed, stays in the database.

audit.cold.cooling asks before it lists a file, inside all_schools().
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdFile
from school_app.audit.cold.rows import SchoolYear
from school_app.audit.digests import Digest, digest_of
from school_app.audit.models import AuditSeal
from school_app.audit.seals import sealed_up_to

AnySession = Session | scoped_session[Any]
Hashes = Sequence[tuple[int, str]]


class SealsDiffer(RuntimeError):
    """The rows are not sealed yet, or are not what was sealed; they stay where they are."""


def check(session: AnySession, year: SchoolYear, days: Mapping[date, Hashes], until: date) -> None:
    """Compare rows, by their days, with the seals of their school's days before `until`. Raises SealsDiffer."""
    last_id = max(id_ for hashes in days.values() for id_, _ in hashes)
    if last_id > sealed_up_to(session):
        raise SealsDiffer(f"{year}: row {last_id} is not sealed yet; run flask audit seal first.")
    since = _taken_before(session, year)
    statement = select(AuditSeal).where(
        AuditSeal.school_id == year.school_id, AuditSeal.day >= min(since, *days), AuditSeal.day < until
    )
    covered = 0
    for seal in session.scalars(statement, execution_options={"populate_existing": True}):
        found = digest_of(one for one in days.get(seal.day, ()) if seal.above_id < one[0] <= seal.up_to_id)
        if found is None and seal.day < since:
            # Rows of a day that went before, beside which some came late.
            continue
        if found != Digest(seal.rows, seal.first_id, seal.last_id, seal.digest):
            raise SealsDiffer(f"{year}: the rows of {seal.day} are not those that were sealed; run flask audit verify.")
        covered += found.rows
    if (more := sum(map(len, days.values())) - covered) > 0:
        raise SealsDiffer(f"{year}: no seal holds {more} of the rows; run flask audit verify.")


def _taken_before(session: AnySession, year: SchoolYear) -> date:
    """The day up to which earlier files hold the rows of the year."""
    latest = session.scalar(
        select(func.max(ColdFile.last_at)).where(ColdFile.school_id == year.school_id, ColdFile.year == year.year)
    )
    first: date = year.begins.date()
    return first if latest is None else latest.date() + timedelta(days=1)
