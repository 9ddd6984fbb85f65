"""flask accounts: the accounts that no page can make, and what an operator does when a page is of no help.

school_app.cli registers them.
"""

from __future__ import annotations

import click
from flask import current_app
from sqlalchemy import select

from school_app.accounts import service
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.accounts.staff import EMAIL
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core.db import db
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools


@click.group()
def accounts() -> None:
    """Accounts: operators, disabling, password links."""


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not EMAIL.fullmatch(value):
        raise click.ClickException(f"{value!r} is no mail address; write one such as ada@example.org.")
    return value


@accounts.command("create-operator")
@click.argument("login")
@click.option("--name", required=True, help="First and family name.")
@click.option("--email", callback=_address)
def create_operator(login: str, name: str, email: str | None) -> None:
    """Make a platform operator and print the link that sets the password."""
    given, _, family = name.strip().partition(" ")
    with all_schools(db.session):
        if db.session.scalar(select(Account.id).where(Account.login == login)) is not None:
            raise click.ClickException(f"The login {login!r} is taken; choose another.")
        account = Account(login=login, email=email, given_name=given, family_name=family, status=AccountStatus.INVITED)
        db.session.add(account)
        db.session.flush()
        db.session.add(AccountRole(account_id=account.id, role=Role.OPERATOR))
        db.session.flush()
        print_link(account.id)
    db.session.commit()


@accounts.command("link")
@click.argument("login")
def link(login: str) -> None:
    """Print a link that sets the password of an account, for a person whose mail does not arrive."""
    with all_schools(db.session):
        print_link(_account(login).id)
    db.session.commit()


@accounts.command("email")
@click.argument("login")
@click.argument("address", callback=_address)
def email(login: str, address: str) -> None:
    """Set the mail address of an account, as of an operator who is to be told when a job of the night fails."""
    with all_schools(db.session):
        _account(login).email = address
        db.session.flush()
    db.session.commit()
    click.echo(f"Mail for {login} goes to {address}.")


@accounts.command("disable")
@click.argument("login")
def disable(login: str) -> None:
    """Disable an account; its sessions end."""
    with all_schools(db.session):
        account = _account(login)
        account.status = AccountStatus.DISABLED
        account.session_version += 1
        db.session.flush()
        record(db.session, Event.ACCOUNT_DISABLED, account, school_id=account.school_id, reason="by command")
    db.session.commit()
    click.echo(f"{login} is disabled.")


def _account(login: str) -> Account:
    account = db.session.scalar(select(Account).where(Account.login == login))
    if account is None:
        raise click.ClickException(f"There is no account with the login {login!r}.")
    return account


def print_link(account_id: int) -> None:
    """Make a link that sets an account's password, and print it."""
    settings = current_app.config["FORMROOM"]
    made = service.make_link(db.session, account_id)
    click.echo(f"{settings.base_url}/password/{service.token_of(made, settings.secret_key)}")


GROUPS: tuple[click.Group, ...] = (accounts,)
