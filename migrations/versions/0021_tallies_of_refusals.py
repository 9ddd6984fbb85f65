"""Refusals are counted by account and minute, so that a flood of them does not fill the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime, exact

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refusal_tally",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("minute", UtcDateTime(), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("ip", exact(45), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal_tally")),
        sa.UniqueConstraint(
            "account_id", "minute", "school_id", name=op.f("uq_refusal_tally_account_id_minute_school_id")
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_refusal_tally_school_id"), ondelete="RESTRICT"
        ),
        sa.Index("ix_refusal_tally_minute", "minute"),
    )


def downgrade() -> None:
    op.drop_table("refusal_tally")
