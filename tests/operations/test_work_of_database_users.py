"""Web, workers and archiver do their work with the accounts that `flask db-users` makes; no right of theirs is idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DBAPIError

from school_app import create_app
from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.cold.cooling import Cooling, Limits
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.store import store
from school_app.audit.commands import audit
from school_app.audit.events import Event
from school_app.audit.models import AuditRow, AuditSeal
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DataClass
from school_app.audit.service import record
from school_app.config import ColdSettings, Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.core.tenancy import all_schools
from school_app.operations.database_users import AUDIT, JOBS, Who
from tests import factories, worlds
from tests.architecture.test_routes import ARGUMENTS, ENDS_THE_WALK, rules
from tests.audit.places import NOW, YEAR, Place, days_ago, in_year
from tests.factories import TwoSchools
from tests.operations.users import DENIED, Users, taken_away, users_of_a_database
from tests.visits import log_in
from workers import carrying, schedule

BY = {"changed_by_name": "Ada"}
LAST_YEAR = f"p{NOW.year + 2}"
# Which account does the jobs of a queue.
DOES = {"audit": Who.ARCHIVER, "slow": Who.WORKER, "default": Who.WORKER}


class Denied(Exception):
    """The server refused for want of a right."""


@dataclass
class House:
    """Two schools in a database with accounts, and one at work in each."""

    users: Users
    schools: TwoSchools
    owner: Flask

    @property
    def place(self) -> Place:
        return Place(self.owner, self.users.owner)


@pytest.fixture(scope="module")
def house(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    cold = ColdSettings(folder=tmp_path_factory.mktemp("cold"))
    with users_of_a_database(replace(settings, cold=cold), "work") as users:
        owner = create_app(users.settings)
        owner.extensions["formroom.queue"] = factories.ListQueue()
        for app in (*users.apps.values(), owner):
            app.config["WTF_CSRF_ENABLED"] = False
        with owner.app_context():
            schools = made(db.session())
            db.session.remove()
        yield House(users, schools, owner)
        with owner.app_context():
            db.engine.dispose()


def made(session: Any) -> TwoSchools:
    """Two schools, committed; what is known of them stays known when the session is gone."""
    session.expire_on_commit = False
    schools = worlds.two_schools(session)
    session.commit()
    with all_schools(session):
        ours = select(AuditRow).where(AuditRow.school_id == schools.ours.school.id)
        schools.ours.things["audit_row"] = session.scalars(ours.limit(1)).one()
        hold = LegalHold(school_id=schools.ours.school.id, reason="A hold of the test", set_by_name="Ada")
        session.add(hold)
        session.commit()
        schools.ours.things["hold"] = hold
    session.expunge_all()
    session.close()
    return schools


def answered(found: Any, path: str) -> None:
    if found.status_code >= 500:
        raise Denied(f"{path}: {found.status_code}")


def web(house: House) -> None:
    """Log in, look at the history, one event and its seal; an operator looks at the platform's pages."""
    app, ours = house.users.apps[Who.WEB], house.schools.ours
    house.place.write(*days_ago(3), school_id=ours.school.id)
    house.place.seal()
    try:
        client = log_in(app.test_client(), ours.auditor)
    except AssertionError as error:
        raise Denied("the log-in") from error
    row_id, moment = max(house.place.rows(HOT))
    for path in ("/audit", "/audit?from=2020-01-01", f"/audit/{row_id}/{moment.isoformat()}", "/audit/seal"):
        answered(client.get(path), path)
    operator = log_in(app.test_client(), house.schools.operator)
    for path in ("/platform/jobs", "/platform/audit-runs", "/platform/schools"):
        answered(operator.get(path), path)


def emptied(house: House) -> None:
    """Throw away what another test wrote, in cold storage too."""
    house.place.empty()
    with house.place.engine.begin() as connection:
        for model in (ColdDay, ColdFile):
            connection.execute(delete(model))


