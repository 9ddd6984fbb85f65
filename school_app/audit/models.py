"""The audit log, its archive, what is on its way between them, its seals, the record of runs, and tallies of refusals.

Log and archive are partitioned by year on MySQL and MariaDB, so they carry no foreign keys.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from school_app.core import clock
from school_app.core.db import Base, Id, JsonText, UtcDateTime, exact, one_of
from school_app.core.tenancy import SchoolOrPlatform

MOST_LEVELS = 50


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a row has for its changes where that is not what the product writes; the text as it stands."""

    text: str


Changes = dict[str, Any] | Unreadable


def read_changes(text: str) -> Changes:
    """What is stored as the changes of a row. The product writes objects of JSON; another hand may write any text."""
    try:
        found = json.loads(text)
        if "\\u" in text:
            # Half of a character that takes two is text for Python, and neither page nor file can be written with it.
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return Unreadable(text)
    return found if isinstance(found, dict) and not _is_deep(text, found) else Unreadable(text)


def _is_deep(text: str, found: Any) -> bool:
    """Whether values lie in one another deeper than anybody means who writes them for a reader."""
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return False
    level = [found]
    for _ in range(MOST_LEVELS):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [value for values in inner for value in values]
    return bool(level)


def fields_of(changes: Changes | None) -> dict[str, Any]:
    """The fields that a row says were changed; none where what it says cannot be read."""
    return {} if changes is None or isinstance(changes, Unreadable) else changes


