"""Notes can be withdrawn: they stay, and nobody reads them any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("note") as table:
        table.add_column(sa.Column("withdrawn_at", UtcDateTime(), nullable=True))
        table.add_column(sa.Column("withdrawn_by_name", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("withdrawn_because", sa.String(length=500), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("note") as table:
        table.drop_column("withdrawn_because")
        table.drop_column("withdrawn_by_name")
        table.drop_column("withdrawn_at")
