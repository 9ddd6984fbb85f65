"""Fixtures: the real servers, the schema as migrations build it, and a transaction around every test."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy_utils import drop_database

from school_app import create_app
from school_app.config import Settings
from school_app.core import fragments
from school_app.core.db import db
from school_app.core.db.engines import unhurried_engine
from school_app.operations.database_users import Accounts, Who
from tests import databases, days, factories, worlds
from tests.factories import TwoSchools
from tests.worlds import Kept

# How long an example takes says more of the machine than of the product.
hypothesis.settings.register_profile("formroom", deadline=None)
hypothesis.settings.load_profile("formroom")


def _needed(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise pytest.UsageError(f"{name} is not set; run the tests with `make test`, which starts the servers.")
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """The day that a test's module holds stays today while it is set up and until it is over."""
    held = getattr(getattr(item, "module", None), "TODAY", None)
    with days.kept() if held is days.TODAY else nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Settings:
    """Settings of this test run: a database of its own on the given server, a Redis database of its own."""
    url = make_url(_needed("FORMROOM_TEST_DATABASE_URL"))
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    url = url.set(database=f"{url.database}_{worker_id}")
    redis = _needed("FORMROOM_TEST_REDIS_URL")
    data_dir: Path = tmp_path_factory.mktemp("data")
    return Settings(
        environment="test",
        database_url=url.render_as_string(hide_password=False),
        redis_url=_redis_database(redis, number),
        secret_key="a-secret-for-tests-that-is-long-enough-to-pass",
        data_dir=data_dir,
        base_url="http://localhost",
        mail_url=f"file:{data_dir / 'mail'}",
        secure_cookies=False,
        pool_size=4,
        pool_overflow=4,
    )


def _redis_database(url: str, number: int) -> str:
    # Counted from the given one, so that two test runs on one server do not empty each other's.
    if url.startswith("unix:"):
        separator = "&" if "?" in url else "?"
        return f"{url}{separator}db={number}"
    head, _, tail = url.rpartition("/")
    return f"{head}/{int(tail) + number}" if tail.isdigit() else f"{url.rstrip('/')}/{number}"


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    """The app over a database that has just got its tables."""
    databases.begin_anew(settings)
    app = create_app(settings)
    app.extensions["formroom.queue"] = factories.ListQueue()
    databases.build(app)
    if os.environ.get("FORMROOM_TEST_AS") == "web":
        app = _as_web(settings)
    yield app
    with app.app_context():
        db.engine.dispose()
    drop_database(settings.database_url)


def _as_web(settings: Settings) -> Flask:
    """The same app with the account that `flask db-users` makes for the web server, whose rights do for every page."""
    url = make_url(settings.database_url)
    accounts = Accounts(str(url.database), "formroom_test")
    engine = unhurried_engine(settings)
    with engine.begin() as connection:
        connection.execution_options(no_parameters=True).exec_driver_sql(
            f"DROP USER IF EXISTS {accounts.account(Who.WEB)}"
        )
        for statement in (*accounts.create(), *accounts.grants()):
            if accounts.name(Who.WEB) in statement:
                connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    engine.dispose()
    app = create_app(replace(settings, database_url=accounts.url(Who.WEB, url)))
    app.extensions["formroom.queue"] = factories.ListQueue()
    return app


@pytest.fixture(scope="session")
def kept_schools(settings: Settings, app: Flask) -> Iterator[Kept]:
    """Two schools in a database of their own, built once."""
    with databases.app_of_its_own(settings, "schools") as apart:
        databases.number_apart(apart)
        with apart.app_context():
            made_on = datetime.now(UTC).date()
            kept = Kept(db.engine, worlds.keep_two_schools(db.session), made_on)
            db.session.remove()
        yield kept


@pytest.fixture
def schools_there(request: pytest.FixtureRequest) -> Kept | None:
    """The schools that are there already, for a test that has two on the day on which they were made.

    The web server's own account has rights in the app's database alone, so there they are built for each test.
    """
    if "two_schools" not in request.fixturenames or os.environ.get("FORMROOM_TEST_AS") == "web":
        return None
    kept: Kept = request.getfixturevalue("kept_schools")
    return kept if kept.made_on == datetime.now(UTC).date() else None


@pytest.fixture
def connection(app: Flask, schools_there: Kept | None) -> Iterator[Any]:
    """One connection, whose transaction is rolled back after the test whatever was committed inside."""
    with app.app_context():
        engine = schools_there.engine if schools_there else db.engine
    opened = engine.connect()
    transaction = opened.begin()
    yield opened
    transaction.rollback()
    opened.close()


@pytest.fixture
def session(app: Flask, connection: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The database session of a test; those of requests are others, on the same connection."""
    make = db.session.session_factory
    options = dict(make.kw)
    make.kw.update(bind=connection, binds=None, join_transaction_mode="create_savepoint")
    monkeypatch.setattr(db.session.session_factory.class_, "get_bind", lambda *args, **kwargs: connection)
    made = make()
    yield made
    made.close()
    make.kw.clear()
    make.kw.update(options)


@pytest.fixture
def two_schools(session: Any, schools_there: Kept | None) -> TwoSchools:
    """Two schools of the same shape, each with its canary in every text."""
    return worlds.brought(session, schools_there.schools) if schools_there else worlds.two_schools(session)


@pytest.fixture
def client(app: Flask, session: Any) -> FlaskClient:
    """A browser without a log-in."""
    return app.test_client()


@pytest.fixture(autouse=True)
def _clean_redis(request: pytest.FixtureRequest) -> None:
    """Sessions, caches and limits of another test are not seen in this one."""
    if "settings" in request.fixturenames:
        from redis import Redis

        Redis.from_url(str(request.getfixturevalue("settings").redis_url)).flushdb()
        fragments.forget_near()


@pytest.fixture
def statements(connection: Any) -> Iterator[list[str]]:
    """The statements that reach the database from here on; clear() it before what is to be counted."""
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO")):
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)
