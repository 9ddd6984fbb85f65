"""Whoever tampers with sealed rows or with their seals is found, and the day is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from school_app.audit.commands import audit
from school_app.audit.differences import Difference
from school_app.audit.models import ArchivedAuditRow, AuditRow, AuditSeal, SealRun
from school_app.audit.sources import Tables
from school_app.audit.verify import Asked, verify
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.tenancy import all_schools
from tests.audit import tampered_rows, tampered_seals
from tests.audit.tampering import Log, sealed_log
from tests.databases import embedded_app
from workers import jobs

WAYS = (*tampered_rows.WAYS, *tampered_seals.WAYS)
LOGS = 2
# With as many ways as there are, a thousand seeds and some.
MANY_LOGS = 1_000 // len(WAYS) + 1


def differences(log: Log) -> list[Difference]:
    """What a verification finds that knows the hash of the last sealing run."""
    steps = verify(log.session, [Tables(log.session)], Asked(kept=log.kept))
    return [one for step in steps for one in step.differences if not one.is_warning]


def missed(session: Any, log_number: int) -> list[str]:
    """The ways of tampering with a log that are not found, or not with their days."""
    wrong, log = [], sealed_log(session, log_number)
    assert differences(log) == []
    for number, way in enumerate(WAYS):
        savepoint = session.begin_nested()
        log.random.seed(log_number * len(WAYS) + number)
        days = way(log)
        found = differences(log)
        if not found or not days <= {one.day for one in found}:
            wrong.append(f"log {log_number}, {way.__name__}: {sorted(days)} among {[str(one) for one in found]}")
        savepoint.rollback()
        session.expire_all()
    return wrong


@pytest.mark.parametrize("log_number", range(LOGS))
def test_every_way_of_tampering_is_found(session: Any, log_number: int) -> None:
    with all_schools(session):
        assert missed(session, log_number) == []


@pytest.mark.soak
@pytest.mark.parametrize("log_number", range(LOGS, MANY_LOGS))
def test_a_thousand_cases_of_tampering_are_found(session: Any, log_number: int) -> None:
    with all_schools(session):
        assert missed(session, log_number) == []


@pytest.fixture(scope="module")
def embedded(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app over SQLite."""
    with embedded_app(settings, tmp_path_factory.mktemp("embedded")) as app:
        yield app


@pytest.mark.parametrize("log_number", [0, *(pytest.param(one, marks=pytest.mark.soak) for one in range(1, MANY_LOGS))])
def test_every_way_of_tampering_is_found_on_sqlite(embedded: Flask, log_number: int) -> None:
    with embedded.app_context():
        with all_schools(db.session):
            assert missed(db.session, log_number) == []
        db.session.rollback()
        db.engine.dispose()


def test_the_job_seals_on_sqlite_too(embedded: Flask) -> None:
    with embedded.app_context():
        with all_schools(db.session):
            sealed_log(db.session, 0)
            db.session.execute(delete(AuditSeal))
            db.session.execute(delete(SealRun))
            db.session.commit()
        counts = jobs.seal_audit()
        assert counts["rows"] > 0
        done = embedded.test_cli_runner().invoke(audit, ["verify", "--seal", counts["hash"]])
        assert done.exit_code == 0, done.output
        with all_schools(db.session):
            for model in (AuditRow, ArchivedAuditRow, AuditSeal, SealRun):
                db.session.execute(delete(model))
            db.session.commit()
        db.engine.dispose()
