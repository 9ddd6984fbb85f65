"""Seals of the audit log, by school and day, and the runs that made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime, exact

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("above_id", sa.BigInteger(), nullable=False),
        sa.Column("up_to_id", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        *_links(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("school_id", "up_to_id", "day", name=op.f("uq_audit_seal_school_id_up_to_id_day")),
    )
    op.create_index("ix_audit_seal_up_to_id", "audit_seal", ["up_to_id"])
    op.create_index("ix_audit_seal_day", "audit_seal", ["day", "up_to_id"])
    op.create_index("ix_audit_seal_hash", "audit_seal", ["hash"])
    op.create_table(
        "audit_seal_run",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("above_id", sa.BigInteger(), nullable=False),
        sa.Column("up_to_id", sa.BigInteger(), nullable=False),
        sa.Column("complete_before", sa.Date(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("seals", sa.Integer(), nullable=False),
        *_links(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal_run")),
        sa.UniqueConstraint("above_id", name=op.f("uq_audit_seal_run_above_id")),
        sa.UniqueConstraint("up_to_id", name=op.f("uq_audit_seal_run_up_to_id")),
    )


def _links() -> list[sa.Column[object]]:
    hashes = [sa.Column(name, exact(64), nullable=False) for name in ("digest", "previous", "hash")]
    return [*hashes, sa.Column("sealed_at", UtcDateTime(), nullable=False)]


def downgrade() -> None:
    op.drop_table("audit_seal_run")
    op.drop_table("audit_seal")
