"""The database's accounts: what each of them cannot do, on the server itself, and that each can do its work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from school_app.archiving import years
from school_app.audit.commands import audit
from school_app.audit.retention_commands import retention
from school_app.config import Settings
from school_app.core.db import Base, db
from school_app.operations.database_users import AUDIT, RIGHTS, Accounts, BadName, Who
from tests.databases import embedded_app
from tests.operations.users import DENIED, Users, users_of_a_database

EXCHANGED = ("audit_log", "audit_log_archive")
# What nobody but the owner may do with any table of the audit log.
CHANGES = {
    "UPDATE": "UPDATE {0} SET {1} = {1}",
    "DELETE": "DELETE FROM {0} WHERE 1 = 0",
    "TRUNCATE": "TRUNCATE TABLE {0}",
    "ALTER": "ALTER TABLE {0} COMMENT = 'x'",
    "DROP": "DROP TABLE {0}",
    "RENAME": "RENAME TABLE {0} TO {0}_elsewhere",
    "INDEX": "CREATE INDEX ix_any ON {0} ({1})",
    "TRIGGER": "CREATE TRIGGER any_trigger BEFORE INSERT ON {0} FOR EACH ROW SET @x = 1",
    "REPLACE": "REPLACE INTO {0} ({1}) SELECT {1} FROM {0} WHERE 1 = 0",
}


@pytest.fixture(scope="module")
def users(settings: Settings) -> Iterator[Users]:
    with users_of_a_database(settings, "users") as users:
        yield users


def column_of(table: str) -> str:
    return next(iter(Base.metadata.tables[table].primary_key.columns)).name


def test_every_table_is_in_a_class(app: Flask) -> None:
    unclassed, gone = set(Base.metadata.tables) - set(RIGHTS), set(RIGHTS) - set(Base.metadata.tables)
    assert not unclassed, f"{sorted(unclassed)}: say in operations/database_users.py who may do what with them."
    assert not gone


@pytest.mark.parametrize("who", [Who.WEB, Who.WORKER])
@pytest.mark.parametrize("table", sorted(AUDIT))
def test_who_serves_pages_or_does_jobs_cannot_change_a_table_of_the_audit_log(
    users: Users, who: Who, table: str
) -> None:
    allowed = RIGHTS[table].get(who, ())
    for right, statement in CHANGES.items():
        found = users.answer(who, statement.format(table, column_of(table)))
        assert found in ({0} if right in allowed else DENIED), f"{right} on {table}: {found}"


@pytest.mark.parametrize("who", [Who.WEB, Who.WORKER])
@pytest.mark.parametrize("table", EXCHANGED)
def test_who_serves_pages_or_does_jobs_cannot_take_a_year_away(users: Users, who: Who, table: str) -> None:
    for statement in (
        f"ALTER TABLE {table} EXCHANGE PARTITION p2020 WITH TABLE audit_log_staging",
        f"ALTER TABLE {table} DROP PARTITION p2020",
        f"ALTER TABLE {table} TRUNCATE PARTITION p2020",
        f"ALTER TABLE {table} REORGANIZE PARTITION pmax INTO (PARTITION pmax VALUES LESS THAN (MAXVALUE))",
    ):
        assert users.answer(who, statement) in DENIED, statement


@pytest.mark.parametrize("table", ["audit_log_archive", "audit_log_staging", "audit_seal", "audit_seal_run"])
def test_the_web_writes_to_the_live_log_alone(users: Users, table: str) -> None:
    column = column_of(table)
    assert users.answer(Who.WEB, f"INSERT INTO {table} ({column}) SELECT 1 FROM audit_log WHERE 1 = 0") in DENIED
    assert users.answer(Who.WEB, "INSERT INTO audit_log (id) SELECT 1 FROM audit_log WHERE 1 = 0") not in DENIED


@pytest.mark.parametrize("table", ["audit_seal", "audit_seal_run"])
def test_who_can_take_rows_away_can_neither_make_a_seal_nor_change_one(users: Users, table: str) -> None:
    column = column_of(table)
    for statement in (*CHANGES.values(), "INSERT INTO {0} ({1}) SELECT {1} FROM {0} WHERE 1 = 0"):
        assert users.answer(Who.ARCHIVER, statement.format(table, column)) in DENIED, statement
    assert users.answer(Who.ARCHIVER, f"SELECT {column} FROM {table}") == 0


@pytest.mark.parametrize("table", ["audit_log", "audit_log_archive", "audit_log_staging"])
def test_who_moves_rows_never_updates_one(users: Users, table: str) -> None:
    assert users.answer(Who.ARCHIVER, f"UPDATE {table} SET reason = ''") in DENIED


@pytest.mark.parametrize("who", Who)
def test_nobody_reaches_beyond_the_tables_they_were_given(users: Users, who: Who) -> None:
    for statement in (
        "CREATE TABLE elsewhere (id INT)",
        "CREATE USER somebody IDENTIFIED BY 'Any-Password-1'",
        f"GRANT UPDATE ON audit_log TO {users.accounts.account(who)}",
        "SELECT * FROM mysql.user",
        "SELECT * FROM alembic_version",
        "SELECT reason INTO OUTFILE '/tmp/audit-rows' FROM audit_log",
    ):
        found = users.answer(who, statement)
        assert found in DENIED | {1045, 1410}, f"{statement}: {found}"


def test_the_archiver_locks_the_tables_of_the_log_and_no_others(users: Users) -> None:
    assert users.answer(Who.ARCHIVER, "LOCK TABLES audit_log WRITE, audit_log_staging WRITE") == 0
    assert users.answer(Who.ARCHIVER, "LOCK TABLES student READ") in DENIED
    assert users.answer(Who.WEB, "LOCK TABLES audit_log WRITE") in DENIED


def test_the_archiver_reads_nothing_of_a_schools_people(users: Users) -> None:
    for table in ("student", "account", "note", "form"):
        assert users.answer(Who.ARCHIVER, f"SELECT 1 FROM {table}") in DENIED


@pytest.mark.parametrize(
    "wrong", [{"prefix": "x'y"}, {"prefix": "p" * 21}, {"host": "h' "}, {"database": "a`b"}], ids=str
)
def test_a_name_that_would_have_to_be_quoted_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadName):
        Accounts(**{"database": "formroom", **wrong})  # type: ignore[arg-type]


def test_every_account_gets_a_password_of_its_own() -> None:
    one, other = Accounts("formroom"), Accounts("formroom")
    assert len({*one.passwords.values(), *other.passwords.values()}) == 2 * len(Who)


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("archive", "set FORMROOM_ARCHIVE_DATABASE_URL to the archiver's account"),
        ("cool", "set FORMROOM_ARCHIVE_DATABASE_URL to the archiver's account"),
        ("partitions --keep", "set FORMROOM_ARCHIVE_DATABASE_URL to the archiver's account"),
        ("seal", "set FORMROOM_DATABASE_URL to a worker's account"),
        ("verify", "set FORMROOM_DATABASE_URL to a worker's account"),
    ],
)
def test_a_command_with_a_wrong_account_says_which_one_it_needs(
    users: Users, command: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(years, "YEARS_AHEAD", 5)
    with users.apps[Who.WEB].app_context():
        done = users.apps[Who.WEB].test_cli_runner().invoke(audit, command.split())
    assert (done.exit_code, "Traceback" in done.output) == (1, False), repr(done.exception)
    assert f"For this, {remedy}." in done.output


def test_a_command_on_a_database_without_tables_says_what_builds_them(settings: Settings, tmp_path: Path) -> None:
    with embedded_app(settings, tmp_path) as app, app.app_context():
        db.session.remove()
        db.drop_all()
        for command in ("verify", "archive", "seal", "runs", "cold"):
            done = app.test_cli_runner().invoke(audit, [command])
            assert done.exit_code == 1
            assert "Its schema is built by “flask db upgrade”, as its owner." in done.output, repr(done.exception)


def test_the_help_says_how_long_a_reason_has_to_be(app: Flask) -> None:
    for command in ("hold", "release", "set"):
        assert "at least 10 characters" in app.test_cli_runner().invoke(retention, [command, "--help"]).output
