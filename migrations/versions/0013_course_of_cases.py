"""What is done in a case is kept with it, and forms that are sent twice make one thing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime, exact

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KINDS = ("opened", "extended", "review_started", "escalated", "handed_over", "confirmed", "closed")
# What earlier releases wrote to the audit log alone.
TOLD = {
    "case.extended": "extended",
    "case.escalated": "escalated",
    "case.handed_over": "handed_over",
    "case.confirmed": "confirmed",
    "case.closed": "closed",
}


def upgrade() -> None:
    _create_case_event()
    for table in ("case_step", "note"):
        op.add_column(table, sa.Column("once", exact(32), nullable=True))
        op.create_index(f"ix_{table}_school_id_once", table, ["school_id", "once"], unique=True)
    for audit in ("audit_log_archive", "audit_log"):
        op.execute(_told_in(audit))
    op.execute(_opened())


def downgrade() -> None:
    for table in ("note", "case_step"):
        op.drop_index(f"ix_{table}_school_id_once", table_name=table)
        with op.batch_alter_table(table) as batch:
            batch.drop_column("once")
    op.drop_table("case_event")


def _create_case_event() -> None:
    op.create_table(
        "case_event",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="caseeventkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("tier", sa.SmallInteger(), nullable=True),
        sa.Column("review_before", sa.Date(), nullable=True),
        sa.Column("review_after", sa.Date(), nullable=True),
        sa.Column("from_champion", Id, nullable=True),
        sa.Column("from_champion_name", sa.String(length=200), nullable=True),
        sa.Column("to_champion", Id, nullable=True),
        sa.Column("to_champion_name", sa.String(length=200), nullable=True),
        sa.Column("done_by", Id, nullable=True),
        sa.Column("done_by_name", sa.String(length=200), nullable=False),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("once", exact(32), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        _belongs("case_id", "intervention_case"),
        *(_belongs(column, "account") for column in ("done_by", "from_champion", "to_champion")),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_case_event_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
        sa.UniqueConstraint("school_id", "once", name=op.f("uq_case_event_school_id_once")),
    )
    op.create_index("ix_case_event_case_id_happened_at", "case_event", ["case_id", "happened_at"], unique=False)


def _belongs(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["school_id", column],
        [f"{table}.school_id", f"{table}.id"],
        name=op.f(f"fk_case_event_school_id_{column}"),
        ondelete="RESTRICT",
    )


CASE = sa.table(
    "intervention_case",
    *(sa.column(name) for name in ("id", "school_id", "student_id", "opened_by", "created_at", "tier", "outcome_note")),
)
ACCOUNT = sa.table("account", *(sa.column(name) for name in ("id", "school_id", "given_name", "family_name")))
EVENT = sa.table(
    "case_event",
    *(sa.column(name) for name in ("school_id", "case_id", "kind", "text", "tier", "done_by", "done_by_name")),
    sa.column("happened_at"),
)


def _audit(name: str) -> sa.TableClause:
    columns = ("school_id", "student_id", "entity_type", "entity_id", "event", "reason", "actor_id", "actor_name")
    return sa.table(name, *(sa.column(column) for column in columns), sa.column("created_at"))


def _insert(rows: sa.Select) -> sa.Insert:
    names = ["school_id", "case_id", "kind", "text", "tier", "done_by", "done_by_name", "happened_at"]
    return sa.insert(EVENT).from_select(names, rows, include_defaults=False)


def _told_in(name: str) -> sa.Insert:
    """What the audit log says of each case; the actor's id only where the account is the school's own."""
    log = _audit(name)
    about = sa.and_(log.c.entity_type == "intervention_case", log.c.entity_id == CASE.c.id)
    rows = (
        sa.select(
            CASE.c.school_id,
            CASE.c.id,
            sa.case(*((log.c.event == event, kind) for event, kind in TOLD.items())),
            sa.case((log.c.event == "case.closed", CASE.c.outcome_note), else_=log.c.reason),
            sa.case((log.c.event == "case.escalated", 3)),
            ACCOUNT.c.id,
            log.c.actor_name,
            log.c.created_at,
        )
        .select_from(CASE)
        .join(log, sa.and_(about, log.c.student_id == CASE.c.student_id))
        .outerjoin(ACCOUNT, sa.and_(ACCOUNT.c.id == log.c.actor_id, ACCOUNT.c.school_id == CASE.c.school_id))
        .where(log.c.event.in_(TOLD))
    )
    return _insert(rows)


def _opened() -> sa.Insert:
    """The opening of each case; its tier then is known where nobody has escalated it since."""
    escalated = sa.exists().where(EVENT.c.case_id == CASE.c.id, EVENT.c.kind == "escalated")
    name = sa.func.trim(ACCOUNT.c.given_name.concat(" ").concat(ACCOUNT.c.family_name))
    rows = (
        sa.select(
            CASE.c.school_id,
            CASE.c.id,
            sa.literal("opened"),
            sa.null(),
            sa.case((~escalated, CASE.c.tier)),
            ACCOUNT.c.id,
            sa.func.coalesce(name, "somebody"),
            CASE.c.created_at,
        )
        .select_from(CASE)
        .outerjoin(ACCOUNT, sa.and_(ACCOUNT.c.id == CASE.c.opened_by, ACCOUNT.c.school_id == CASE.c.school_id))
    )
    return _insert(rows)
