"""When a person last looked at their home page.

dashboards/ alone uses it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.core.db import Base, Id, UtcDateTime
from school_app.core.tenancy import SchoolOwned, belongs


class LastLook(SchoolOwned, Base):
    """`looked_at` is the present visit, `before` the one that "since you last looked" counts from."""

    __tablename__ = "last_look"
    __table_args__ = (UniqueConstraint("school_id", "account_id"), belongs("account_id", "account"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    account_id: Mapped[int] = mapped_column(Id)
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    before: Mapped[datetime | None] = mapped_column(UtcDateTime)
