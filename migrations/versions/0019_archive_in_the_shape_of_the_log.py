"""The archive in the very shape of the live audit log, which an exchange of partitions asks for.

Its indexes get the names of the live table's, and its id is AUTO_INCREMENT as MySQL wants it; archived rows keep the id
that they bring, and nothing is numbered anew.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

WAYS = ("moment", "actor", "student", "thing", "event", "kind")


def upgrade() -> None:
    _alter("BIGINT NOT NULL AUTO_INCREMENT", {f"ix_audit_log_archive_{way}": f"ix_audit_log_{way}" for way in WAYS})


def downgrade() -> None:
    _alter("BIGINT NOT NULL", {f"ix_audit_log_{way}": f"ix_audit_log_archive_{way}" for way in WAYS})


def _alter(id_type: str, names: dict[str, str]) -> None:
    # SQLite exchanges nothing, and has no two indexes of one name.
    if op.get_bind().dialect.name != "sqlite":
        renamed = ", ".join(f"RENAME INDEX {old} TO {new}" for old, new in names.items())
        op.execute(f"ALTER TABLE audit_log_archive MODIFY id {id_type}, {renamed}")
