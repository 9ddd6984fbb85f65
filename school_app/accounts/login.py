"""From a session's key to the person behind a request: flask-login's loader.

create_app() installs it; every request that carries a session runs it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, g
from flask import session as browser_session
from flask_login import LoginManager
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus, OperatorEntry, full_name
from school_app.core import clock
from school_app.core.acting import act_further_as
from school_app.core.db import db
from school_app.core.permissions import OPERATOR_INSIDE, Role, Viewer, permissions_of
from school_app.core.tenancy import all_schools

AnySession = Session | scoped_session[Any]
# The key under which a session keeps an operator's entry into a school, and how long the entry lasts at most.
ENTRY = "operator_entry"
ENTRY_LASTS = timedelta(hours=8)


# Every request asks it, so it is put together once.
VIEWER = (
    select(Account.school_id, Account.login, Account.given_name, Account.family_name, AccountRole.role)
    .join(AccountRole, AccountRole.account_id == Account.id, isouter=True)
    .where(
        Account.id == bindparam("account_id"),
        Account.session_version == bindparam("version"),
        Account.status == AccountStatus.ACTIVE,
    )
)


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What a session keeps of a person: the account and the version that "log out everywhere" makes stale."""

    account_id: int
    version: int

    def __str__(self) -> str:
        return f"{self.account_id}.{self.version}"


def parse_key(text: str) -> SessionKey | None:
    """The key a session holds; None where it is not one."""
    account, _, version = text.partition(".")
    if not (account.isdecimal() and version.isdecimal()):
        return None
    return SessionKey(int(account), int(version))


def load_viewer(session: AnySession, text: str, entry_id: int | None = None) -> Viewer | None:
    """The person of a session key, or None where the account is disabled or its sessions were ended.

    `entry_id` is the operator's entry into a school that was made in the same session: another device, or the next
    log-in, is not inside.
    """
    key = parse_key(text)
    if key is None:
        return None
    with all_schools(session):
        account = session.execute(VIEWER, {"account_id": key.account_id, "version": key.version}).all()
    if not account:
        return None
    roles = frozenset(row.role for row in account if row.role is not None)
    first = account[0]
    is_operator = Role.OPERATOR in roles and first.school_id is None
    entered = _entered_school(session, key.account_id, entry_id) if is_operator and entry_id else None
    return Viewer(
        account_id=key.account_id,
        name=full_name(first.given_name, first.family_name),
        login=first.login,
        school_id=first.school_id if first.school_id is not None else entered,
        roles=roles,
        permissions=permissions_of(roles) | (OPERATOR_INSIDE if entered is not None else frozenset()),
        session_key=text,
        entered_as_operator=entered is not None,
    )


def _entered_school(session: AnySession, operator_id: int, entry_id: int) -> int | None:
    with all_schools(session):
        return session.scalar(
            select(OperatorEntry.school_id).where(
                OperatorEntry.id == entry_id,
                OperatorEntry.operator_id == operator_id,
                OperatorEntry.left_at.is_(None),
                OperatorEntry.entered_at > clock.now() - ENTRY_LASTS,
            )
        )


def init_app(app: Flask) -> None:
    """Install flask-login; its own session protection and remember cookies are not used."""
    manager = LoginManager(app)
    manager.session_protection = None

    @manager.user_loader
    def load(text: str) -> Viewer | None:
        viewer = load_viewer(db.session, text, browser_session.get(ENTRY))
        if viewer is not None:
            act_further_as(db.session, actor_id=viewer.account_id, actor_name=viewer.name)
            g.account_id = viewer.account_id
        return viewer
