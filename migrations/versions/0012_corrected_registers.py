"""A register keeps who took it and when, and who corrected it last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("register") as table:
        table.add_column(sa.Column("corrected_at", UtcDateTime(), nullable=True))
        table.add_column(sa.Column("corrected_by_name", sa.String(length=200), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("register") as table:
        table.drop_column("corrected_by_name")
        table.drop_column("corrected_at")
