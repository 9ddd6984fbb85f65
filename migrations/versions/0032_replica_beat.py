"""A row that is renewed all the time, by which replicas show how far they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replica_beat",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replica_beat")),
    )


def downgrade() -> None:
    op.drop_table("replica_beat")
