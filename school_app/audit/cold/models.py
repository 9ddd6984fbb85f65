"""The manifest: every file of cold storage, what it holds, and how much of it only it holds.

Everything in audit/cold works by it; a file that is not listed does not count.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from school_app.core import clock
from school_app.core.db import Base, Id, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOrPlatform


class ColdStatus(enum.StrEnum):
    """The life of a cold file."""

    PENDING = "pending"
    KEPT = "kept"
    RESTORING = "restoring"
    RESTORED = "restored"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"
    LOST = "lost"


class ColdFile(SchoolOrPlatform, Base):
    """One file: rows of one school, or of the platform, of one year (UTC).

    `cold_before` is the seam: rows of the file from days before it are in cold storage alone, the others are in the
    database still, or again. It moves in the transaction that deletes or brings back the rows, so that every row is in
    one place at any moment, and a day's rows in one place together. The first of January means that all are in the
    database; the first of January after means that none is. Of a file that is lost or destroyed it says which rows went
    with it.
    `digest` is that of audit.digests over all rows; `sha256` is over the file's bytes.
    """

    __tablename__ = "audit_cold_file"
    __table_args__ = (Index("ix_audit_cold_file_school_id_year", "school_id", "year"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)

    @declared_attr
    def school_id(cls) -> Mapped[int | None]:  # type: ignore[override]
        # No foreign key, as in the log itself, whose every row has to find its file.
        return mapped_column(Id, nullable=True)

    year: Mapped[int] = mapped_column(SmallInteger)
    path: Mapped[str] = mapped_column(exact(), unique=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(exact(64))
    sha256: Mapped[str] = mapped_column(exact(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[ColdStatus] = mapped_column(one_of(ColdStatus), default=ColdStatus.PENDING)
    cold_before: Mapped[date] = mapped_column(Date)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    kept_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    restored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    destroyed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def holds_alone(self) -> bool:
        """Whether rows of it are in the database no more."""
        return self.cold_before > self.begins

    @property
    def begins(self) -> date:
        """The first day of the file's year."""
        return date(self.year, 1, 1)

    @property
    def ends(self) -> date:
        """The day after the last of the file's year."""
        return date(self.year + 1, 1, 1)


class ColdDay(SchoolOrPlatform, Base):
    """What a file holds of one seal: the rows of a day that were sealed up to `up_to_id`.

    It stays when the file is destroyed, so that these seals are accounted for.
    """

    __tablename__ = "audit_cold_day"
    __table_args__ = (
        UniqueConstraint("file_id", "day", "up_to_id"),
        Index("ix_audit_cold_day_school_id_day", "school_id", "day"),
        Index("ix_audit_cold_day_up_to_id", "up_to_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("audit_cold_file.id", ondelete="RESTRICT"))

    @declared_attr
    def school_id(cls) -> Mapped[int | None]:  # type: ignore[override]
        return mapped_column(Id, nullable=True)

    day: Mapped[date] = mapped_column(Date)
    up_to_id: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(BigInteger)
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(exact(64))
