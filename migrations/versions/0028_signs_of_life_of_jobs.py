"""A job says when whoever carries it out last gave a sign of life."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_run", sa.Column("alive_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("job_run") as table:
        table.drop_column("alive_at")
