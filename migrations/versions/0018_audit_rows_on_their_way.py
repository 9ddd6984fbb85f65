"""A plain table of the live audit log's shape, through which whole years pass to the archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, JsonText, UtcDateTime, exact

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Under the names that the live table's have: an exchange of partitions compares them.
INDEXES = {
    "ix_audit_log_moment": ["school_id", "created_at", "id"],
    "ix_audit_log_actor": ["actor_id", "created_at", "id"],
    "ix_audit_log_student": ["student_id", "created_at", "id"],
    "ix_audit_log_thing": ["entity_type", "entity_id", "created_at", "id"],
    "ix_audit_log_event": ["school_id", "event", "created_at", "id"],
    "ix_audit_log_kind": ["school_id", "entity_type", "created_at", "id"],
}


def upgrade() -> None:
    # SQLite exchanges nothing, numbers rows only where the id alone is the key, and has one namespace for all indexes.
    on_server = op.get_bind().dialect.name != "sqlite"
    key = ["id", "created_at"] if on_server else ["id"]
    op.create_table(
        "audit_log_staging",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=True),
        sa.Column("actor_id", Id, nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("event", exact(60), nullable=False),
        sa.Column("entity_type", exact(60), nullable=True),
        sa.Column("entity_id", Id, nullable=True),
        sa.Column("student_id", Id, nullable=True),
        sa.Column("changes", JsonText(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("ip", exact(45), nullable=True),
        sa.Column("request_id", exact(40), nullable=True),
        sa.Column("job_id", exact(60), nullable=True),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_audit_log_staging")),
        *(sa.Index(name, *columns) for name, columns in INDEXES.items() if on_server),
    )


def downgrade() -> None:
    op.drop_table("audit_log_staging")
