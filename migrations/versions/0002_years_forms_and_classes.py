"""School years, calendars, forms and classes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, exact

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "school_year",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_school_year_order")),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_school_year_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_year")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_school_year_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_school_year_school_id_sourced_id")),
    )
    op.create_table(
        "term",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("school_year_id", Id, nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "term",
                "semester",
                "grading_period",
                name="termkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_term_order")),
        sa.ForeignKeyConstraint(
            ["school_id", "parent_id"],
            ["term.school_id", "term.id"],
            name=op.f("fk_term_school_id_parent_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "school_year_id"],
            ["school_year.school_id", "school_year.id"],
            name=op.f("fk_term_school_id_school_year_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_term_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_term_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_term_school_id_sourced_id")),
    )
    op.create_table(
        "calendar_day",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column(
            "day_type",
            sa.Enum(
                "instructional",
                "holiday",
                "non_instructional",
                name="daytype",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_calendar_day_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("school_id", "date", name=op.f("uq_calendar_day_school_id_date")),
    )
    op.create_table(
        "year_group",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("code", exact(20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_year_group_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_year_group")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_year_group_school_id_code")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_year_group_school_id_id")),
    )
    op.create_table(
        "form",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("school_year_id", Id, nullable=False),
        sa.Column("year_group_id", Id, nullable=True),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "school_year_id"],
            ["school_year.school_id", "school_year.id"],
            name=op.f("fk_form_school_id_school_year_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "year_group_id"],
            ["year_group.school_id", "year_group.id"],
            name=op.f("fk_form_school_id_year_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_form_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_form_school_id_id")),
        sa.UniqueConstraint("school_id", "school_year_id", "name", name=op.f("uq_form_school_id_school_year_id_name")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_form_school_id_sourced_id")),
    )
    op.create_table(
        "form_master",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("form_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR starts_on <= ends_on", name=op.f("ck_form_master_order")),
        sa.ForeignKeyConstraint(
            ["school_id", "account_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_form_master_school_id_account_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "form_id"],
            ["form.school_id", "form.id"],
            name=op.f("fk_form_master_school_id_form_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_form_master_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_master")),
        sa.UniqueConstraint(
            "school_id",
            "form_id",
            "account_id",
            "starts_on",
            name=op.f("uq_form_master_school_id_form_id_account_id_starts_on"),
        ),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_form_master_school_id_id")),
    )
    op.create_index("ix_form_master_account_id_ends_on", "form_master", ["account_id", "ends_on"], unique=False)
    op.create_table(
        "head_of_year",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("year_group_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR starts_on <= ends_on", name=op.f("ck_head_of_year_order")),
        sa.ForeignKeyConstraint(
            ["school_id", "account_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_head_of_year_school_id_account_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "year_group_id"],
            ["year_group.school_id", "year_group.id"],
            name=op.f("fk_head_of_year_school_id_year_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_head_of_year_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head_of_year")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_head_of_year_school_id_id")),
        sa.UniqueConstraint(
            "school_id",
            "year_group_id",
            "account_id",
            "starts_on",
            name=op.f("uq_head_of_year_school_id_year_group_id_account_id_starts_on"),
        ),
    )
    op.create_index("ix_head_of_year_account_id_ends_on", "head_of_year", ["account_id", "ends_on"], unique=False)
    op.create_table(
        "subject",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("is_core", sa.Boolean(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_subject_school_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_subject_school_id_id")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_subject_school_id_name")),
    )
    op.create_table(
        "teaching_group",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sourced_id", exact(191), nullable=True),
        sa.Column("school_year_id", Id, nullable=False),
        sa.Column("term_id", Id, nullable=True),
        sa.Column("subject_id", Id, nullable=True),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("course_code", sa.String(length=80), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "school_year_id"],
            ["school_year.school_id", "school_year.id"],
            name=op.f("fk_teaching_group_school_id_school_year_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "subject_id"],
            ["subject.school_id", "subject.id"],
            name=op.f("fk_teaching_group_school_id_subject_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "term_id"],
            ["term.school_id", "term.id"],
            name=op.f("fk_teaching_group_school_id_term_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["school.id"], name=op.f("fk_teaching_group_school_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teaching_group")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_teaching_group_school_id_id")),
        sa.UniqueConstraint("school_id", "sourced_id", name=op.f("uq_teaching_group_school_id_sourced_id")),
    )
    op.create_table(
        "teaching_group_teacher",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("teaching_group_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("school_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "account_id"],
            ["account.school_id", "account.id"],
            name=op.f("fk_teaching_group_teacher_school_id_account_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "teaching_group_id"],
            ["teaching_group.school_id", "teaching_group.id"],
            name=op.f("fk_teaching_group_teacher_school_id_teaching_group_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"],
            ["school.id"],
            name=op.f("fk_teaching_group_teacher_school_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teaching_group_teacher")),
        sa.UniqueConstraint("school_id", "id", name=op.f("uq_teaching_group_teacher_school_id_id")),
        sa.UniqueConstraint(
            "school_id",
            "teaching_group_id",
            "account_id",
            name=op.f("uq_teaching_group_teacher_school_id_teaching_group_id_account_id"),
        ),
    )
    op.create_index(
        "ix_teaching_group_teacher_account_id_ends_on",
        "teaching_group_teacher",
        ["account_id", "ends_on"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("teaching_group_teacher")
    op.drop_table("teaching_group")
    op.drop_table("subject")
    op.drop_table("head_of_year")
    op.drop_table("form_master")
    op.drop_table("form")
    op.drop_table("year_group")
    op.drop_table("calendar_day")
    op.drop_table("term")
    op.drop_table("school_year")
