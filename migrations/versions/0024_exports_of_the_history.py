"""Exports of the history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, JsonText, UtcDateTime, exact

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "history_export",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.Column("session_key", exact(60), nullable=False),
        sa.Column("chosen", JsonText(), nullable=False),
        sa.Column("format", _one_of("exportformat", "csv", "jsonl"), nullable=False),
        sa.Column("status", _one_of("exportstatus", "waiting", "running", "done", "failed"), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("reached_at", UtcDateTime(), nullable=True),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("stored_as", exact(80), nullable=True),
        sa.Column("requested_by", Id, nullable=False),
        sa.Column("requested_by_name", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_export")),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_history_export_school_id"), ondelete="RESTRICT"
        ),
        sa.Index("ix_history_export_school_id_session_key", "school_id", "session_key", "created_at"),
        sa.Index("ix_history_export_created_at", "created_at"),
    )


def downgrade() -> None:
    op.drop_table("history_export")
