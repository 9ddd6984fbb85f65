"""Attendance, assessments and incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime, exact

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attendance_code",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("code", exact(40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "present",
                "late",
                "absent_excused",
                "absent_unexcused",
                "not_required",
                name="attendancecategory",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_attendance_code_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_code")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_attendance_code_school_id_code")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_attendance_code_school_id_id")),
    )
    op.create_table(
        "register",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("form_id", Id, nullable=True),
        sa.Column("teaching_group_id", Id, nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column(
            "session",
            sa.Enum("AM", "PM", "DAY", name="session", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "not_taken",
                "taken",
                name="registerstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum("person", "import", name="source", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("taken_by", Id, nullable=True),
        sa.Column("taken_by_name", sa.String(length=200), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint(
            "(form_id IS NULL) <> (teaching_group_id IS NULL)", name=op.f("ck_register_of_form_or_class")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "form_id"],
            ["form.school_id", "form.id"],
            name=op.f("fk_register_school_id_form_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "taken_by"],
            ["account.school_id", "account.id"],
            name=op.f("fk_register_school_id_taken_by"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "teaching_group_id"],
            ["teaching_group.school_id", "teaching_group.id"],
            name=op.f("fk_register_school_id_teaching_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_register_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register")),
        sa.UniqueConstraint(
            "school_id", "form_id", "date", "session", name=op.f("uq_register_school_id_form_id_date_session")
        ),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_register_school_id_id")),
        sa.UniqueConstraint(
            "school_id",
            "teaching_group_id",
            "date",
            "session",
            name=op.f("uq_register_school_id_teaching_group_id_date_session"),
        ),
    )
    op.create_index("ix_register_school_id_date", "register", ["school_id", "date"], unique=False)
    op.create_table(
        "attendance_mark",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("register_id", Id, nullable=True),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column(
            "session",
            sa.Enum("AM", "PM", "DAY", name="session", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("code_id", Id, nullable=False),
        sa.Column("minutes_late", sa.SmallInteger(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column(
            "source",
            sa.Enum("person", "import", name="source", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("recorded_by", Id, nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint(
            "minutes_late IS NULL OR minutes_late BETWEEN 0 AND 1440",
            name=op.f("ck_attendance_mark_minutes_late"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "code_id"],
            ["attendance_code.school_id", "attendance_code.id"],
            name=op.f("fk_attendance_mark_school_id_code_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "register_id"],
            ["register.school_id", "register.id"],
            name=op.f("fk_attendance_mark_school_id_register_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_attendance_mark_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_attendance_mark_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_mark")),
        sa.UniqueConstraint(
            "school_id",
            "student_id",
            "date",
            "session",
            "register_id",
            name=op.f("uq_attendance_mark_school_id_student_id_date_session_register_id"),
        ),
    )
    op.create_index("ix_attendance_mark_register_id", "attendance_mark", ["register_id"], unique=False)
    op.create_index("ix_attendance_mark_school_id_date", "attendance_mark", ["school_id", "date"], unique=False)
    op.create_table(
        "assessment",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("teaching_group_id", Id, nullable=False),
        sa.Column("term_id", Id, nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=120), nullable=True),
        sa.Column("assigned_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("minimum", sa.Numeric(precision=9, scale=3), nullable=False),
        sa.Column("maximum", sa.Numeric(precision=9, scale=3), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("minimum < maximum", name=op.f("ck_assessment_range")),
        sa.ForeignKeyConstraint(
            ["school_id", "teaching_group_id"],
            ["teaching_group.school_id", "teaching_group.id"],
            name=op.f("fk_assessment_school_id_teaching_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "term_id"],
            ["term.school_id", "term.id"],
            name=op.f("fk_assessment_school_id_term_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_assessment_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_assessment_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_assessment_school_id_sourced_id")),
    )
    op.create_index(
        "ix_assessment_teaching_group_id_due_on", "assessment", ["teaching_group_id", "due_on"], unique=False
    )
    op.create_table(
        "assessment_result",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("assessment_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("score", sa.Numeric(precision=9, scale=3), nullable=True),
        sa.Column("score_status", sa.String(length=40), nullable=False),
        sa.Column("scored_on", sa.Date(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("entered_by", Id, nullable=True),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "assessment_id"],
            ["assessment.school_id", "assessment.id"],
            name=op.f("fk_assessment_result_school_id_assessment_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "entered_by"],
            ["account.school_id", "account.id"],
            name=op.f("fk_assessment_result_school_id_entered_by"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_assessment_result_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_assessment_result_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_result")),
        sa.UniqueConstraint(
            "school_id",
            "assessment_id",
            "student_id",
            name=op.f("uq_assessment_result_school_id_assessment_id_student_id"),
        ),
    )
    op.create_index(
        "ix_assessment_result_student_id_scored_on",
        "assessment_result",
        ["student_id", "scored_on"],
        unique=False,
    )
    op.create_table(
        "incident",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("student_id", Id, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "concern",
                "positive",
                name="incidentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("category", sa.String(length=120), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("reported_by", Id, nullable=True),
        sa.Column("reported_by_name", sa.String(length=200), nullable=True),
        sa.Column("reported_by_sourced_id", exact(191), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("severity BETWEEN 0 AND 5", name=op.f("ck_incident_severity")),
        sa.ForeignKeyConstraint(
            ["school_id", "reported_by"],
            ["account.school_id", "account.id"],
            name=op.f("fk_incident_school_id_reported_by"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_incident_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_incident_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_incident_school_id_id")),
        sa.UniqueConstraint(
            "school_id", "sourced_id", "student_id", name=op.f("uq_incident_school_id_sourced_id_student_id")
        ),
    )
    op.create_index("ix_incident_school_id_recorded_at", "incident", ["school_id", "recorded_at"], unique=False)
    op.create_index("ix_incident_student_id_occurred_on", "incident", ["student_id", "occurred_on"], unique=False)


def downgrade() -> None:
    op.drop_table("incident")
    op.drop_table("assessment_result")
    op.drop_table("assessment")
    op.drop_table("attendance_mark")
    op.drop_table("register")
    op.drop_table("attendance_code")
