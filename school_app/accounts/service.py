"""Logging in, passwords and their links: what happens to an account by its own person.

Routes, commands and jobs call these; what an admin does to accounts is accounts.staff.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select, update
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts import passwords
from school_app.accounts.login import SessionKey
from school_app.accounts.models import Account, AccountStatus, PasswordLink
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.acting import act_further_as
from school_app.core.errors import DomainError, NotFound
from school_app.core.jobs import enqueue_after_commit
from school_app.core.tenancy import all_schools

AnySession = Session | scoped_session[Any]
LINK_LIVES = timedelta(hours=24)
NEXT_LINK_AFTER = timedelta(minutes=10)
MOST_OF_ONE_ADDRESS = 4
LINK_JOB = "workers.jobs.send_password_link"
WRONG = "Login or password is not right. Both are needed exactly; after ten tries there is a pause."


class WrongLogin(DomainError):
    """Login and password do not fit together; which of them is wrong is not said."""

    def __init__(self) -> None:
        super().__init__(WRONG)


class DeadLink(NotFound):
    """A password link that was used, has run out, or never was."""

    def __init__(self) -> None:
        DomainError.__init__(self, "This link was used already or has run out. Ask for a new one.")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who has logged in: the key that the session keeps."""

    account_id: int
    key: SessionKey


def log_in(session: AnySession, name: str, password: str) -> LoggedIn | None:
    """Check a login, or an e-mail address, and the password.

    An address may be that of several accounts, as of somebody at two schools: the one that the password is of is meant,
    where it is of one alone.
    None where they do not fit; both outcomes are recorded in the school of the account that was named.
    """
    with all_schools(session):
        named = _named(session, name.strip())
        matching = [one for one in named if passwords.matches(one.password_hash, password)]
        account = matching[0] if len(matching) == 1 else None
        fits = account is not None
        if not named:
            # As much work as for a name that there is, so that the time does not tell.
            passwords.matches(None, password)
        account = account or (named[0] if named else None)
        if account is None or not fits or account.status is not AccountStatus.ACTIVE:
            record(
                session,
                Event.LOGIN_FAILED,
                account,
                reason=None if account else "no such login",
                school_id=account.school_id if account else None,
            )
            return None
        if account.password_hash and passwords.is_outdated(account.password_hash):
            account.password_hash = passwords.hashed(password)
        act_further_as(session, actor_id=account.id, actor_name=account.name)
        record(session, Event.LOGGED_IN, account, school_id=account.school_id)
        return LoggedIn(account.id, SessionKey(account.id, account.session_version))


def _named(session: AnySession, name: str) -> Sequence[Account]:
    """The account with a login, or those with an e-mail address, a few at most."""
    if not name or len(name) > 191:
        return []
    account = session.scalar(select(Account).where(Account.login == name))
    if account is not None:
        return [account]
    by_address = select(Account).where(Account.email == name, Account.status == AccountStatus.ACTIVE)
    return session.scalars(by_address.order_by(Account.id).limit(MOST_OF_ONE_ADDRESS)).all()


def log_out_everywhere(session: AnySession, account_id: int) -> None:
    """End every session of an account, this one too."""
    with all_schools(session):
        account = _own(session, account_id)
        account.session_version += 1
        record(session, Event.LOGGED_OUT_EVERYWHERE, account, school_id=account.school_id)


def change_password(session: AnySession, account_id: int, *, old: str, new: str) -> SessionKey:
    """Change one's password; every other session ends. Returns the key of this one's new session."""
    with all_schools(session):
        account = _own(session, account_id)
        if not passwords.matches(account.password_hash, old):
            raise WrongLogin
        return _set(session, account, new)


def _own(session: AnySession, account_id: int) -> Account:
    account = session.scalar(select(Account).where(Account.id == account_id).with_for_update())
    if account is None:
        raise NotFound("account")
    return account


def _set(session: AnySession, account: Account, new: str) -> SessionKey:
    passwords.check_new(new, login=account.login, name=account.name)
    account.password_hash = passwords.hashed(new)
    account.session_version += 1
    if account.status is AccountStatus.INVITED:
        account.status = AccountStatus.ACTIVE
    end_links(session, [account.id])
    session.flush()
    record(session, Event.PASSWORD_CHANGED, account, school_id=account.school_id)
    return SessionKey(account.id, account.session_version)


def ask_for_link(session: AnySession, name: str) -> None:
    """Have a link mailed to the account that a login or address names; nobody learns whether there is one."""
    with all_schools(session):
        for account in _named(session, name.strip()):
            if account.status is not AccountStatus.DISABLED and account.email and not _has_new_link(session, account):
                send_link(session, account.id)


def _has_new_link(session: AnySession, account: Account) -> bool:
    # Whoever asks again and again neither fills a mailbox nor lets the link die that has just been sent.
    new = select(PasswordLink.id).where(
        PasswordLink.account_id == account.id,
        PasswordLink.used_at.is_(None),
        PasswordLink.created_at > clock.now() - NEXT_LINK_AFTER,
    )
    return session.scalar(new.limit(1)) is not None


def send_link(session: AnySession, account_id: int) -> PasswordLink:
    """Write a link that sets a password, and a job that mails it. NotFound where the account has no address."""
    account = session.get(Account, account_id)
    if account is None or not account.email:
        raise NotFound("account with an e-mail address")
    link = make_link(session, account_id)
    enqueue_after_commit(session, LINK_JOB, link_id=link.id)
    return link


def make_link(session: AnySession, account_id: int) -> PasswordLink:
    """Write a link that sets a password once; earlier links of the account die."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("account")
    end_links(session, [account_id])
    link = PasswordLink(
        account_id=account.id,
        school_id=account.school_id,
        token_digest=secrets.token_hex(32),
        expires_at=clock.now() + LINK_LIVES,
    )
    session.add(link)
    session.flush()
    record(session, Event.PASSWORD_LINK_SENT, account, school_id=account.school_id)
    return link


def end_links(session: AnySession, account_ids: Collection[int]) -> None:
    """Let every link that sets the password of some accounts die; one statement."""
    session.execute(
        update(PasswordLink)
        .where(PasswordLink.account_id.in_(account_ids), PasswordLink.used_at.is_(None))
        .values(used_at=clock.now())
    )


def token_of(link: PasswordLink, secret_key: str) -> str:
    """The token of a link's address: signed from its row, so that neither row nor job holds what opens it."""
    return str(_signer(secret_key).dumps([link.id, link.token_digest]))


def _signer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt="password-link")


def check_link(session: AnySession, token: str, secret_key: str) -> None:
    """Raise DeadLink unless a token opens a link that was not used yet."""
    with all_schools(session):
        _live_link(session, token, secret_key)


def _live_link(session: AnySession, token: str, secret_key: str) -> PasswordLink:
    try:
        link_id, digest = _signer(secret_key).loads(token)
    except (BadSignature, ValueError, TypeError):
        raise DeadLink from None
    link = session.scalar(
        select(PasswordLink)
        .where(PasswordLink.id == link_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if link is None or link.token_digest != digest or link.used_at is not None or link.expires_at < clock.now():
        raise DeadLink
    return link


def set_password(session: AnySession, token: str, new: str, *, secret_key: str) -> None:
    """Set the password of the account that a link is for; the link dies, and so does every session of the account."""
    with all_schools(session):
        link = _live_link(session, token, secret_key)
        account = session.scalar(select(Account).where(Account.id == link.account_id).with_for_update())
        if account is None or account.status is AccountStatus.DISABLED:
            raise DeadLink
        _set(session, account, new)
