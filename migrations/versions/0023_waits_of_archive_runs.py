"""An archive run says how much it has before it, and how long it waited for replicas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("audit_archive_run") as table:
        table.add_column(sa.Column("expected", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("waited", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("waits_for", sa.String(length=200), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("audit_archive_run") as table:
        table.drop_column("waits_for")
        table.drop_column("waited")
        table.drop_column("expected")