class ChangesText(JsonText):
    """The changes of a row as text, of which nothing that is stored makes reading fail."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Changes | None:
        return None if value is None else read_changes(value)


class AuditColumns(SchoolOrPlatform):
    """The columns of an audit row, in the order in which they are copied and hashed.

    `student_id` is whose record it is; `changes` maps a field to [before, after]; a NULL school_id is the platform's.
    """

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True, default=clock.now)

    @declared_attr
    def school_id(cls) -> Mapped[int | None]:  # type: ignore[override]
        return mapped_column(Id, nullable=True)

    actor_id: Mapped[int | None] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(200))
    event: Mapped[str] = mapped_column(exact(60))
    entity_type: Mapped[str | None] = mapped_column(exact(60))
    entity_id: Mapped[int | None] = mapped_column(Id)
    student_id: Mapped[int | None] = mapped_column(Id)
    changes: Mapped[Changes | None] = mapped_column(ChangesText)
    reason: Mapped[str | None] = mapped_column(String(500))
    ip: Mapped[str | None] = mapped_column(exact(45))
    request_id: Mapped[str | None] = mapped_column(exact(40))
    job_id: Mapped[str | None] = mapped_column(exact(60))


# The ways in which the history is narrowed. Each index ends as the history is ordered; the servers hold the id there in
# any case, but MariaDB sorts the rows of a partitioned table unless an index names it.
READ_BY: dict[str, tuple[str, ...]] = {
    "moment": ("school_id",),
    "actor": ("actor_id",),
    "student": ("student_id",),
    "thing": ("entity_type", "entity_id"),
    "event": ("school_id", "event"),
    "kind": ("school_id", "entity_type"),
}


def reading_index(way: str) -> str:
    """The name of the index for one way of reading: the same in every table, as an exchange of partitions asks for.

    In SQLite, where no two indexes have one name, it is another, which nobody asks for.
    """
    return f"ix_audit_log_{way}"


def reading_indexes() -> tuple[Index, ...]:
    """The indexes of a table of audit rows: one for each way of reading."""
    return tuple(Index(reading_index(way), *columns, "created_at", "id") for way, columns in READ_BY.items())


class AuditRow(AuditColumns, Base):
    """A live audit row."""

    __tablename__ = "audit_log"
    __table_args__ = reading_indexes()


class StagedAuditRow(AuditColumns, Base):
    """An audit row on its way by exchange of partitions: in a plain table of the same shape, empty at rest.

    SQLite, which has no partitions, never uses it.
    """

    __tablename__ = "audit_log_staging"
    __table_args__ = reading_indexes()


class ArchivedAuditRow(AuditColumns, Base):
    """An audit row past its hot days: the same columns and indexes, since it is read in the same ways."""

    __tablename__ = "audit_log_archive"
    __table_args__ = reading_indexes()


class RunStatus(enum.StrEnum):
    """How an archive run stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class ArchiveRun(Base):
    """One run of the archiver: its fixed cutoff, what it moved, how long it took and how it ended.

    `expected` is how many rows it set out to move; `waited` is seconds, `waits_for` the replica it waits for just now.
    """

    __tablename__ = "audit_archive_run"
    __table_args__ = (Index("ix_audit_archive_run_started_at", "started_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    cutoff: Mapped[datetime] = mapped_column(UtcDateTime)
    method: Mapped[str] = mapped_column(String(40), default="batches")
    status: Mapped[RunStatus] = mapped_column(one_of(RunStatus), default=RunStatus.RUNNING)
    fencing_token: Mapped[int] = mapped_column(BigInteger)
    started_by: Mapped[str] = mapped_column(String(200))
    job_id: Mapped[str | None] = mapped_column(exact(60))
    expected: Mapped[int | None] = mapped_column(BigInteger)
    moved: Mapped[int] = mapped_column(BigInteger, default=0)
    batches: Mapped[int] = mapped_column(Integer, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(1000))
    waited: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    waits_for: Mapped[str | None] = mapped_column(String(200))


class AuditSeal(SchoolOrPlatform, Base):
    """The digest of one school's rows of one day (UTC) whose ids lie above `above_id` and up to `up_to_id`.

    `hash` is the SHA-256 of seals.seal_text(), which holds every other column; `previous` is the hash of the school's
    seal before it. The order of a school's seals is (up_to_id, day).
    """

    __tablename__ = "audit_seal"
    __table_args__ = (
        UniqueConstraint("school_id", "up_to_id", "day"),
        Index("ix_audit_seal_up_to_id", "up_to_id"),
        Index("ix_audit_seal_day", "day", "up_to_id"),
        Index("ix_audit_seal_hash", "hash"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)

    @declared_attr
    def school_id(cls) -> Mapped[int | None]:  # type: ignore[override]
        # No foreign key, as in the log: what names a school that is not there has to be sealed like the rest.
        return mapped_column(Id, nullable=True)

    day: Mapped[date]
    above_id: Mapped[int] = mapped_column(BigInteger)
    up_to_id: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(BigInteger)
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(exact(64))
    previous: Mapped[str] = mapped_column(exact(64))
    hash: Mapped[str] = mapped_column(exact(64))
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SealRun(Base):
    """One step of sealing: every row with an id above `above_id` and up to `up_to_id` has been sealed by it.

    Runs follow one another without a gap. Days before `complete_before` have been sealed as far as they were written.
    `digest` is that of the run's seals, so that a school cannot lose its newest seals unseen; runs are a chain too.
    """

    __tablename__ = "audit_seal_run"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    above_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    up_to_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    complete_before: Mapped[date | None]
    rows: Mapped[int] = mapped_column(BigInteger)
    seals: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(exact(64))
    previous: Mapped[str] = mapped_column(exact(64))
    hash: Mapped[str] = mapped_column(exact(64))
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RefusalTally(SchoolOrPlatform, Base):
    """How often one account was refused in one minute, until the scheduler has told it; the first ones have rows.

    Where the account belongs to no school two rows may stand for one minute; both are told.
    """

    __tablename__ = "refusal_tally"
    __table_args__ = (UniqueConstraint("account_id", "minute", "school_id"), Index("ix_refusal_tally_minute", "minute"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    account_id: Mapped[int] = mapped_column(Id)
    minute: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_name: Mapped[str] = mapped_column(String(200))
    ip: Mapped[str | None] = mapped_column(exact(45))
    refused: Mapped[int] = mapped_column(Integer)
