"""An archive run pauses while a replica lags: shown on a primary and a real replica."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask_migrate import upgrade

from school_app import create_app
from school_app.archiving import replicas
from school_app.archiving.replicas import Replicas, ReplicasLag
from school_app.audit.archive import Run
from school_app.audit.models import RunStatus
from school_app.config import BadSettings, Settings
from school_app.core.db import db
from school_app.core.db.engines import unhurried_engine
from tests.audit.breaks import CUTOFF, begin_anew, check_finished
from tests.audit.places import SMALL, Place
from tests.factories import ListQueue
from tests.replicating import PRIMARY, REPLICA, Servers, mariadb_pair


@dataclass(frozen=True)
class Pair:
    """A log on a primary, and the servers."""

    place: Place
    servers: Servers

    def tell(self, statement: str) -> None:
        """Have the replica do something."""
        self.servers.tell(REPLICA, statement)

    def run(self, settings: Settings) -> Iterator[Run]:
        """A run as the job does it, given after every step."""
        with self.place.session() as session:
            run = Run(session, SMALL, "a test", cutoff=CUTOFF, replicas=Replicas.of(settings))
            try:
                for _ in run.steps():
                    session.commit()
                    yield run
            except ReplicasLag as error:
                session.rollback()
                run.failed(error)
                session.commit()
                raise


@pytest.fixture(scope="module")
def pair(settings: Settings) -> Iterator[Pair]:
    with mariadb_pair() as servers:
        servers.begin()
        app = create_app(replace(settings, database_url=servers.url(PRIMARY), read_urls=(servers.url(REPLICA),)))
        app.extensions["formroom.queue"] = ListQueue()
        with app.app_context():
            upgrade()
        made = Pair(Place(app, unhurried_engine(app.config["FORMROOM"], 5)), servers)
        yield made
        made.place.engine.dispose()
        with app.app_context():
            db.engine.dispose()


def settings_of(pair: Pair) -> Settings:
    found: Settings = pair.place.app.config["FORMROOM"]
    return found


def test_a_run_goes_on_while_its_replica_keeps_up(pair: Pair) -> None:
    before = begin_anew(pair.place)
    pair.servers.caught_up()
    for _ in pair.run(settings_of(pair)):
        pass
    check_finished(pair.place, before)
    assert pair.place.runs()[-1].status == RunStatus.DONE


def test_a_run_waits_while_its_replica_stands_still_and_says_so(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "SAY_EVERY", 0.5)
    # The whole run takes less than the second that a replica may be behind.
    monkeypatch.setattr(replicas, "MOST_SECONDS", 0)
    before = begin_anew(pair.place)
    pair.servers.caught_up()
    steps, moved, said = pair.run(settings_of(pair)), [], set()
    next(steps)
    pair.tell("STOP SLAVE SQL_THREAD")
    for run in steps:
        if run.record.waits_for is not None:
            moved.append(run.moved)
            said.add(pair.place.runs()[-1].waits_for.partition(", ")[0])
        if len(moved) == 5:
            pair.tell("START SLAVE SQL_THREAD")
    check_finished(pair.place, before)
    kept = pair.place.runs()[-1]
    assert (kept.status, kept.waits_for) == (RunStatus.DONE, None)
    assert len(set(moved[:5])) == 1
    assert kept.waited >= 1
    assert said == {f"127.0.0.1:{pair.servers.ports[REPLICA]}"}


def test_it_is_the_delay_itself_that_counts_not_what_the_replica_says_of_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica told to stay a second behind is asked after each batch, and none goes before it has the last."""
    monkeypatch.setattr(replicas, "MOST_SECONDS", 0)
    before = begin_anew(pair.place)
    pair.servers.caught_up()
    for statement in ("STOP SLAVE", "CHANGE MASTER TO master_delay=1", "START SLAVE"):
        pair.tell(statement)
    try:
        for _ in pair.run(settings_of(pair)):
            pass
    finally:
        for statement in ("STOP SLAVE", "CHANGE MASTER TO master_delay=0", "START SLAVE"):
            pair.tell(statement)
    check_finished(pair.place, before)
    # Four times at least: before the year and each of two batches, and after the last one.
    assert pair.place.runs()[-1].waited >= 3


def test_a_run_gives_up_where_a_replica_cannot_be_asked(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    monkeypatch.setattr(replicas, "PATIENCE", 0.5)
    before = begin_anew(pair.place)
    nobody = replace(settings_of(pair), read_urls=("mysql+pymysql://root@127.0.0.1:9/log",))
    with pytest.raises(ReplicasLag, match=r"127\.0\.0\.1:9, an unknown time behind.*FORMROOM_DATABASE_READ_URL"):
        list(pair.run(nobody))
    assert pair.place.runs()[-1].status == RunStatus.FAILED
    assert pair.place.rows().items() >= before.items()
    for _ in pair.run(settings_of(pair)):
        pass
    check_finished(pair.place, before)


def test_the_addresses_of_replicas_are_read_and_checked() -> None:
    env = {"FORMROOM_ENV": "embedded", "FORMROOM_DATABASE_READ_URL": "mysql+pymysql://a@b/c, mysql+pymysql://a@d/c"}
    assert Settings.from_env(env).read_urls == ("mysql+pymysql://a@b/c", "mysql+pymysql://a@d/c")
    for wrong in ("b:3306", "postgresql://a@b/c", "sqlite:///x"):
        with pytest.raises(BadSettings, match="FORMROOM_DATABASE_READ_URL"):
            Settings.from_env({**env, "FORMROOM_DATABASE_READ_URL": wrong})
