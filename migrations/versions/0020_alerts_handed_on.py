"""An alert keeps who handed it on, and what the next person needs to know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("alert") as table:
        table.add_column(sa.Column("handed_on_by_name", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("handed_on_because", sa.String(length=500), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("alert") as table:
        table.drop_column("handed_on_because")
        table.drop_column("handed_on_by_name")
