"""Alerts, decisions, cases and notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, JsonText, UtcDateTime, exact

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("rule", exact(60), nullable=False),
        sa.Column("window_key", exact(120), nullable=False),
        sa.Column("indicator", sa.String(length=1), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "decided",
                "resolved",
                name="alertstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("inputs", JsonText(), nullable=False),
        sa.Column("alert_date", sa.Date(), nullable=False),
        sa.Column("assigned_to", Id, nullable=True),
        sa.Column("decide_by", sa.Date(), nullable=True),
        sa.Column("decided_severity", sa.SmallInteger(), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("worsened_at", UtcDateTime(), nullable=True),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "assigned_to"],
            ["account.school_id", "account.id"],
            name=op.f("fk_alert_school_id_assigned_to"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_alert_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_alert_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_alert_school_id_id")),
        sa.UniqueConstraint(
            "school_id",
            "student_id",
            "rule",
            "window_key",
            name=op.f("uq_alert_school_id_student_id_rule_window_key"),
        ),
    )
    op.create_index(
        "ix_alert_assigned_to_status_alert_date",
        "alert",
        ["assigned_to", "status", "alert_date"],
        unique=False,
    )
    op.create_index(
        "ix_alert_school_id_status_alert_date", "alert", ["school_id", "status", "alert_date"], unique=False
    )
    op.create_index("ix_alert_student_id_status", "alert", ["student_id", "status"], unique=False)
    op.create_table(
        "intervention_case",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("alert_id", Id, nullable=True),
        sa.Column("assigned_to", Id, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "in_review",
                "escalated",
                "closed",
                name="casestatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("goal", sa.String(length=500), nullable=False),
        sa.Column("strategy", sa.String(length=500), nullable=False),
        sa.Column(
            "monitoring",
            sa.Enum(
                "weekly",
                "fortnightly",
                name="monitoring",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by", Id, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "goal_met",
                "improved",
                "no_change",
                "worse",
                "left_school",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("outcome_note", sa.Text(), nullable=True),
        sa.Column("figures", JsonText(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("tier IN (2, 3)", name=op.f("ck_intervention_case_tier")),
        sa.ForeignKeyConstraint(
            ["school_id", "alert_id"],
            ["alert.school_id", "alert.id"],
            name=op.f("fk_intervention_case_school_id_alert_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "assigned_to"],
            ["account.school_id", "account.id"],
            name=op.f("fk_intervention_case_school_id_assigned_to"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_intervention_case_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_intervention_case_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intervention_case")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_intervention_case_school_id_id")),
    )
    op.create_index(
        "ix_case_assigned_to_status_created_at",
        "intervention_case",
        ["assigned_to", "status", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_case_school_id_status_created_at",
        "intervention_case",
        ["school_id", "status", "created_at"],
        unique=False,
    )
    op.create_index("ix_case_student_id_status", "intervention_case", ["student_id", "status"], unique=False)
    op.create_table(
        "case_step",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", Id, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "case_id"],
            ["intervention_case.school_id", "intervention_case.id"],
            name=op.f("fk_case_step_school_id_case_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_case_step_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_step")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_case_step_school_id_id")),
    )
    op.create_index("ix_case_step_case_id_done_at_due_on", "case_step", ["case_id", "done_at", "due_on"], unique=False)
    op.create_table(
        "alert_decision",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("alert_id", Id, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "open_case",
                "already_handled",
                "not_a_concern",
                name="decisionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("case_id", Id, nullable=True),
        sa.Column("decided_by", Id, nullable=False),
        sa.Column("decided_by_name", sa.String(length=200), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "alert_id"],
            ["alert.school_id", "alert.id"],
            name=op.f("fk_alert_decision_school_id_alert_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "case_id"],
            ["intervention_case.school_id", "intervention_case.id"],
            name=op.f("fk_alert_decision_school_id_case_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "decided_by"],
            ["account.school_id", "account.id"],
            name=op.f("fk_alert_decision_school_id_decided_by"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_alert_decision_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_decision")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_alert_decision_school_id_id")),
    )
    op.create_index("ix_alert_decision_alert_id_decided_at", "alert_decision", ["alert_id", "decided_at"], unique=False)
    op.create_table(
        "risk_profile",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        sa.Column("triggers", JsonText(), nullable=False),
        sa.Column("inputs", JsonText(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("computed_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_risk_profile_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_risk_profile_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_profile")),
        sa.UniqueConstraint("school_id", "student_id", name=op.f("uq_risk_profile_school_id_student_id")),
    )
    op.create_index("ix_risk_profile_school_id_level", "risk_profile", ["school_id", "level"], unique=False)
    op.create_table(
        "school_thresholds",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("settings", JsonText(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_school_thresholds_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_thresholds")),
        sa.UniqueConstraint("school_id", name=op.f("uq_school_thresholds_school_id")),
    )
    op.create_table(
        "note",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("case_id", Id, nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "general",
                "contact",
                "meeting",
                name="notekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("author_name", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "author_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_note_school_id_author_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "case_id"],
            ["intervention_case.school_id", "intervention_case.id"],
            name=op.f("fk_note_school_id_case_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_note_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_note_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_note_school_id_id")),
    )
    op.create_index("ix_note_case_id_created_at", "note", ["case_id", "created_at"], unique=False)
    op.create_index("ix_note_student_id_created_at", "note", ["student_id", "created_at"], unique=False)


def downgrade() -> None:
    op.drop_table("note")
    op.drop_table("school_thresholds")
    op.drop_table("risk_profile")
    op.drop_table("alert_decision")
    op.drop_table("case_step")
    op.drop_table("intervention_case")
    op.drop_table("alert")
