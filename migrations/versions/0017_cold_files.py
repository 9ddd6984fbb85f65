"""The manifest of cold storage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime, exact

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATUS = sa.Enum(
    "pending",
    "kept",
    "restoring",
    "restored",
    "destroying",
    "destroyed",
    name="coldstatus",
    native_enum=False,
    create_constraint=True,
    length=32,
)


def upgrade() -> None:
    op.create_table(
        "audit_cold_file",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("path", exact(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.Column("sha256", exact(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", STATUS, nullable=False),
        sa.Column("cold_before", sa.Date(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=True),
        sa.Column("restored_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_cold_file")),
        sa.UniqueConstraint("path", name=op.f("uq_audit_cold_file_path")),
    )
    op.create_index("ix_audit_cold_file_school_id_year", "audit_cold_file", ["school_id", "year"])


def downgrade() -> None:
    op.drop_table("audit_cold_file")
