"""A failed job says when operators were told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_run", sa.Column("told_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("job_run") as table:
        table.drop_column("told_at")
