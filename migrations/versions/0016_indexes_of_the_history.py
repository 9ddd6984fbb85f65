"""The history's indexes: by kind of thing, by thing and event in the archive too, and each in the history's own order.

What belongs to one request is found by its moment, so that the index of request ids goes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NEW = {
    "moment": ["school_id", "created_at", "id"],
    "actor": ["actor_id", "created_at", "id"],
    "student": ["student_id", "created_at", "id"],
    "thing": ["entity_type", "entity_id", "created_at", "id"],
    "event": ["school_id", "event", "created_at", "id"],
    "kind": ["school_id", "entity_type", "created_at", "id"],
}
OLD_ARCHIVE = {
    "school_id_created_at_id": ["school_id", "created_at", "id"],
    "actor_id_created_at": ["actor_id", "created_at"],
    "student_id_created_at": ["student_id", "created_at"],
}
OLD_LOG = {
    **OLD_ARCHIVE,
    "entity": ["entity_type", "entity_id", "created_at"],
    "event": ["school_id", "event", "created_at"],
    "request_id": ["request_id"],
}


def upgrade() -> None:
    _replace("audit_log", NEW)
    _replace("audit_log_archive", NEW)


def downgrade() -> None:
    _replace("audit_log_archive", OLD_ARCHIVE)
    _replace("audit_log", OLD_LOG)


def _replace(table: str, wanted: dict[str, list[str]]) -> None:
    """Give a table these indexes: on a server by one statement, which reads the rows once and is done whole or not."""
    indexes = {f"ix_{table}_{name}": columns for name, columns in wanted.items()}
    there = {str(one["name"]): one["column_names"] for one in sa.inspect(op.get_bind()).get_indexes(table)}
    gone = [name for name, columns in there.items() if indexes.get(name) != columns]
    fresh = [name for name, columns in indexes.items() if there.get(name) != columns]
    if op.get_bind().dialect.name == "sqlite":
        for name in gone:
            op.drop_index(name, table)
        for name in fresh:
            op.create_index(name, table, indexes[name])
    elif gone or fresh:
        changes = [f"DROP INDEX {name}" for name in gone]
        changes += [f"ADD INDEX {name} ({', '.join(indexes[name])})" for name in fresh]
        op.execute(f"ALTER TABLE {table} {', '.join(changes)}")
