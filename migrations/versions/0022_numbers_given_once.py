"""Audit rows of the embedded database get a number that none had before, also when the last ones went to the archive.

SQLite gives the highest number that is there, plus one, unless it is told to remember; the servers remember.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

HIGHEST = """
    INSERT INTO sqlite_sequence (name, seq) SELECT 'audit_log', COALESCE(MAX(id), 0)
    FROM (SELECT MAX(id) AS id FROM audit_log UNION ALL SELECT MAX(id) FROM audit_log_archive)
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    with op.batch_alter_table("audit_log", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
        pass
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'audit_log'")
    op.execute(HIGHEST)


def downgrade() -> None:
    # Remembering is no hindrance to anything before.
    pass