def destroyed(house: House) -> None:
    """A file that was destroyed, whose record, rule and holds a verification looks for."""
    at = datetime(2020, 5, 1, tzinfo=UTC)
    same = {"rows": 1, "first_id": 1, "last_id": 1, "digest": "0" * 64}
    listed = {"year": 2020, "path": "gone", "sha256": "0" * 64, "bytes": 1, "status": ColdStatus.DESTROYED, **same}
    times = {"first_at": at, "last_at": at, "cold_before": date(2021, 1, 1), "destroyed_at": at}
    with house.place.engine.begin() as connection:
        connection.execute(insert(ColdFile).values(id=1, **listed, **times))
        connection.execute(insert(ColdDay).values(file_id=1, day=at.date(), up_to_id=1, **same))
        of_day = {"day": at.date(), "above_id": 0, "up_to_id": 1, **same}
        connection.execute(insert(AuditSeal).values(previous="0" * 64, hash="0" * 64, sealed_at=at, **of_day))


def worker(house: House) -> None:
    """Seal, as the nightly job does, and record what was done."""
    emptied(house)
    house.place.write(*days_ago(3))
    app = house.users.apps[Who.WORKER]
    carried_out(app, "seal_audit", house)
    destroyed(house)
    with app.app_context():
        said = app.test_cli_runner().invoke(audit, ["verify"])
        db.session.remove()
    if "denied" in said.output + str(said.exception):
        raise Denied("flask audit verify")
    assert (said.exit_code, "gone: its destruction is not on record." in said.output) == (1, True), said.output
    with app.app_context(), all_schools(db.session):
        record(db.session, Event.EXPORTED, reason="a test")
        db.session.commit()
        db.session.remove()


def archiver(house: House) -> None:
    """Make a missing year's partitions, move rows by exchange and by batch, and take a year to cold storage."""
    emptied(house)
    for table in ("audit_log", "audit_log_archive"):
        dropped(house, table)
    house.place.write(*in_year(YEAR, 1, 2, 3), *days_ago(100, 99))
    for number, moment in enumerate(in_year(YEAR - 1, 1, 2, 3)):
        house.place.write(moment, table=ARCHIVE, id=number + 1)
    # What a run left that was killed, and does not fit into an empty partition.
    house.place.write(*in_year(YEAR - 1, 40), table=STAGED, id=9)
    house.place.seal()
    app = house.users.apps[Who.ARCHIVER]
    carried_out(app, "keep_audit_partitions", house)
    methods = set(Place(app, house.users.owner).run().record.methods)
    if methods != {"exchange", "batches"}:
        # Where a server refuses an exchange, the run says so and goes on with batches.
        raise Denied(f"the years went by {methods}")
    with app.app_context(), all_schools(db.session):
        try:
            for _ in Cooling(db.session, store(), Limits(), "a test").steps():
                db.session.commit()
        finally:
            db.session.remove()
    assert house.place.rows(ARCHIVE).keys() >= {key for key in house.place.rows() if key[1].year == YEAR}


def dropped(house: House, table: str) -> None:
    """Where the last future year has its partition, it is taken away with what a test left in it."""
    with house.users.owner.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT partition_name FROM information_schema.partitions "
            f"WHERE table_schema = DATABASE() AND table_name = '{table}'"
        ).scalars()
        if LAST_YEAR not in set(names):
            return
    house.users.run(f"ALTER TABLE {table} DROP PARTITION {LAST_YEAR}")


def carried_out(app: Flask, name: str, house: House) -> None:
    """Have a job done by whoever the app connects as; the row is written by the web, as a person's click does."""
    with house.users.apps[Who.WEB].app_context(), all_schools(db.session):
        job_run_id = enqueue_after_commit(db.session, f"workers.jobs.{name}").id
        db.session.commit()
        db.session.remove()
    with app.app_context():
        carrying.carry_out(job_run_id)
        db.session.remove()
    with house.owner.app_context(), all_schools(db.session):
        done = db.session.scalars(select(JobRun).where(JobRun.id == job_run_id)).one()
        status, error = done.status, done.error
        db.session.remove()
    if status is not JobStatus.DONE:
        assert "denied" in str(error), error
        raise Denied(f"{name}: {error}")


