"""The audit log and its archive, partitioned by year on MySQL and MariaDB, and the record of archive runs."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, JsonText, UtcDateTime, exact

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FIRST_YEAR = 2020
FUTURE_YEARS = 2


def upgrade() -> None:
    on_server = op.get_bind().dialect.name != "sqlite"
    _audit_table("audit_log", on_server, numbered=True)
    op.create_index("ix_audit_log_school_id_created_at_id", "audit_log", ["school_id", "created_at", "id"])
    op.create_index("ix_audit_log_actor_id_created_at", "audit_log", ["actor_id", "created_at"])
    op.create_index("ix_audit_log_student_id_created_at", "audit_log", ["student_id", "created_at"])
    op.create_index("ix_audit_log_entity", "audit_log", ["entity_type", "entity_id", "created_at"])
    op.create_index("ix_audit_log_event", "audit_log", ["school_id", "event", "created_at"])
    op.create_index("ix_audit_log_request_id", "audit_log", ["request_id"])
    _audit_table("audit_log_archive", on_server, numbered=False)
    op.create_index(
        "ix_audit_log_archive_school_id_created_at_id", "audit_log_archive", ["school_id", "created_at", "id"]
    )
    op.create_index("ix_audit_log_archive_actor_id_created_at", "audit_log_archive", ["actor_id", "created_at"])
    op.create_index("ix_audit_log_archive_student_id_created_at", "audit_log_archive", ["student_id", "created_at"])
    if on_server:
        _partition_by_year("audit_log")
        _partition_by_year("audit_log_archive")
    _runs_and_lease()


def _audit_table(name: str, on_server: bool, *, numbered: bool) -> None:
    # SQLite numbers rows only where the id alone is the key; a partitioned table's key needs the date as well.
    key = ["id", "created_at"] if on_server else ["id"]
    op.create_table(
        name,
        sa.Column("id", Id, autoincrement=numbered, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("actor_id", Id, nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("event", exact(60), nullable=False),
        sa.Column("entity_type", exact(60), nullable=True),
        sa.Column("entity_id", Id, nullable=True),
        sa.Column("student_id", Id, nullable=True),
        sa.Column("changes", JsonText(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("ip", exact(45), nullable=True),
        sa.Column("request_id", exact(40), nullable=True),
        sa.Column("job_id", exact(60), nullable=True),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")),
    )


def _partition_by_year(name: str) -> None:
    # RANGE COLUMNS prunes on a plain comparison with created_at, without a function around the column.
    until = datetime.now(UTC).year + FUTURE_YEARS
    years = ", ".join(
        f"PARTITION p{year} VALUES LESS THAN ('{year + 1}-01-01 00:00:00.000000')"
        for year in range(FIRST_YEAR, until + 1)
    )
    op.execute(
        f"ALTER TABLE {name} PARTITION BY RANGE COLUMNS (created_at) "
        f"({years}, PARTITION pmax VALUES LESS THAN (MAXVALUE))"
    )


def _runs_and_lease() -> None:
    op.create_table(
        "audit_archive_run",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("cutoff", UtcDateTime(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "running",
                "done",
                "stopped",
                "failed",
                name="runstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("fencing_token", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.String(length=200), nullable=False),
        sa.Column("job_id", exact(60), nullable=True),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_archive_run")),
    )
    op.create_index("ix_audit_archive_run_started_at", "audit_archive_run", ["started_at"])
    op.create_table(
        "audit_archive_lease",
        sa.Column("name", exact(40), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_archive_lease")),
    )


def downgrade() -> None:
    op.drop_table("audit_archive_lease")
    op.drop_table("audit_archive_run")
    op.drop_table("audit_log_archive")
    op.drop_table("audit_log")
