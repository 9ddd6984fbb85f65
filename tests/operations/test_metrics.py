"""The metrics: who may read them, what they say, and that they say it for all processes of the web server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from school_app import create_app
from school_app.audit.archive import HOT_DAYS
from school_app.audit.models import AuditRow
from school_app.core import clock, metrics
from school_app.core.fragments import forget_near
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.replicas import State
from school_app.core.sessions import ServerSessions
from school_app.core.tenancy import all_schools
from school_app.operations import measurements, routes
from tests.factories import TwoSchools
from tests.visits import attempt, log_in

TOKEN = "a-token-that-is-long-enough-for-the-metrics"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _with_a_token(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app has a token, and with figures that begin with each test."""
    settings = replace(app.config["FORMROOM"], metrics_token=TOKEN)
    monkeypatch.setitem(app.config, "FORMROOM", settings)
    figures = metrics.of(app)
    monkeypatch.setattr(figures, "_meters", None)


def figures_of(text: str) -> dict[str, float]:
    """Each line of the metrics by its name and labels."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def read(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    return figures_of(answer.text)


def test_the_token_opens_the_metrics_and_nothing_else(client: FlaskClient, statements: list[str]) -> None:
    answer = client.get("/metrics", headers=BEARER)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "Set-Cookie" not in answer.headers
    for path in ("/platform/jobs", "/platform/schools", "/"):
        other = client.get(path, headers=BEARER)
        assert (other.status_code, "/login" in other.headers["Location"]) == (303, True), path


@pytest.mark.parametrize(
    "given", [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", "Bearer x", "bearer é", f"Bearer {TOKEN.upper()}"]
)
def test_a_wrong_token_is_refused(client: FlaskClient, given: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": given})
    assert answer.status_code == 403
    assert "formroom_" not in answer.text


@pytest.mark.parametrize("given", [{}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}])
def test_who_brings_no_token_has_to_log_in(client: FlaskClient, given: dict[str, str]) -> None:
    answer = client.get("/metrics", headers=given)
    assert answer.status_code == 303
    assert "/login" in answer.headers["Location"]
    assert client.get(f"/metrics?token={TOKEN}").status_code == 303


def test_without_a_token_in_the_settings_no_bearer_is_let_in(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FORMROOM", replace(app.config["FORMROOM"], metrics_token=None))
    for given in ("Bearer ", "Bearer None", f"Bearer {TOKEN}"):
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 403


def test_operators_read_the_metrics_and_staff_do_not(app: Flask, two_schools: TwoSchools) -> None:
    assert log_in(app.test_client(), two_schools.operator).get("/metrics").status_code == 200
    for person in (two_schools.ours.admin, two_schools.ours.auditor, two_schools.ours.form_master):
        assert log_in(app.test_client(), person).get("/metrics").status_code == 403


def test_requests_are_timed_by_page_and_kind_of_answer(client: FlaskClient, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.form_master)
    for path in ("/", "/", "/platform/jobs", "/no/such/page"):
        client.get(path)
    found = read(client)
    assert found['formroom_request_seconds_count{endpoint="dashboards.home",status="2xx"}'] == 2
    assert found['formroom_request_seconds_count{endpoint="operations.jobs",status="4xx"}'] == 1
    assert found['formroom_request_seconds_count{endpoint="none",status="4xx"}'] == 1
    assert found['formroom_request_seconds_bucket{endpoint="dashboards.home",le="+Inf",status="2xx"}'] == 2
    assert found['formroom_statements_total{endpoint="dashboards.home"}'] > 2
    assert found['formroom_database_seconds_total{endpoint="dashboards.home"}'] > 0


def test_labels_name_neither_addresses_nor_schools_nor_people(client: FlaskClient, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    for path in (f"/students/{ours.student.id}", "/search?q=Lovelace", *(f"/scan/{number}" for number in range(50))):
        client.get(path)
    answer = client.get("/metrics", headers=BEARER).text
    for said in (ours.canary, ours.school.slug, ours.form_master.login, "Lovelace", "scan"):
        assert said not in answer
    endpoints = set(re.findall(r'endpoint="([^"]+)"', answer))
    assert endpoints <= {rule.endpoint for rule in client.application.url_map.iter_rules()} | {"none"}
    assert len(endpoints) >= 4


def test_failed_log_ins_and_refusals_for_too_many_are_counted(client: FlaskClient, two_schools: TwoSchools) -> None:
    name = two_schools.ours.form_master.login
    statuses = [attempt(client, name, "not the password").status_code for _ in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    found = read(client)
    assert found["formroom_failed_log_ins_total"] == 10
    assert found['formroom_rate_limited_total{endpoint="accounts.login"}'] == 2


def test_what_the_cache_had_and_had_not_is_counted(client: FlaskClient, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.form_master)
    client.get("/")
    # Another process, or the same some seconds later.
    forget_near()
    client.get("/")
    found = read(client)
    assert found['formroom_cache_misses_total{name="present_school"}'] == 1
    assert found['formroom_cache_hits_total{name="present_school"}'] >= 1


def test_people_are_counted_once_however_many_devices_they_use(app: Flask, two_schools: TwoSchools) -> None:
    for _ in range(2):
        log_in(app.test_client(), two_schools.ours.form_master)
    log_in(app.test_client(), two_schools.theirs.form_master)
    assert read(app.test_client())["formroom_active_users"] == 2


def test_jobs_that_wait_are_counted_by_queue_with_the_age_of_the_oldest(
    client: FlaskClient, session: Any, two_schools: TwoSchools
) -> None:
    with all_schools(session):
        session.execute(update(JobRun).values(status=JobStatus.DONE))
        for queue, minutes in (("slow", 5), ("slow", 2), ("audit", 1)):
            at = clock.now() - timedelta(minutes=minutes)
            session.add(JobRun(name="workers.jobs.name", queue=queue, arguments={}, queued_at=at))
        session.flush()
    session.commit()
    found = read(client)
    jobs = {queue: found[f'formroom_queue_jobs{{queue="{queue}"}}'] for queue in ("default", "slow", "audit")}
    assert jobs == {"default": 0, "slow": 2, "audit": 1}
    assert 300 <= found['formroom_queue_oldest_seconds{queue="slow"}'] < 320
    assert found['formroom_queue_oldest_seconds{queue="default"}'] == 0


def test_the_archive_lags_by_what_the_oldest_live_row_is_past_its_days(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        assert measurements.archive_lag(session)[0].values == {"": 0.0}
        oldest = session.scalar(select(AuditRow.id).order_by(AuditRow.id).limit(1))
        late = clock.now() - timedelta(days=HOT_DAYS + 3)
        session.execute(update(AuditRow.__table__).where(AuditRow.id == oldest).values(created_at=late))
        [lag] = measurements.archive_lag(session)
    assert timedelta(days=3) <= timedelta(seconds=lag.values[""]) < timedelta(days=3, minutes=1)


def test_a_read_of_the_metrics_takes_few_statements_however_many_jobs_and_rows_there_are(
    client: FlaskClient, two_schools: TwoSchools, statements: list[str]
) -> None:
    read(client)
    statements.clear()
    read(client)
    assert len(statements) == 2
    assert not [one for one in statements if "count(" in one.lower() and "audit_log" in one]


def test_a_part_that_does_not_answer_is_said_to_be_down_and_the_rest_is_told(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> int:
        raise RedisGone("refused")

    monkeypatch.setattr(ServerSessions, "active", gone)
    found = read(client)
    assert (found['formroom_part_up{part="redis"}'], found['formroom_part_up{part="database"}']) == (0, 1)
    assert "formroom_active_users" not in found
    assert found['formroom_queue_jobs{queue="default"}'] >= 0


def test_replicas_are_told_of_while_the_database_does_not_answer(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> list[Any]:
        raise OperationalError("SELECT", {}, Exception("the server has gone away"))

    monkeypatch.setattr(measurements, "waiting_jobs", gone)
    monkeypatch.setattr(routes, "replica_states", lambda _: [State("a:3306", behind=1.5, is_near=True)])
    found = read(client)
    assert found['formroom_part_up{part="database"}'] == 0
    assert found['formroom_replica_lag_seconds{replica="a:3306"}'] == 1.5


def test_connections_in_use_are_counted_while_they_are(settings: Any) -> None:
    apart = create_app(settings)
    from school_app.core.db import db

    figures = metrics.of(apart)
    with apart.app_context():
        engine = db.engine
        one, two = engine.connect(), engine.connect()
        assert figures_of(figures.text([]).decode())["formroom_pool_in_use"] == 2
        one.close()
        two.close()
        found = figures_of(figures.text([]).decode())
        engine.dispose()
    assert (found["formroom_pool_in_use"], found["formroom_pool_size"]) == (0, 8)


SERVES = """
import os, signal, sys
from wsgi import app
client = app.test_client()
for _ in range(int(sys.argv[1])):
    client.get("/health/live")