WORK: dict[Who, Callable[[House], None]] = {Who.WEB: web, Who.WORKER: worker, Who.ARCHIVER: archiver}


@pytest.mark.parametrize("who", Who)
def test_each_does_its_work(house: House, who: Who) -> None:
    WORK[who](house)


# What a verification asks beside the log, to judge a destruction.
JUDGED_BY = {"retention_rule": {Who.WORKER: ("SELECT",)}, "legal_hold": {Who.WORKER: ("SELECT",)}}
NEEDED = [
    (who, table, right)
    for table, rights in {**AUDIT, **JOBS, **JUDGED_BY}.items()
    for who, granted in rights.items()
    for right in granted
    if not (table == "job_run" and who is not Who.ARCHIVER)
]
# To lock a row against others, MySQL asks for the right to change it.
ASKED_BY_MYSQL = {(Who.WORKER, "audit_archive_lease", "UPDATE")}


@pytest.mark.parametrize("right", NEEDED, ids=" ".join)
def test_without_any_of_its_rights_on_the_log_none_could(house: House, right: tuple[Who, str, str]) -> None:
    if right in ASKED_BY_MYSQL and house.users.is_mariadb:
        pytest.skip("MariaDB does not ask for it.")
    who = right[0]
    with taken_away(house.users, *right), pytest.raises((Denied, DBAPIError)) as refused:
        WORK[who](house)
    assert isinstance(refused.value, Denied) or refused.value.orig.args[0] in DENIED


def test_the_archiver_states_old_rules_and_holds_again(house: House) -> None:
    emptied(house)
    old = clock.now() - timedelta(days=320)
    rule = {"id": 1, "data_class": DataClass.SCHOOL_LOG, "years": 12, "years_before": 12, "source": "A law", **BY}
    said = {"data_class": [None, "school_log"], "years": [None, 12]}
    thing = {"entity_type": "retention_rule", "entity_id": 1, "event": "row.added", "actor_name": "Ada"}
    with house.place.engine.begin() as connection:
        connection.execute(insert(RetentionRule).values(changed_at=old, **rule))
        connection.execute(insert(AuditRow).values(created_at=old, changes=said, **thing))
    try:
        carried_out(house.users.apps[Who.ARCHIVER], "destroy_audit", house)
        with house.place.engine.begin() as connection:
            events = set(connection.scalars(select(AuditRow.event)))
        assert {str(Event.RULE_RESTATED), str(Event.HOLD_RESTATED)} <= events
    finally:
        with house.place.engine.begin() as connection:
            connection.execute(delete(RetentionRule))


@pytest.mark.parametrize("entry", schedule.TABLE, ids=lambda one: one.name)
def test_every_scheduled_job_is_done_by_the_account_of_its_queue(house: House, entry: schedule.Entry) -> None:
    carried_out(house.users.apps[DOES[entry.queue]], entry.job.rpartition(".")[2], house)


@pytest.mark.parametrize("who", ["form_master", "teacher", "head", "admin", "auditor", "operator"])
def test_every_address_answers_with_the_webs_own_account(house: House, who: str) -> None:
    app, ours = house.users.apps[Who.WEB], house.schools.ours
    client = app.test_client()
    log_in(client, house.schools.operator if who == "operator" else getattr(ours, who))
    broken, seen = [], 0
    for rule, method in rules(app):
        if rule.endpoint in ENDS_THE_WALK:
            continue
        with app.test_request_context():
            values = {name: ARGUMENTS[name](ours) for name in rule.arguments}
            path = app.url_map.bind("localhost").build(rule.endpoint, values)
        seen += 1
        if (status := client.open(path, method=method).status_code) >= 500:
            broken.append(f"{method} {path}: {status}")
    assert not broken, "\n".join(broken)
    assert seen > 50
