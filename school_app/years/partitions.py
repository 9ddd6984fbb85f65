"""The partitions of the archive of registers and marks: one for each year from 1 August.

So a year of the northern hemisphere lies in one of them, and one of the southern in two. workers.jobs and `flask
attendance partitions` use it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from school_app.archiving.years import Yearly
from school_app.attendance.models import ArchivedMark, ArchivedRegister
from school_app.core.db import Base

FETCHED = 1_000


def _digest(engine: Engine, name: str, begins: datetime, last_id: int) -> str:
    """The SHA-256 of the rows of the catch-all from a day on, in the order of their ids."""
    table, found = Base.metadata.tables[name], hashlib.sha256()
    rows = select(table).where(table.c.date >= begins.date(), table.c.id <= last_id).order_by(table.c.id)
    with Session(engine) as session:
        for row in session.execute(rows.execution_options(yield_per=FETCHED)):
            found.update(repr(tuple(row)).encode())
    return found.hexdigest()


YEARS = Yearly(
    tables=(ArchivedRegister.__tablename__, ArchivedMark.__tablename__),
    column="date",
    command="flask attendance partitions",
    without="run flask db upgrade on a server that makes them; docs/operations.md says how they are made by hand",
    far=(
        "cannot lie in a closed school year: reopen the year that holds such a day, and correct its days. They stay in "
        "the catch-all as they are, and can be read."
    ),
    proof=_digest,
    begins=(8, 1),
    has_time=False,
)
