"""What an admin does to the accounts of a school, and how operators enter one.

Routes and commands call these.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus, OperatorEntry
from school_app.accounts.service import end_links
from school_app.audit.events import Event
from school_app.audit.service import record, record_each
from school_app.core import clock, paging
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, use_school

AnySession = Session | scoped_session[Any]
LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
# One address, and nothing that a mail's header could take for a second one.
EMAIL = re.compile(r"[^@\s,;:<>()\[\]\"\\]{1,64}@[^@\s,;:<>()\[\]\"\\]+\.[A-Za-z0-9-]{2,}")
SCHOOL_ROLES = (Role.FORM_MASTER, Role.TEACHER, Role.HEAD_OF_YEAR, Role.SCHOOL_ADMIN, Role.AUDITOR)
PAGE = 50
SHORTEST_REASON = 10


class InvalidAccount(DomainError):
    """What was entered for an account cannot stand; str() names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An account with its roles, for the list."""

    account: Account
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made with."""

    login: str
    email: str
    given_name: str
    family_name: str
    roles: frozenset[Role]


def accounts(session: AnySession, *, text: str = "", role: Role | None = None, cursor: str | None = None) -> Any:
    """A page of the school's accounts by name, two statements; `text` is how a name or login begins."""
    statement = select(Account).order_by(Account.family_name, Account.id).limit(PAGE + 1)
    if text:
        start = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        statement = statement.where(
            or_(
                *(
                    column.like(start, escape="\\")
                    for column in (Account.family_name, Account.given_name, Account.login)
                )
            )
        )
    if role is not None:
        statement = statement.where(Account.id.in_(select(AccountRole.account_id).where(AccountRole.role == role)))
    if cursor:
        statement = statement.where(paging.ahead((Account.family_name, Account.id), paging.decode(cursor, str, int)))
    page = paging.page(session.scalars(statement).all(), PAGE, lambda one: (one.family_name, one.id))
    roles = _roles(session, [one.id for one in page.rows])
    return paging.Page([Listed(one, roles.get(one.id, ())) for one in page.rows], page.next)


def account_with_roles(session: AnySession, account_id: int) -> Listed:
    """One account of the school. Raises NotFound."""
    account = session.get(Account, account_id)
    if account is None or account.school_id is None:
        raise NotFound("account")
    return Listed(account, _roles(session, [account_id]).get(account_id, ()))


def _roles(session: AnySession, ids: Collection[int]) -> dict[int, tuple[Role, ...]]:
    found: dict[int, tuple[Role, ...]] = {}
    rows = session.execute(select(AccountRole.account_id, AccountRole.role).where(AccountRole.account_id.in_(ids)))
    for account_id, role in rows:
        found[account_id] = (*found.get(account_id, ()), role)
    return {id_: tuple(sorted(roles, key=list(Role).index)) for id_, roles in found.items()}


def create(session: AnySession, new: NewAccount, *, slug: str, by_id: int | None) -> Account:
    """Make an account of the school `slug` that has no password yet.

    Its login ends with "@slug", so that no school takes a name, or an address, of another's people. InvalidAccount says
    what is taken, missing or misspelt.
    """
    for label, value in (("First name", new.given_name), ("Family name", new.family_name)):
        if not value.strip():
            raise InvalidAccount(f"{label}: it cannot be empty.")
    _refuse_roles(new.roles, account_id=None, by_id=by_id)
    account = Account(
        login=_login(new.login, slug),
        email=_email(new.email),
        given_name=new.given_name.strip(),
        family_name=new.family_name.strip(),
        status=AccountStatus.INVITED,
    )
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError:
        raise InvalidAccount("Login: somebody has it already; choose another.") from None
    _grant(session, account, new.roles)
    return account


def change_person(
    session: AnySession, account_id: int, *, given_name: str, family_name: str, email: str, by_id: int
) -> Account:
    """Correct an account's names and e-mail address. What came with a roster is corrected there."""
    account = account_with_roles(session, account_id).account
    names = (given_name.strip(), family_name.strip())
    if not all(names):
        raise InvalidAccount("Name: it cannot be empty.")
    if account.sourced_id is not None and names != (account.given_name, account.family_name):
        raise InvalidAccount("Name: it came with the roster; correct it where the roster is made.")
    address = _email(email)
    if address != account.email:
        if Role.AUDITOR in _roles(session, [account_id]).get(account_id, ()) and account_id != by_id:
            raise InvalidAccount("E-mail address: who reads the history keeps the own; only they themself change it.")
        # A link that went to the former address opens nothing any more.
        end_links(session, [account_id])
    account.given_name, account.family_name, account.email = *names, address
    session.flush()
    return account


def _login(text: str, slug: str) -> str:
    name, _, domain = text.strip().lower().partition("@")
    if domain not in ("", slug):
        raise InvalidAccount(f"Login: it ends with @{slug}; write the part before it.")
    if not LOGIN.fullmatch(name):
        raise InvalidAccount("Login: write letters a to z, digits, and . _ - between them; 100 at most.")
    return f"{name}@{slug}"


def _email(text: str) -> str | None:
    text = text.strip()
    if text and not EMAIL.fullmatch(text):
        raise InvalidAccount("E-mail address: write one such as ada@example.org.")
    return text or None


