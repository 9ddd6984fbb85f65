"""An export names the job that writes it, and has no state and no signs of life of its own beside the job's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

EXPORT = sa.table("history_export", *(sa.column(name) for name in ("id", "job_run_id", "status", "finished_at")))
JOB = sa.table("job_run", *(sa.column(name) for name in ("id", "name", "arguments", "status")))
NAME = "ck_history_export_exportstatus"


def upgrade() -> None:
    # Each step asks whether it was taken before, since no server rolls a change of the schema back.
    if "job_run_id" not in _columns():
        op.add_column("history_export", sa.Column("job_run_id", Id, nullable=True))
    connection = op.get_bind()
    # One by one, of the few that a day has: put together by the server, the text would have the collation of the
    # connection, which need not be the database's.
    for (export_id,) in connection.execute(sa.select(EXPORT.c.id).where(EXPORT.c.job_run_id.is_(None))).all():
        its_job = sa.select(sa.func.max(JOB.c.id)).where(
            JOB.c.name == "workers.jobs.export_history", JOB.c.arguments == f'{{"export_id":{export_id}}}'
        )
        found = connection.scalar(its_job)
        connection.execute(sa.update(EXPORT).where(EXPORT.c.id == export_id).values(job_run_id=found))
    if "status" in _columns():
        # From here on this is the moment at which the file was whole; an export that was given up had one as well.
        op.execute(sa.update(EXPORT).where(EXPORT.c.status != "done").values(finished_at=None))
        with op.batch_alter_table("history_export") as table:
            if _is_checked():
                table.drop_constraint(op.f(NAME), type_="check")
            table.drop_column("status")
    if "alive_at" in _columns():
        with op.batch_alter_table("history_export") as table:
            table.drop_column("alive_at")


def downgrade() -> None:
    if "alive_at" not in _columns():
        op.add_column("history_export", sa.Column("alive_at", UtcDateTime(), nullable=True))
    if "status" not in _columns():
        status = sa.Column("status", sa.String(length=32), nullable=False, server_default="waiting")
        op.add_column("history_export", status)
    if "job_run_id" in _columns():
        given_up = sa.select(JOB.c.id).where(JOB.c.status == "failed")
        unfinished = EXPORT.c.finished_at.is_(None)
        op.execute(sa.update(EXPORT).where(~unfinished).values(status="done"))
        op.execute(sa.update(EXPORT).where(unfinished, EXPORT.c.job_run_id.in_(given_up)).values(status="failed"))
    is_checked = _is_checked()
    with op.batch_alter_table("history_export") as table:
        table.alter_column("status", existing_type=sa.String(length=32), existing_nullable=False, server_default=None)
        if not is_checked:
            table.create_check_constraint(op.f(NAME), "status IN ('waiting', 'running', 'done', 'failed')")
    if "job_run_id" in _columns():
        with op.batch_alter_table("history_export") as table:
            table.drop_column("job_run_id")


def _columns() -> set[str]:
    return {one["name"] for one in sa.inspect(op.get_bind()).get_columns("history_export")}


def _is_checked() -> bool:
    return NAME in {one["name"] for one in sa.inspect(op.get_bind()).get_check_constraints("history_export")}
