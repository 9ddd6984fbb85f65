"""Students, guardians and enrolments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime, exact

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "student",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("given_name", sa.String(length=120), nullable=False),
        sa.Column("middle_name", sa.String(length=120), nullable=True),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(length=20), nullable=True),
        sa.Column("year_group_id", Id, nullable=True),
        sa.Column("form_id", Id, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "form_id"],
            ["form.school_id", "form.id"],
            name=op.f("fk_student_school_id_form_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "year_group_id"],
            ["year_group.school_id", "year_group.id"],
            name=op.f("fk_student_school_id_year_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_student_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_student_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_student_school_id_sourced_id")),
    )
    op.create_index("ix_student_form_id_is_active", "student", ["form_id", "is_active"], unique=False)
    op.create_index("ix_student_school_id_given_name", "student", ["school_id", "given_name"], unique=False)
    op.create_index("ix_student_school_id_name", "student", ["school_id", "family_name", "given_name"], unique=False)
    op.create_table(
        "guardian",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("given_name", sa.String(length=120), nullable=False),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=191), nullable=True),
        sa.Column("phone", sa.String(length=60), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_guardian_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_guardian_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_guardian_school_id_sourced_id")),
    )
    op.create_table(
        "student_guardian",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("guardian_id", Id, nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "guardian_id"],
            ["guardian.school_id", "guardian.id"],
            name=op.f("fk_student_guardian_school_id_guardian_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_student_guardian_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_student_guardian_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_guardian")),
        sa.UniqueConstraint(
            "school_id",
            "student_id",
            "guardian_id",
            name=op.f("uq_student_guardian_school_id_student_id_guardian_id"),
        ),
    )
    op.create_table(
        "enrolment",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("form_id", Id, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR starts_on <= ends_on", name=op.f("ck_enrolment_order")),
        sa.ForeignKeyConstraint(
            ["school_id", "form_id"],
            ["form.school_id", "form.id"],
            name=op.f("fk_enrolment_school_id_form_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_enrolment_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_enrolment_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint(
            "school_id",
            "student_id",
            "form_id",
            "starts_on",
            name=op.f("uq_enrolment_school_id_student_id_form_id_starts_on"),
        ),
    )
    op.create_index(
        "ix_enrolment_school_id_form_id_starts_on",
        "enrolment",
        ["school_id", "form_id", "starts_on"],
        unique=False,
    )
    op.create_table(
        "teaching_group_member",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("teaching_group_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f("fk_teaching_group_member_school_id_student_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "teaching_group_id"],
            ["teaching_group.school_id", "teaching_group.id"],
            name=op.f("fk_teaching_group_member_school_id_teaching_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_teaching_group_member_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teaching_group_member")),
        sa.UniqueConstraint(
            "school_id",
            "teaching_group_id",
            "student_id",
            name=op.f("uq_teaching_group_member_school_id_teaching_group_id_student_id"),
        ),
    )
    op.create_index("ix_teaching_group_member_student_id", "teaching_group_member", ["student_id"], unique=False)


def downgrade() -> None:
    op.drop_table("teaching_group_member")
    op.drop_table("enrolment")
    op.drop_table("student_guardian")
    op.drop_table("guardian")
    op.drop_table("student")
