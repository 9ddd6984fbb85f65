"""Log-in names and addresses are stored in small letters and compared byte for byte."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import exact

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE account SET login = LOWER(login), email = LOWER(email)")
    with op.batch_alter_table("account") as table:
        table.alter_column("login", existing_type=sa.String(length=191), type_=exact(), existing_nullable=False)
        table.alter_column("email", existing_type=sa.String(length=191), type_=exact(), existing_nullable=True)


def downgrade() -> None:
    with op.batch_alter_table("account") as table:
        table.alter_column("login", existing_type=exact(), type_=sa.String(length=191), existing_nullable=False)
        table.alter_column("email", existing_type=exact(), type_=sa.String(length=191), existing_nullable=True)
