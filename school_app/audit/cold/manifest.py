"""What the manifest says of the rows that cold storage alone has, without a file being opened.

The archive run compares days with it, since what it lets go is in no file; cooling asks which seals are accounted for.
It works inside all_schools().
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.digests import Digest, Group
from school_app.audit.models import AuditSeal
from school_app.audit.sources import Stretch, together

AnySession = Session | scoped_session[Any]
IN_COLD = ColdDay.day < ColdFile.cold_before


class Listed:
    """The rows that are in cold storage, or went with it, by what was listed of them; all, or some files’."""

    def __init__(self, session: AnySession, file_ids: Sequence[int] | None = None) -> None:
        self._session, self._file_ids = session, file_ids

    def digests(self, stretch: Stretch) -> Mapping[Group, Digest]:
        """As Source.digests(), for the ids of whole sealing runs."""
        statement = (
            select(ColdDay.school_id, ColdDay.day, ColdDay.rows, ColdDay.first_id, ColdDay.last_id, ColdDay.digest)
            .join(ColdFile, ColdFile.id == ColdDay.file_id)
            .where(IN_COLD)
        )
        if self._file_ids is not None:
            statement = statement.where(ColdFile.id.in_(self._file_ids))
        if stretch.above_id is not None:
            statement = statement.where(ColdDay.up_to_id > stretch.above_id)
        if stretch.up_to_id is not None:
            statement = statement.where(ColdDay.up_to_id <= stretch.up_to_id)
        if stretch.first is not None:
            statement = statement.where(ColdDay.day >= stretch.first)
        if stretch.last is not None:
            statement = statement.where(ColdDay.day <= stretch.last)
        rows = self._session.execute(statement)
        return together(
            *({(one.school_id, one.day): _digest(one)} for one in rows if stretch.holds(one.school_id, one.day))
        )


def _digest(one: Any) -> Digest:
    return Digest(one.rows, one.first_id, one.last_id, one.digest)


def went_with(session: AnySession, first: date, last: date) -> dict[Group, str]:
    """The file that is lost or destroyed, by each school and day between two of which rows went with it."""
    statement = (
        select(ColdDay.school_id, ColdDay.day, ColdFile.path)
        .join(ColdFile, ColdFile.id == ColdDay.file_id)
        .where(IN_COLD, ColdFile.status.in_((ColdStatus.LOST, ColdStatus.DESTROYED)), ColdDay.day.between(first, last))
    )
    return {(school_id, day): path for school_id, day, path in session.execute(statement)}


def accounted(session: AnySession, school_id: int | None, first: date, until: date) -> set[tuple[date, int]]:
    """The seals of a school's days, by day and last id, whose rows are in a file already, or on their way to one."""
    statement = (
        select(ColdDay.day, ColdDay.up_to_id)
        .join(ColdFile, ColdFile.id == ColdDay.file_id)
        .where(
            ColdDay.school_id.is_not_distinct_from(school_id),
            ColdDay.day >= first,
            ColdDay.day < until,
            or_(IN_COLD, ColdFile.status == ColdStatus.PENDING),
        )
    )
    return {(day, up_to_id) for day, up_to_id in session.execute(statement)}


def list_days(session: AnySession, file_id: int, seals: Sequence[AuditSeal]) -> None:
    """Write down which seals' rows a file holds, as they were compared with it."""
    rows = [
        {
            "file_id": file_id,
            "school_id": one.school_id,
            "day": one.day,
            "up_to_id": one.up_to_id,
            "rows": one.rows,
            "first_id": one.first_id,
            "last_id": one.last_id,
            "digest": one.digest,
        }
        for one in seals
    ]
    if rows:
        session.execute(insert(ColdDay), rows)
