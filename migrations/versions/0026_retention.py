"""How long audit rows are kept, the holds that stop their end, and when a cold file was destroyed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

DATA_CLASS = sa.Enum(
    "school_log", "platform_log", name="dataclass", native_enum=False, create_constraint=True, length=32
)


def upgrade() -> None:
    op.create_table(
        "retention_rule",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("data_class", DATA_CLASS, nullable=False),
        sa.Column("years", sa.SmallInteger(), nullable=False),
        sa.Column("years_before", sa.SmallInteger(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_retention_rule_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_rule")),
        sa.UniqueConstraint("school_id", "data_class", name=op.f("uq_retention_rule_school_id_data_class")),
    )
    op.create_table(
        "legal_hold",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.Column("set_by_name", sa.String(length=200), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("released_by_name", sa.String(length=200), nullable=True),
        sa.Column("released_because", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_legal_hold_school_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_legal_hold_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index("ix_legal_hold_school_id_released_at", "legal_hold", ["school_id", "released_at"])
    op.add_column("audit_cold_file", sa.Column("destroyed_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("audit_cold_file") as table:
        table.drop_column("destroyed_at")
    op.drop_table("legal_hold")
    op.drop_table("retention_rule")
