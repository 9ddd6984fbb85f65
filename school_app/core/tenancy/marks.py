"""The marks by which a table is known to be of a school, and the keys by which its rows point only within the school.

Models have them from core.tenancy.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from school_app.core.db import Base, Id


class SchoolOwned:
    """Mixin of every table whose rows belong to one school."""

    @declared_attr
    def school_id(cls) -> Mapped[int]:
        return mapped_column(Id, ForeignKey("school.id", ondelete="RESTRICT"), nullable=False)


class SchoolOrPlatform(SchoolOwned):
    """Mixin of tables whose rows belong to one school or, with a NULL, to the platform itself."""

    @declared_attr
    def school_id(cls) -> Mapped[int | None]:  # type: ignore[override]
        return mapped_column(Id, ForeignKey("school.id", ondelete="RESTRICT"), nullable=True)


class IsSchool:
    """Mixin of the school table itself, whose `id` is the tenant."""

    @declared_attr
    def id(cls) -> Mapped[int]:
        return mapped_column(Id, primary_key=True, autoincrement=True, sort_order=-1)


def keyed(*more: Any) -> tuple[Any, ...]:
    """Table arguments of an owned table that others point to: the pair (school_id, id) is a key."""
    return (UniqueConstraint("school_id", "id"), *more)


def belongs(column: str, table: str, *, ondelete: str = "RESTRICT") -> ForeignKeyConstraint:
    """A foreign key that carries the school, so that the database refuses a row that points across schools."""
    return ForeignKeyConstraint(["school_id", column], [f"{table}.school_id", f"{table}.id"], ondelete=ondelete)


def owned_tables() -> set[Table]:
    """Every table whose rows belong to a school, and the table of schools."""
    return {
        cast(Table, mapper.local_table)
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, SchoolOwned | IsSchool)
    }
