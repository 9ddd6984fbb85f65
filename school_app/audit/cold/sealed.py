"""The rows of a cold file beside their seals: what is not as it was sealed stays in the database.

audit.cold.taking asks before it lists a file, inside all_schools().
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.manifest import accounted
from school_app.audit.cold.models import ColdFile
from school_app.audit.cold.rows import SchoolYear
from school_app.audit.digests import Digest, digest_of
from school_app.audit.models import AuditSeal
from school_app.audit.sealed import SealsDiffer

__all__ = ["SealsDiffer", "matching"]
AnySession = Session | scoped_session[Any]
Hashes = Sequence[tuple[int, str]]


def seals_of(session: AnySession, listed: ColdFile, days: Mapping[date, Hashes]) -> list[AuditSeal]:
    """The seals that the rows of a file, by their days, are equal to. Raises SealsDiffer where a row is in none."""
    statement = select(AuditSeal).where(
        AuditSeal.school_id.is_not_distinct_from(listed.school_id),
        AuditSeal.day.between(listed.first_at.date(), listed.last_at.date()),
    )
    found = []
    for seal in session.scalars(statement, execution_options={"populate_existing": True}):
        rows = digest_of(one for one in days.get(seal.day, ()) if seal.above_id < one[0] <= seal.up_to_id)
        if rows == Digest(seal.rows, seal.first_id, seal.last_id, seal.digest):
            found.append(seal)
    if sum(one.rows for one in found) != listed.rows:
        raise SealsDiffer(f"{listed.path}: its rows are not those that were sealed; run flask audit verify.")
    return found


def matching(
    session: AnySession, year: SchoolYear, days: Mapping[date, Hashes], until: date, *, up_to_id: int
) -> list[AuditSeal]:
    """The seals that some rows, by their days, are equal to: every seal of the year's days before `until`.

    Left out are seals above an id, and those whose rows went to a file before. Raises SealsDiffer where a seal's rows
    are others or not there, or where rows have no seal.
    """
    first = year.begins.date()
    statement = select(AuditSeal).where(
        AuditSeal.school_id.is_not_distinct_from(year.school_id),
        AuditSeal.day >= first,
        AuditSeal.day < until,
        AuditSeal.up_to_id <= up_to_id,
    )
    gone = accounted(session, year.school_id, first, until)
    found = []
    for seal in session.scalars(statement, execution_options={"populate_existing": True}):
        if (seal.day, seal.up_to_id) in gone:
            continue
        rows = digest_of(one for one in days.get(seal.day, ()) if seal.above_id < one[0] <= seal.up_to_id)
        if rows != Digest(seal.rows, seal.first_id, seal.last_id, seal.digest):
            raise SealsDiffer(f"{year}: the rows of {seal.day} are not those that were sealed; run flask audit verify.")
        found.append(seal)
    if (more := sum(map(len, days.values())) - sum(one.rows for one in found)) > 0:
        raise SealsDiffer(f"{year}: no seal holds {more} of the rows; run flask audit verify.")
    return found