def set_roles(session: AnySession, account_id: int, roles: frozenset[Role], *, by_id: int | None) -> None:
    """Give an account exactly these roles. Nobody grants the auditor's right to themself; one admin always stays."""
    listed = account_with_roles(session, account_id)
    before = frozenset(listed.roles)
    _refuse_roles(roles - before, account_id=account_id, by_id=by_id)
    if Role.SCHOOL_ADMIN in before - roles:
        _keep_an_admin(session, account_id)
    for row in session.scalars(select(AccountRole).where(AccountRole.account_id == account_id)).all():
        if row.role not in roles:
            session.delete(row)
    _grant(session, listed.account, roles - before)


def _grant(session: AnySession, account: Account, roles: Collection[Role]) -> None:
    for role in sorted(roles):
        session.add(AccountRole(account_id=account.id, role=role, school_id=account.school_id))
    session.flush()


def _refuse_roles(roles: Collection[Role], *, account_id: int | None, by_id: int | None) -> None:
    if Role.OPERATOR in roles:
        raise InvalidAccount("Roles: operators belong to the platform; they are made by command only.")
    if Role.AUDITOR in roles and account_id is not None and account_id == by_id:
        raise InvalidAccount("Roles: another admin has to grant you the auditor’s right.")


def disable(session: AnySession, account_id: int, *, by_id: int | None) -> Account:
    """Disable an account: it keeps its history, and its sessions end. Nobody disables themself or the last admin."""
    account = account_with_roles(session, account_id).account
    if account_id == by_id:
        raise InvalidAccount("You cannot disable your own account; another admin can.")
    _keep_an_admin(session, account_id)
    if account.status is not AccountStatus.DISABLED:
        account.status = AccountStatus.DISABLED
        account.session_version += 1
        end_links(session, [account.id])
        session.flush()
        record(session, Event.ACCOUNT_DISABLED, account)
    return account


def disable_departed(session: AnySession, departed: Sequence[Account], *, reason: str) -> Account | None:
    """Disable the accounts of people who are said to have left; their sessions end. Three statements for any number.

    A school is never left without an admin: one who would be the last keeps the account, and is returned.
    """
    kept = _last_admin(session, {one.id for one in departed})
    going = [one for one in departed if one is not kept and one.status is not AccountStatus.DISABLED]
    for account in going:
        account.status = AccountStatus.DISABLED
        account.session_version += 1
    if going:
        end_links(session, [one.id for one in going])
    record_each(session, Event.ACCOUNT_DISABLED, going, reason=reason)
    return kept


def _last_admin(session: AnySession, departed: set[int]) -> Account | None:
    """One of the departed who is an admin, where no other could still do an admin's work."""
    admins = session.scalars(
        select(Account)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(AccountRole.role == Role.SCHOOL_ADMIN, Account.status != AccountStatus.DISABLED)
        .order_by(Account.id)
    ).all()
    # Who was only invited cannot log in yet, and counts as an admin where nobody else is one.
    able = [one for one in admins if one.status is AccountStatus.ACTIVE] or list(admins)
    return able[0] if able and all(one.id in departed for one in able) else None


def enable(session: AnySession, account_id: int) -> Account:
    """Let a disabled account in again, with the password it had."""
    account = account_with_roles(session, account_id).account
    if account.status is AccountStatus.DISABLED:
        account.status = AccountStatus.ACTIVE if account.password_hash else AccountStatus.INVITED
        session.flush()
        record(session, Event.ACCOUNT_ENABLED, account)
    return account


def _keep_an_admin(session: AnySession, leaving_id: int) -> None:
    # Locked, so that of two admins who send each other away at once one stays.
    admins = session.execute(
        select(Account.id, Account.status)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(AccountRole.role == Role.SCHOOL_ADMIN)
        .order_by(Account.id)
        .with_for_update()
    ).all()
    others = [id_ for id_, status in admins if status is AccountStatus.ACTIVE and id_ != leaving_id]
    if any(id_ == leaving_id for id_, _ in admins) and not others:
        raise InvalidAccount("This is the school’s last active admin. Make another admin first.")


def enter(session: AnySession, school_id: int, *, operator_id: int, operator_name: str, reason: str) -> int:
    """Let an operator into a school, with a reason that the school's history keeps; an earlier entry is left.

    Returns the id of the entry, which the operator's session keeps.
    """
    why = reason.strip()
    if len(why) < SHORTEST_REASON:
        raise DomainError(f"Reason: write at least {SHORTEST_REASON} characters; the school can read them.")
    leave(session, operator_id=operator_id)
    try:
        with use_school(session, school_id), session.begin_nested():
            entry = OperatorEntry(operator_id=operator_id, operator_name=operator_name, reason=why[:500])
            session.add(entry)
            session.flush()
            record(session, Event.SCHOOL_ENTERED, entry, reason=why)
            return entry.id
    except IntegrityError:
        raise NotFound("school") from None


def leave(session: AnySession, *, operator_id: int) -> None:
    """Take an operator out of whatever school they are in."""
    with all_schools(session):
        entries = session.scalars(
            select(OperatorEntry).where(OperatorEntry.operator_id == operator_id, OperatorEntry.left_at.is_(None))
        ).all()
        for entry in entries:
            entry.left_at = clock.now()
            record(session, Event.SCHOOL_LEFT, entry, school_id=entry.school_id)
        session.flush()
