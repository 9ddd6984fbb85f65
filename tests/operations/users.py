"""A database whose accounts were made as `flask db-users` says, and who is who in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy_utils import create_database, database_exists, drop_database

from school_app import create_app
from school_app.config import Settings
from school_app.core.db import db, unhurried_engine
from school_app.operations.database_users import Accounts, Who
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
    url = make_url(settings.database_url)
    own = url.set(database=f"{url.database}_{name}").render_as_string(hide_password=False)
    if database_exists(own):
        drop_database(own)
    create_database(own, encoding="utf8mb4")
    settings = replace(settings, database_url=own)
    owner = unhurried_engine(settings)
    with create_app(settings).app_context():
        upgrade()
        db.engine.dispose()
    prefix = f"f{sha256(own.encode()).hexdigest()[:10]}"
    accounts = Accounts(str(make_url(own).database), prefix)
    users = Users(settings, owner, accounts, {})
    for who in Who:
        users.run(f"DROP USER IF EXISTS {accounts.account(who)}")
    for statement in (*accounts.create(), *accounts.grants()):
        users.run(statement)
    for who in Who:
        users.apps[who] = create_app(replace(settings, database_url=users.url(who)))
        users.apps[who].extensions["formroom.queue"] = ListQueue()
    yield users
    for who, app in users.apps.items():
        with app.app_context():
            db.engine.dispose()
        users.run(f"DROP USER {accounts.account(who)}")
    owner.dispose()
    drop_database(own)


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
