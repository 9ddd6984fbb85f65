"""Imports of files and the problems found in them.

rosters/ and the pages and commands above it use these.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from school_app.core import clock
from school_app.core.db import Base, Id, JsonText, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOwned, belongs, keyed


class ImportKind(enum.StrEnum):
    """What a file brings."""

    ROSTER = "roster"
    ATTENDANCE = "attendance"
    BEHAVIOUR = "behaviour"
    CALENDAR = "calendar"


class ImportStatus(enum.StrEnum):
    """How far an import is. A refused one changed nothing."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Import(SchoolOwned, Base):
    """One file brought into one school. `counts` says by kind of row what was added, changed, removed, unchanged.

    `first_day` and `last_day` are those for which a person said that a file of attendance speaks; both or neither.
    """

    __tablename__ = "roster_import"
    __table_args__ = keyed(Index("ix_roster_import_school_id_created_at", "school_id", "created_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    kind: Mapped[ImportKind] = mapped_column(one_of(ImportKind))
    status: Mapped[ImportStatus] = mapped_column(one_of(ImportStatus), default=ImportStatus.WAITING)
    file_name: Mapped[str] = mapped_column(String(255))
    stored_as: Mapped[str | None] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(exact(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    first_day: Mapped[date | None] = mapped_column(Date)
    last_day: Mapped[date | None] = mapped_column(Date)
    dry_run: Mapped[bool] = mapped_column(default=False)
    rows_done: Mapped[int] = mapped_column(Integer, default=0)
    rows_total: Mapped[int | None] = mapped_column(Integer)
    counts: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    error_count: Mapped[int] = mapped_column(Integer, default=0)
    warning_count: Mapped[int] = mapped_column(Integer, default=0)
    requested_by: Mapped[int | None] = mapped_column(Id)
    requested_by_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportProblem(SchoolOwned, Base):
    """One error or warning of an import: where it is, what it is, and what to do."""

    __tablename__ = "roster_import_problem"
    __table_args__ = (
        Index("ix_roster_import_problem_import_id_id", "import_id", "id"),
        belongs("import_id", "roster_import"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    import_id: Mapped[int] = mapped_column(Id)
    severity: Mapped[str] = mapped_column(String(10))
    file: Mapped[str] = mapped_column(String(120))
    line: Mapped[int | None] = mapped_column(Integer)
    column: Mapped[str | None] = mapped_column(String(120))
    message: Mapped[str] = mapped_column(String(500))
    remedy: Mapped[str] = mapped_column(String(500))
