"""The yearly partitions of the audit tables: which there are, those of the years to come, and rows that found none.

workers.jobs and `flask audit partitions` use it. SQLite has none, and says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, inspect, text
from sqlalchemy.orm import Session, scoped_session

from school_app.archiving.years import Yearly
from school_app.audit.digests import Digest, digests
from school_app.core.db import Base

AnySession = Session | scoped_session[Any]
TABLES = ("audit_log", "audit_log_archive")
STAGING = "audit_log_staging"
FAR_REMEDY = (
    "cannot have been written on such a day: set the clock of what wrote them. They stay in the catch-all as they are, "
    "readable and sealed; docs/operations.md says how they are put on record."
)


def bytes_a_row(session: AnySession) -> int:
    """About how many bytes one live row takes with its indexes, by the server's estimate; 0 where it has none."""
    if session.get_bind().dialect.name == "sqlite":
        return 0
    statement = text(
        "SELECT SUM(data_length + index_length) / SUM(table_rows) FROM information_schema.partitions "
        "WHERE table_schema = DATABASE() AND table_name = :hot AND table_rows > 0"
    )
    return int(session.scalar(statement, {"hot": TABLES[0]}) or 0)


def _other_shapes(engine: Engine) -> list[str]:
    """Tables that a year could not pass through, since their columns or indexes are not those of the live one."""
    inspector = inspect(engine)
    shapes = {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            {(one["name"], *one["column_names"]) for one in inspector.get_indexes(table)},
        )
        for table in (*TABLES, STAGING)
    }
    return [
        f"{table} has not the columns and indexes of {TABLES[0]}, so that no year can pass: run flask db upgrade."
        for table, shape in shapes.items()
        if shape != shapes[TABLES[0]]
    ]


def _digest(engine: Engine, name: str, begins: datetime, last_id: int) -> Digest | None:
    table = Base.metadata.tables[name]
    with Session(engine) as session:
        return digests(session, [table], lambda t: and_(t.c.created_at >= begins, t.c.id <= last_id), by_day=False).get(
            None
        )


YEARS = Yearly(
    tables=TABLES,
    column="created_at",
    command="flask audit partitions",
    without="run “flask audit partition-table --table {table}”",
    far=FAR_REMEDY,
    proof=_digest,
    also_wrong=_other_shapes,
)
partitions, partitions_on, bounds = YEARS.partitions, YEARS.partitions_on, YEARS.bounds
keep, missing, missing_years = YEARS.keep, YEARS.missing, YEARS.missing_years
strays, mend = YEARS.strays, YEARS.mend
