"""Registers and marks of closed school years, partitioned by years from 1 August on MySQL and MariaDB."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

YEAR_BEGINS = (8, 1)
FIRST_YEAR = 2020
FUTURE_YEARS = 2
TABLES = ("register_archive", "attendance_mark_archive")
CLOSING = (
    ("closed_at", UtcDateTime()),
    ("closed_by", sa.String(length=200)),
    ("moved_at", UtcDateTime()),
    ("reopening_since", UtcDateTime()),
)


def upgrade() -> None:
    on_server = op.get_bind().dialect.name != "sqlite"
    for name, kind in CLOSING:
        op.add_column("school_year", sa.Column(name, kind, nullable=True))
    _registers()
    _marks()
    if on_server:
        for table in TABLES:
            _partition_by_year(table)
    else:
        _give_numbers_once()


def _chosen(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _session() -> sa.Column[str]:
    return sa.Column("session", _chosen("session", "AM", "PM", "DAY"), nullable=False)


def _source() -> sa.Column[str]:
    return sa.Column("source", _chosen("source", "person", "import"), nullable=False)


def _registers() -> None:
    op.create_table(
        "register_archive",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.Column("form_id", Id, nullable=True),
        sa.Column("teaching_group_id", Id, nullable=True),
        _session(),
        sa.Column("state", _chosen("registerstate", "not_taken", "taken"), nullable=False),
        _source(),
        sa.Column("taken_by", Id, nullable=True),
        sa.Column("taken_by_name", sa.String(length=200), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("corrected_by_name", sa.String(length=200), nullable=True),
        sa.Column("corrected_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", "date", name=op.f("pk_register_archive")),
        sa.UniqueConstraint(
            *("school_id", "form_id", "date", "session"),
            name=op.f("uq_register_archive_school_id_form_id_date_session"),
        ),
        sa.UniqueConstraint(
            *("school_id", "teaching_group_id", "date", "session"),
            name=op.f("uq_register_archive_school_id_teaching_group_id_date_session"),
        ),
        sa.Index("ix_register_archive_school_id_date", "school_id", "date"),
    )


def _marks() -> None:
    op.create_table(
        "attendance_mark_archive",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.Column("register_id", Id, nullable=True),
        sa.Column("student_id", Id, nullable=False),
        _session(),
        sa.Column("code_id", Id, nullable=False),
        sa.Column("minutes_late", sa.SmallInteger(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        _source(),
        sa.Column("recorded_by", Id, nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", "date", name=op.f("pk_attendance_mark_archive")),
        sa.UniqueConstraint(
            *("school_id", "student_id", "date", "session", "register_id"),
            name=op.f("uq_attendance_mark_archive_seat"),
        ),
        sa.Index("ix_attendance_mark_archive_register_id", "register_id"),
        sa.Index("ix_attendance_mark_archive_school_id_date", "school_id", "date"),
        sa.Index("ix_attendance_mark_archive_school_id_code_id", "school_id", "code_id"),
    )


def _partition_by_year(table: str) -> None:
    now = datetime.now(UTC)
    until = (now.year if (now.month, now.day) >= YEAR_BEGINS else now.year - 1) + FUTURE_YEARS
    month, day = YEAR_BEGINS
    years = ", ".join(
        f"PARTITION p{year} VALUES LESS THAN ('{year + 1}-{month:02}-{day:02}')"
        for year in range(FIRST_YEAR, until + 1)
    )
    op.execute(
        f"ALTER TABLE {table} PARTITION BY RANGE COLUMNS (date) ({years}, PARTITION pmax VALUES LESS THAN (MAXVALUE))"
    )


def _give_numbers_once() -> None:
    """SQLite gives the highest number that is there, plus one, unless it is told to remember; the servers remember.

    A table to which rows point cannot be made anew there, so the marks step aside meanwhile.
    """
    op.execute("CREATE TABLE marks_aside AS SELECT * FROM attendance_mark")
    op.execute("DELETE FROM attendance_mark")
    for table in ("register", "attendance_mark"):
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
    op.execute("INSERT INTO attendance_mark SELECT * FROM marks_aside")
    op.execute("DROP TABLE marks_aside")


def downgrade() -> None:
    # Rows of closed years would be lost: they have to be reopened before.
    rows = sum(op.get_bind().execute(sa.text(f"SELECT COUNT(*) FROM {table}")).scalar_one() for table in TABLES)  # noqa: S608
    if rows:
        raise RuntimeError("Closed school years hold registers: run “flask attendance reopen” for each of them first.")
    for table in reversed(TABLES):
        op.drop_table(table)
    for name, _ in CLOSING:
        op.drop_column("school_year", name)
