"""Schools and the people who log in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, JsonText, UtcDateTime, exact

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "school",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("slug", exact(80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column(
            "session_scheme",
            sa.Enum("day", "am_pm", name="sessionscheme", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("register_closes", sa.String(length=5), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school")),
        sa.UniqueConstraint("slug", name=op.f("uq_school_slug")),
        sa.UniqueConstraint("sourced_id", name=op.f("uq_school_sourced_id")),
    )
    op.create_table(
        "account",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("login", sa.String(length=191), nullable=False),
        sa.Column("email", sa.String(length=191), nullable=True),
        sa.Column("given_name", sa.String(length=120), nullable=False),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "invited",
                "active",
                "disabled",
                name="accountstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("session_version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_account_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_account_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_account_school_id_sourced_id")),
    )
    op.create_index("ix_account_email", "account", ["email"], unique=False)
    op.create_index("ix_account_school_id_name", "account", ["school_id", "family_name", "given_name"], unique=False)
    op.create_table(
        "account_role",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "form_master",
                "teacher",
                "head_of_year",
                "school_admin",
                "auditor",
                "operator",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("school_id", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["school_id", "account_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_account_role_school_id_account_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_account_role_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_role")),
        sa.UniqueConstraint("account_id", "role", name=op.f("uq_account_role_account_id_role")),
    )
    op.create_table(
        "password_link",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("token_digest", exact(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("school_id", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["school_id", "account_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_password_link_school_id_account_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_password_link_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_link")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_password_link_token_digest")),
    )
    op.create_index("ix_password_link_account_id", "password_link", ["account_id"], unique=False)
    op.create_table(
        "operator_entry",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("operator_id", Id, nullable=False),
        sa.Column("operator_name", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_operator_entry_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_entry")),
    )
    op.create_index("ix_operator_entry_operator_id_left_at", "operator_entry", ["operator_id", "left_at"], unique=False)
    op.create_table(
        "job_run",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("queue", sa.String(length=20), nullable=False),
        sa.Column("arguments", JsonText(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "running",
                "done",
                "failed",
                name="jobstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("requested_by", Id, nullable=True),
        sa.Column("requested_name", sa.String(length=200), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("progress", sa.String(length=200), nullable=True),
        sa.Column("counts", JsonText(), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.Column("school_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_job_run_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
    )
    op.create_index("ix_job_run_school_id_queued_at", "job_run", ["school_id", "queued_at"], unique=False)
    op.create_index("ix_job_run_status_queued_at", "job_run", ["status", "queued_at"], unique=False)


def downgrade() -> None:
    op.drop_table("job_run")
    op.drop_table("operator_entry")
    op.drop_table("password_link")
    op.drop_table("account_role")
    op.drop_table("account")
    op.drop_table("school")