if sys.argv[2] == "dies":
    from school_app.core import metrics
    metrics.of(app)._use(5)
    os.kill(os.getpid(), signal.SIGKILL)
print(client.get("/metrics", headers={"Authorization": "Bearer " + os.environ["FORMROOM_METRICS_TOKEN"]}).text)
"""


def serve(settings: Any, folder: Path, times: int, end: str = "lives") -> subprocess.CompletedProcess[str]:
    """A process of a web server, as this process's child, that answers some requests and tells the metrics."""
    environment = {
        **os.environ,
        "FORMROOM_ENV": "production",
        "FORMROOM_DATABASE_URL": settings.database_url,
        "FORMROOM_REDIS_URL": settings.redis_url,
        "FORMROOM_SECRET_KEY": settings.secret_key,
        "FORMROOM_METRICS_TOKEN": TOKEN,
        "FORMROOM_METRICS_DIR": str(folder),
    }
    command = [sys.executable, "-c", SERVES, str(times), end]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_each_process_tells_for_all_of_its_server_and_the_dead_hold_no_connections(
    settings: Any, app: Flask, tmp_path: Path
) -> None:
    gone = tmp_path / f"{os.uname().nodename}-999999999-1"
    gone.mkdir()
    (gone / "counter_1.db").write_bytes(b"what another server has left")
    assert serve(settings, tmp_path, 3, "dies").returncode == -9
    found = figures_of(serve(settings, tmp_path, 4).stdout)
    assert found['formroom_request_seconds_count{endpoint="operations.live",status="2xx"}'] == 7
    assert found["formroom_pool_in_use"] <= 1
    assert not gone.exists()


def test_commands_and_workers_keep_no_figures(settings: Any, app: Flask, tmp_path: Path) -> None:
    made = create_app(replace(settings, environment="production", metrics_dir=tmp_path / "figures"))
    with made.app_context():
        from school_app.core.db import db

        db.engine.connect().close()
        db.engine.dispose()
    assert not (tmp_path / "figures").exists()


def test_a_request_is_answered_where_figures_cannot_be_kept(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(metrics.Meters, "tell", full)
    assert client.get("/health/live").status_code == 200
    assert "metrics_not_kept" in capsys.readouterr().err


def test_a_replica_is_told_with_whether_pages_are_read_there_and_with_its_lag_where_that_is_known() -> None:
    read = measurements.replica_lags(
        [State("a:3306", behind=1.5, is_near=True), State("b:3306", behind=None, is_near=False)]
    )
    assert {one.name: one.values for one in read} == {
        "formroom_replica_near": {"a:3306": 1.0, "b:3306": 0.0},
        "formroom_replica_lag_seconds": {"a:3306": 1.5},
    }
    assert measurements.replica_lags([]) == []
