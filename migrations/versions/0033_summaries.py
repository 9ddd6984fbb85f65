"""Figures of days, forms and students, counted ahead, and what of them is due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, UtcDateTime

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

DAY_FIGURES = (
    *("enrolled", "registers_taken", "registers_missing"),
    *("present", "late", "absent_excused", "absent_unexcused", "not_required", "unknown"),
    *("incidents", "positives", "alerts_opened", "alerts_decided", "cases_opened", "cases_closed"),
)
STUDENT_FIGURES = (
    *("year_counted", "year_absent", "year_late", "year_unknown"),
    *("recent_counted", "recent_absent", "recent_late", "recent_unknown"),
    *("weeks_counted", "weeks_absent", "before_counted", "before_absent"),
    *("incidents", "open_alerts", "open_cases"),
)


def _of_school(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["school_id"], ["school.id"], name=op.f(f"fk_{table}_school_id"), ondelete="RESTRICT"
    )


def _belongs(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["school_id", column],
        [f"{to}.school_id", f"{to}.id"],
        name=op.f(f"fk_{table}_school_id_{column}"),
        ondelete="RESTRICT",
    )


def _numbers(names: tuple[str, ...]) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "summary_due",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("school_id", Id, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("form_id", Id, nullable=True),
        sa.Column("student_id", Id, nullable=True),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_summary_due")),
        _of_school("summary_due"),
        _belongs("summary_due", "form_id", "form"),
        _belongs("summary_due", "student_id", "student"),
        sa.Index("ix_summary_due_school_id_first_on", "school_id", "first_on"),
    )
    op.create_table(
        "summary_state",
        sa.Column("school_id", Id, nullable=False),
        sa.Column("counted_to", sa.Date(), nullable=True),
        sa.Column("refreshed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_summary_state")),
        _of_school("summary_state"),
    )
    _create_figures()


def _create_figures() -> None:
    op.create_table(
        "form_day",
        sa.Column("school_id", Id, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("place", Id, nullable=False),
        sa.Column("form_id", Id, nullable=True),
        *_numbers(DAY_FIGURES),
        sa.Column("computed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "date", "place", name=op.f("pk_form_day")),
        sa.CheckConstraint("place = COALESCE(form_id, 0)", name=op.f("ck_form_day_place")),
        _of_school("form_day"),
        _belongs("form_day", "form_id", "form"),
    )
    op.create_table(
        "student_figures",
        sa.Column("school_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        *_numbers(STUDENT_FIGURES),
        sa.Column("computed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "student_id", name=op.f("pk_student_figures")),
        _of_school("student_figures"),
        _belongs("student_figures", "student_id", "student"),
    )


def downgrade() -> None:
    for table in ("student_figures", "form_day", "summary_state", "summary_due"):
        op.drop_table(table)
