"""Where a duty comes from: the row of the roster that gave it; none where the school appointed somebody itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import exact

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
TABLES = ("form_master", "teaching_group_teacher")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("sourced_id", exact(191), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "sourced_id")
