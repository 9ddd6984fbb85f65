"""The log's own books, where they name a day that is none: nothing that is kept in days can be verified by them.

`flask audit verify` asks it first, inside all_schools(). Rows of the log itself that lie on no day are told beside the
others, by audit.verify.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Date, Table, not_, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdDay, ColdFile
from school_app.audit.models import AuditSeal, SealRun
from school_app.core.db import UtcDateTime, has_day

AnySession = Session | scoped_session[Any]
MOST_NAMED = 20
BOOKS: tuple[Any, ...] = (SealRun, AuditSeal, ColdFile, ColdDay)


def undated(session: AnySession) -> Iterator[str]:
    """For each table of seals and of cold files that names a day which is none: where, by the ids of its rows."""
    for book in BOOKS:
        table: Table = book.__table__
        days = [one for one in table.columns if isinstance(one.type, Date | UtcDateTime)]
        # Only the id is read: what is no day cannot be read as one.
        wrong = select(book.id).where(or_(*(not_(has_day(one)) for one in days))).order_by(book.id)
        if ids := session.scalars(wrong.limit(MOST_NAMED + 1)).all():
            more = " and more" if len(ids) > MOST_NAMED else ""
            rows = ", ".join(str(id_) for id_ in ids[:MOST_NAMED])
            yield f"{table.name}, id {rows}{more}: one of {', '.join(one.name for one in days)} is no day."
