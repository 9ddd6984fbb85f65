"""Imports and when a person last looked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, JsonText, UtcDateTime, exact

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roster_import",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "roster",
                "attendance",
                "behaviour",
                "calendar",
                name="importkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "running",
                "done",
                "refused",
                "failed",
                name="importstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("stored_as", sa.String(length=255), nullable=True),
        sa.Column("sha256", exact(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("counts", JsonText(), nullable=True),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("warning_count", sa.Integer(), nullable=False),
        sa.Column("requested_by", Id, nullable=True),
        sa.Column("requested_by_name", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_roster_import_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_import")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_roster_import_school_id_id")),
    )
    op.create_index("ix_roster_import_school_id_created_at", "roster_import", ["school_id", "created_at"], unique=False)
    op.create_table(
        "roster_import_problem",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("import_id", Id, nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("file", sa.String(length=120), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("column", sa.String(length=120), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("remedy", sa.String(length=500), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "import_id"],
            ["roster_import.school_id", "roster_import.id"],
            name=op.f("fk_roster_import_problem_school_id_import_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_roster_import_problem_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_import_problem")),
    )
    op.create_index("ix_roster_import_problem_import_id_id", "roster_import_problem", ["import_id", "id"], unique=False)
    op.create_table(
        "last_look",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("before", UtcDateTime(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "account_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_last_look_school_id_account_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_last_look_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_last_look")),
        sa.UniqueConstraint("school_id", "account_id", name=op.f("uq_last_look_school_id_account_id")),
    )


def downgrade() -> None:
    op.drop_table("last_look")
    op.drop_table("roster_import_problem")
    op.drop_table("roster_import")
