"""What each cold file holds of each seal, so that no file has to be opened for it; and files that are lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, exact

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BEFORE = ("pending", "kept", "restoring", "restored", "destroying", "destroyed")


def upgrade() -> None:
    op.create_table(
        "audit_cold_day",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("file_id", Id, nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("up_to_id", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["audit_cold_file.id"], name=op.f("fk_audit_cold_day_file_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_cold_day")),
        sa.UniqueConstraint("file_id", "day", "up_to_id", name=op.f("uq_audit_cold_day_file_id_day_up_to_id")),
    )
    op.create_index("ix_audit_cold_day_school_id_day", "audit_cold_day", ["school_id", "day"])
    op.create_index("ix_audit_cold_day_up_to_id", "audit_cold_day", ["up_to_id"])
    _allow(*BEFORE, "lost")


def downgrade() -> None:
    _allow(*BEFORE)
    op.drop_table("audit_cold_day")


def _allow(*statuses: str) -> None:
    name = op.f("ck_audit_cold_file_coldstatus")
    allowed = ", ".join(f"'{one}'" for one in statuses)
    with op.batch_alter_table("audit_cold_file") as table:
        table.drop_constraint(name, type_="check")
        table.create_check_constraint(name, f"status IN ({allowed})")
