"""The lease of the archive says which job holds it, and in which attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("audit_archive_lease") as table:
        table.add_column(sa.Column("job_id", Id, nullable=True))
        table.add_column(sa.Column("attempt", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("audit_archive_lease") as table:
        table.drop_column("attempt")
        table.drop_column("job_id")
