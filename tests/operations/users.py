"""A database whose accounts were made as `flask db-users` says, and who is who in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.db.engines import unhurried_engine
from school_app.operations.database_users import Accounts, Who
from tests.databases import app_of_its_own
from tests.factories import ListQueue

# Command denied, column denied, access denied, and the same for what is not of one table.
DENIED = frozenset({1142, 1143, 1044, 1227, 1370})


def said(statement: str) -> Any:
    return text(statement.replace(":", r"\:"))


@dataclass
class Users:
    """The apps of the three, and the owner's engine."""

    settings: Settings
    owner: Engine
    accounts: Accounts
    apps: dict[Who, Flask]

    @property
    def is_mariadb(self) -> bool:
        with self.owner.connect() as connection:
            return bool(connection.dialect.is_mariadb)

    def run(self, statement: str) -> None:
        """As the owner."""
        with self.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(said(statement))

    def answer(self, who: Who, statement: str) -> int:
        """The number of the error with which the server answers one of them; 0 where it does what is asked."""
        with self.engine(who) as engine, engine.connect() as connection:
            try:
                connection.execute(said(statement))
            except DBAPIError as error:
                return int(error.orig.args[0]) if error.orig else -1
            finally:
                connection.rollback()
        return 0

    def url(self, who: Who) -> str:
        return self.accounts.url(who, make_url(self.settings.database_url))

    @contextmanager
    def engine(self, who: Who) -> Iterator[Engine]:
        engine = unhurried_engine(replace(self.settings, database_url=self.url(who)), 5)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def users_of_a_database(settings: Settings, name: str) -> Iterator[Users]:
    """A database with accounts of its own; afterwards both are gone."""
    with app_of_its_own(settings, name) as app:
        users = _with_accounts(app.config["FORMROOM"])
        for who in Who:
            users.apps[who] = create_app(replace(users.settings, database_url=users.url(who)))
            users.apps[who].extensions["formroom.queue"] = ListQueue()
        yield users
        for who, app_of_one in users.apps.items():
            with app_of_one.app_context():
                db.engine.dispose()
            users.run(f"DROP USER {users.accounts.account(who)}")
        users.owner.dispose()


def _with_accounts(settings: Settings) -> Users:
    own = settings.database_url
    accounts = Accounts(str(make_url(own).database), f"f{sha256(own.encode()).hexdigest()[:10]}")
    users = Users(settings, unhurried_engine(settings), accounts, {})
    for who in Who:
        users.run(f"DROP USER IF EXISTS {accounts.account(who)}")
    for statement in (*accounts.create(), *accounts.grants()):
        users.run(statement)
    return users


def taken_away(users: Users, who: Who, table: str, right: str) -> Any:
    """Within it, one of them lacks one right."""

    @contextmanager
    def lacking() -> Iterator[None]:
        place = f"{right} ON `{users.accounts.database}`.`{table}`"
        users.run(f"REVOKE {place} FROM {users.accounts.account(who)}")
        try:
            yield
        finally:
            users.run(f"GRANT {place} TO {users.accounts.account(who)}")

    return lacking()
