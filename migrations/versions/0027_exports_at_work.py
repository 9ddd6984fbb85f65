"""An export says when its writer last gave a sign, so that one whose worker was lost is told from one at work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("history_export", sa.Column("alive_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("history_export") as table:
        table.drop_column("alive_at")
