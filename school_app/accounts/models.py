"""People who log in, their roles, password links, and the schools operators entered.

accounts/ and the features above it use these.
"""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_app.audit.capture import REDACT, Audited
from school_app.core import clock
from school_app.core.db import Base, Folded, Id, UtcDateTime, exact, one_of
from school_app.core.permissions import Role
from school_app.core.tenancy import SchoolOrPlatform, SchoolOwned, belongs, keyed

# What the history and every table keep of the name of whoever did something.
NAME_KEPT = 200


def full_name(given_name: str, family_name: str) -> str:
    """Both names of a person, cut to what is kept beside what they do."""
    return f"{given_name} {family_name}".strip()[:NAME_KEPT]


class AccountStatus(enum.StrEnum):
    """Accounts are disabled, never deleted; an invited one has no password yet."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


class Account(Audited, SchoolOrPlatform, Base):
    """A person who may log in, at one school; operators belong to none.

    `login` is unique on the platform; `session_version` grows whenever every session of the account has to end.
    """

    __tablename__ = "account"
    __table_args__ = keyed(
        UniqueConstraint("school_id", "sourced_id"),
        Index("ix_account_school_id_name", "school_id", "family_name", "given_name"),
        Index("ix_account_email", "email"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sourced_id: Mapped[str | None] = mapped_column(exact())
    login: Mapped[str] = mapped_column(Folded, unique=True)
    email: Mapped[str | None] = mapped_column(Folded)
    given_name: Mapped[str] = mapped_column(String(120))
    family_name: Mapped[str] = mapped_column(String(120))
    status: Mapped[AccountStatus] = mapped_column(one_of(AccountStatus), default=AccountStatus.INVITED)
    password_hash: Mapped[str | None] = mapped_column(String(255), info=REDACT)
    session_version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    @property
    def name(self) -> str:
        return full_name(self.given_name, self.family_name)


class AccountRole(Audited, SchoolOrPlatform, Base):
    """One role of an account."""

    __tablename__ = "account_role"
    __table_args__ = (UniqueConstraint("account_id", "role"), belongs("account_id", "account"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    account_id: Mapped[int] = mapped_column(Id)
    role: Mapped[Role] = mapped_column(one_of(Role))


class PasswordLink(SchoolOrPlatform, Base):
    """A link that lets an account set its password once; only the digest of its token is kept."""

    __tablename__ = "password_link"
    __table_args__ = (Index("ix_password_link_account_id", "account_id"), belongs("account_id", "account"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    account_id: Mapped[int] = mapped_column(Id)
    token_digest: Mapped[str] = mapped_column(exact(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OperatorEntry(SchoolOwned, Base):
    """An operator entered a school, and why; open while `left_at` is None."""

    __tablename__ = "operator_entry"
    __table_args__ = (Index("ix_operator_entry_operator_id_left_at", "operator_id", "left_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    operator_id: Mapped[int] = mapped_column(Id)
    operator_name: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
