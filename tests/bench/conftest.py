"""A server as in production over two small generated schools, for a few seconds of load."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import pytest
from flask import Flask

from school_app.config import Settings
from tests import databases

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Served:
    """An app, and the port on which a server of its own answers over the same database."""

    app: Flask
    port: int
    folder: Path

    @contextmanager
    def beside(self, application: str = "wsgi:app", **changes: str) -> Iterator[int]:
        """One more server over the same database, on a port of its own; `changes` are variables."""
        with _server(self.app.config["FORMROOM"], self.folder, application, **changes) as port:
            yield port


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with databases.app_of_its_own(settings, "bench", metrics_token="t" * 32) as app:
        arguments = ("--schools", "2", "--students", "60", "--years", "1", "--audit", "200")
        with app.app_context():
            for command in (["demo", "generate", *arguments], ["summaries", "refresh"]):
                done = app.test_cli_runner().invoke(args=command)
                assert done.exit_code == 0, done.output
        folder = tmp_path_factory.mktemp("server")
        with _server(app.config["FORMROOM"], folder) as port:
            yield Served(app, port, folder)


@contextmanager
def _server(settings: Settings, folder: Path, application: str = "wsgi:app", **changes: str) -> Iterator[int]:
    port = _free_port()
    command = [
        *(str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--blocking-threads", "4", "--workers-kill-timeout", "2", "--no-ws", application),
    ]
    child = subprocess.Popen(command, cwd=ROOT, env=_environment(settings, port, folder) | changes)
    try:
        _wait_for(port, child)
        yield port
    finally:
        child.terminate()
        try:
            child.wait(30)
        finally:
            child.kill()
            child.wait()


def _environment(settings: Settings, port: int, folder: Path) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("FORMROOM_")}
    return own | {
        "FORMROOM_DATABASE_URL": settings.database_url,
        "FORMROOM_REDIS_URL": str(settings.redis_url),
        "FORMROOM_SECRET_KEY": settings.secret_key,
        "FORMROOM_BASE_URL": f"http://127.0.0.1:{port}",
        "FORMROOM_DATA_DIR": str(folder),
        "FORMROOM_LOG_LEVEL": "ERROR",
        "FORMROOM_METRICS_TOKEN": str(settings.metrics_token),
    }


def _free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until and child.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("The server does not answer.")
