"""Exports of the history: who asked for which part of it, how far its file is, and where it lies.

history/ alone uses it.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from school_app.core import clock
from school_app.core.db import Base, Id, JsonText, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOwned


class ExportFormat(enum.StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


class HistoryExport(SchoolOwned, Base):
    """One export, as long as its file is kept. It belongs to the session key that it was asked for with.

    `chosen` is what the form was narrowed to, with both days; `reached_at` is the moment of the last row written, the
    rows being written from the latest to the earliest. `is_cut` says that there were more rows than an export may hold.
    `stored_as` is the name of its file from the moment at which its writing begins, another one in each try; until the
    file is whole, ".part" stands behind it. `finished_at` is when it was whole: until then an export is as far as the
    job is that writes it.
    """

    __tablename__ = "history_export"
    __table_args__ = (
        Index("ix_history_export_school_id_session_key", "school_id", "session_key", "created_at"),
        Index("ix_history_export_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    session_key: Mapped[str] = mapped_column(exact(60))
    chosen: Mapped[dict[str, Any]] = mapped_column(JsonText)
    format: Mapped[ExportFormat] = mapped_column(one_of(ExportFormat))
    job_run_id: Mapped[int | None] = mapped_column(Id)
    rows: Mapped[int] = mapped_column(Integer, default=0)
    reached_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_cut: Mapped[bool] = mapped_column(default=False)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    stored_as: Mapped[str | None] = mapped_column(exact(80))
    requested_by: Mapped[int] = mapped_column(Id)
    requested_by_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
