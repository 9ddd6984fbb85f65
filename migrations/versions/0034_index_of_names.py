"""An index of students' names, folded and word by word, by which they are found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from school_app.core.db import Id, exact
from school_app.students.spelling import entries

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLE = "student_name_entry"
BATCH = 1_000
NAMES = ("given_name", "middle_name", "family_name")
STUDENT = sa.table("student", *(sa.column(name) for name in ("id", "school_id", "is_active", *NAMES)))
ENTRY = sa.table(TABLE, *(sa.column(name) for name in ("school_id", "student_id", "part", "is_active", "name")))


def upgrade() -> None:
    # Each step asks whether it was taken before, since no server rolls a change of the schema back.
    if not sa.inspect(op.get_bind()).has_table(TABLE):
        _make()
    _fill()


def downgrade() -> None:
    op.drop_table(TABLE)


def _make() -> None:
    op.create_table(
        TABLE,
        sa.Column("school_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("name", exact(400), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "student_id", "name", name=op.f(f"pk_{TABLE}")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f(f"fk_{TABLE}_school_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["student.school_id", "student.id"],
            name=op.f(f"fk_{TABLE}_school_id_student_id"),
            ondelete="CASCADE",
        ),
        sa.Index(f"ix_{TABLE}_search", "school_id", "part", "is_active", "name"),
    )


def _fill() -> None:
    connection = op.get_bind()
    connection.execute(sa.delete(ENTRY))
    last = 0
    while True:
        statement = sa.select(STUDENT).where(STUDENT.c.id > last).order_by(STUDENT.c.id).limit(BATCH)
        students = connection.execute(statement).all()
        if not students:
            return
        rows = [row for student in students for row in _rows(student)]
        if rows:
            connection.execute(sa.insert(ENTRY), rows)
        last = students[-1].id


def _rows(student: Any) -> Iterator[dict[str, Any]]:
    for one in entries(student.given_name, student.middle_name, student.family_name):
        yield {
            "school_id": student.school_id,
            "student_id": student.id,
            "part": int(one.part),
            "is_active": student.is_active,
            "name": one.name,
        }
