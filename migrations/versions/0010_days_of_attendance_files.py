"""The days for which an uploaded file of attendance speaks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("roster_import", sa.Column("first_day", sa.Date(), nullable=True))
    op.add_column("roster_import", sa.Column("last_day", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("roster_import") as batch:
        batch.drop_column("last_day")
        batch.drop_column("first_day")
